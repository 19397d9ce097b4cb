// What the C library declares for GNU sources only, and Swift's module of it therefore lacks.
#pragma once

#include <sys/types.h>

/// Room in a file, taken ahead: see fallocate(2).
extern int fallocate(int descriptor, int mode, off_t offset, off_t length);

/// The file's size stays as it is.
static const int fallocateKeepsSize = 1;
