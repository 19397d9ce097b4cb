#include <stddef.h>
#include <jemalloc/jemalloc.h>

/* Swift has no prefetch of its own; tables that chase pointers need one. */
static inline void firn_prefetch(const void *address) { __builtin_prefetch(address); }
