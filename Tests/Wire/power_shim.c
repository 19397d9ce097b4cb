/* Records what a process does to the files below one directory, for the power-loss test
   (power_disk.py says why and what becomes of the record).

       FIRN_POWER_DIRECTORY=/dir FIRN_POWER_TRACE=/file [FIRN_POWER_SYNC_US=n] LD_PRELOAD=this.so

   Every call is made with `syscall`, so nothing has to be looked up and nothing can run before it
   is ready. Changes run under one lock and are recorded before it is released: the order of the
   records is the order of the changes. A sync is two records, its beginning and its end, and runs
   without the lock, in FIRN_POWER_SYNC_US microseconds at the most: a file system in memory syncs
   at once, and the moments between would not exist. What is not understood is recorded too, so
   that the reader can refuse. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, CLOSE, WRITE, SIZE, RENAME, UNLINK, MKDIR, SYNC_START, SYNC_END, UNKNOWN };
enum { FILES = 65536, SYNCS_THEMSELVES = 2 };

struct header {
    uint32_t kind;
    int32_t fd;
    uint64_t a, b;
    uint32_t text_bytes, data_bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *directory;
static size_t directory_bytes;
static int trace = -1;
static unsigned sync_us, syncs;
/* What is known of a descriptor: 0 not ours, 1 ours, 3 opened so that each write syncs. */
static volatile unsigned char ours[FILES];

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FIRN_POWER_TRACE"), *us = getenv("FIRN_POWER_SYNC_US");
    directory = getenv("FIRN_POWER_DIRECTORY");
    if (!path || !directory) return;
    directory_bytes = strlen(directory);
    sync_us = us ? (unsigned)atoi(us) : 0;
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    trace = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0644);
}

static int below(const char *path) {
    return trace >= 0 && path && !strncmp(path, directory, directory_bytes)
        && (path[directory_bytes] == '/' || !path[directory_bytes]);
}

static int known(int fd) { return fd >= 0 && fd < FILES ? ours[fd] : 0; }

/* One record, the lock held; `errno` stays. */
static void record(uint32_t kind, int fd, uint64_t a, uint64_t b, const char *text,
                   const char *more, const struct iovec *data, int count, size_t data_bytes) {
    struct iovec parts[1024];
    struct header header = {kind, fd, a, b, 0, (uint32_t)data_bytes};
    int used = 1, saved = errno;
    parts[0] = (struct iovec){&header, sizeof header};
    if (text) parts[used++] = (struct iovec){(void *)text, strlen(text)};
    if (more) {
        parts[used++] = (struct iovec){"\n", 1};
        parts[used++] = (struct iovec){(void *)more, strlen(more)};
    }
    for (int i = 1; i < used; i++) header.text_bytes += (uint32_t)parts[i].iov_len;
    for (int i = 0; i < count && data_bytes; i++) {
        size_t bytes = data[i].iov_len < data_bytes ? data[i].iov_len : data_bytes;
        parts[used++] = (struct iovec){data[i].iov_base, bytes};
        data_bytes -= bytes;
    }
    size_t whole = 0;
    for (int i = 0; i < used; i++) whole += parts[i].iov_len;
    if (syscall(SYS_writev, trace, parts, used) != (long)whole) abort();
    errno = saved;
}

static void note(uint32_t kind, int fd, uint64_t a, uint64_t b, const char *text) {
    record(kind, fd, a, b, text, 0, 0, 0, 0);
}

static void refuse(const char *what) {
    pthread_mutex_lock(&lock);
    note(UNKNOWN, -1, 0, 0, what);
    pthread_mutex_unlock(&lock);
}

static int synced(int fd, long number) {
    pthread_mutex_lock(&lock);
    unsigned order = ++syncs;
    note(SYNC_START, fd, order, 0, 0);
    pthread_mutex_unlock(&lock);
    if (sync_us) usleep((order * 2654435761u >> 8) % sync_us);
    int result = number ? (int)syscall(number, fd) : 0;
    pthread_mutex_lock(&lock);
    note(SYNC_END, fd, order, (uint64_t)(result == 0), 0);
    pthread_mutex_unlock(&lock);
    return result;
}

/* Opening and closing. */

static int opened(int at, const char *path, int flags, mode_t mode) {
    if (!below(path)) {
        if (at != AT_FDCWD && known(at)) refuse("openat below a directory");
        return (int)syscall(SYS_openat, at, path, flags, mode);
    }
    pthread_mutex_lock(&lock);
    int existed = syscall(SYS_access, path, F_OK) == 0;
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (fd >= FILES) abort();
    if (fd >= 0) {
        ours[fd] = flags & O_DSYNC ? 1 | SYNCS_THEMSELVES : 1;
        note(OPEN, fd, (uint64_t)flags, (uint64_t)existed, path);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return opened(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return opened(at, path, flags, mode);
}

int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));

int close(int fd) {
    if (!known(fd)) return (int)syscall(SYS_close, fd);
    pthread_mutex_lock(&lock);
    note(CLOSE, fd, 0, 0, 0);
    ours[fd] = 0;
    int result = (int)syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
    return result;
}

/* Writing. `offset` -1: where the descriptor stands. */

static ssize_t wrote(int fd, const struct iovec *parts, int count, off_t offset) {
    if (count > 1000) abort();
    pthread_mutex_lock(&lock);
    ssize_t bytes = offset < 0 ? syscall(SYS_writev, fd, parts, count)
                               : syscall(SYS_pwritev, fd, parts, count, offset, 0);
    if (bytes > 0) {
        int saved = errno;
        off_t at = offset < 0 ? syscall(SYS_lseek, fd, 0, SEEK_CUR) - bytes : offset;
        errno = saved;
        record(WRITE, fd, (uint64_t)at, 0, 0, 0, parts, count, (size_t)bytes);
    }
    pthread_mutex_unlock(&lock);
    if (bytes > 0 && known(fd) & SYNCS_THEMSELVES) synced(fd, 0);
    return bytes;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (!known(fd)) return syscall(SYS_write, fd, bytes, count);
    return wrote(fd, &(struct iovec){(void *)bytes, count}, 1, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    if (!known(fd)) return syscall(SYS_pwrite64, fd, bytes, count, offset);
    return wrote(fd, &(struct iovec){(void *)bytes, count}, 1, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!known(fd)) return syscall(SYS_writev, fd, parts, count);
    return wrote(fd, parts, count, -1);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    if (!known(fd)) return syscall(SYS_pwritev, fd, parts, count, offset, 0);
    return wrote(fd, parts, count, offset);
}

ssize_t pwrite64(int, const void *, size_t, off64_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off64_t) __attribute__((alias("pwritev")));

static int sized(int fd, long number, long mode, off_t first, off_t second) {
    pthread_mutex_lock(&lock);
    int result = (int)(number == SYS_ftruncate ? syscall(number, fd, first)
                                               : syscall(number, fd, mode, first, second));
    struct stat now;
    if (result == 0 && syscall(SYS_fstat, fd, &now) == 0)
        note(SIZE, fd, (uint64_t)now.st_size, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t size) {
    return known(fd) ? sized(fd, SYS_ftruncate, 0, size, 0) : (int)syscall(SYS_ftruncate, fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    if (!known(fd)) return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    if (mode & ~FALLOC_FL_KEEP_SIZE) refuse("fallocate with a mode that changes contents");
    return sized(fd, SYS_fallocate, mode, offset, bytes);
}

int ftruncate64(int, off64_t) __attribute__((alias("ftruncate")));
int fallocate64(int, int, off64_t, off64_t) __attribute__((alias("fallocate")));

/* Names. */

static int named(uint32_t kind, long number, const char *path, const char *target, long mode) {
    pthread_mutex_lock(&lock);
    int result = (int)(target ? syscall(number, path, target) : syscall(number, path, mode));
    if (result == 0) record(kind, -1, 0, 0, path, target, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *path, const char *target) {
    if (!below(path) && !below(target)) return (int)syscall(SYS_rename, path, target);
    return named(RENAME, SYS_rename, path, target, 0);
}

int unlink(const char *path) {
    return below(path) ? named(UNLINK, SYS_unlink, path, 0, 0) : (int)syscall(SYS_unlink, path);
}

int mkdir(const char *path, mode_t mode) {
    if (!below(path)) return (int)syscall(SYS_mkdir, path, mode);
    return named(MKDIR, SYS_mkdir, path, 0, mode);
}

int rmdir(const char *path) {
    if (below(path)) refuse("rmdir");
    return (int)syscall(SYS_rmdir, path);
}

int link(const char *path, const char *target) {
    if (below(target)) refuse("link");
    return (int)syscall(SYS_link, path, target);
}

int truncate(const char *path, off_t size) {
    if (below(path)) refuse("truncate");
    return (int)syscall(SYS_truncate, path, size);
}

/* Syncing, and what would get round it all. */

int fsync(int fd) { return known(fd) ? synced(fd, SYS_fsync) : (int)syscall(SYS_fsync, fd); }

int fdatasync(int fd) {
    return known(fd) ? synced(fd, SYS_fdatasync) : (int)syscall(SYS_fdatasync, fd);
}

int dup(int fd) {
    if (known(fd)) refuse("dup");
    return (int)syscall(SYS_dup, fd);
}

/* LMDB's lock file is mapped for writing; nothing durable is in it. */
void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset) {
    if (fd >= 0 && known(fd) && protection & PROT_WRITE && flags & MAP_SHARED) {
        pthread_mutex_lock(&lock);
        note(UNKNOWN, fd, 0, 0, "mmap");
        pthread_mutex_unlock(&lock);
    }
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

void *mmap64(void *, size_t, int, int, int, off64_t) __attribute__((alias("mmap")));
