// Loaded into a gateway before all else (LD_PRELOAD): a system clock that a test sets, and a disk that it fills,
// protects or breaks. Linux only.
//
// SHIM_CONTROL names a file of 64 bytes, "<seconds> <mode>" and blanks, which is read anew at every call. The
// wall clock is shifted by that many seconds; the monotonic clocks never are. The kernel says that no time service keeps
// the clock, or that one does if SHIM_SYNCHRONISED is set. The mode is about the files under
// SHIM_FOLDER: "fine"; "full": no write and no new file (ENOSPC); "readonly": neither, nor a change of names (EROFS);
// "unsynced": writes, but no sync (EIO). SHIM_LOG names a file to which each injected fault is added, so that a test
// can see that there were some.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum mode { FINE, FULL, READONLY, UNSYNCED };

static int control_fd = -1;
static char folder[PATH_MAX];
static size_t folder_length;

__attribute__((constructor)) static void start(void) {
    const char *control = getenv("SHIM_CONTROL");
    const char *under = getenv("SHIM_FOLDER");
    if (control) control_fd = syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    if (under) folder_length = (size_t)snprintf(folder, sizeof folder, "%s", under);
}

static enum mode read_control(long long *seconds) {
    char text[65] = {0};
    char word[16] = {0};
    *seconds = 0;
    if (control_fd < 0 || syscall(SYS_pread64, control_fd, text, 64, 0) != 64) return FINE;
    if (sscanf(text, "%lld %15s", seconds, word) != 2) return FINE;
    if (!strcmp(word, "full")) return FULL;
    if (!strcmp(word, "readonly")) return READONLY;
    if (!strcmp(word, "unsynced")) return UNSYNCED;
    return FINE;
}

static enum mode mode(void) {
    long long seconds;
    return read_control(&seconds);
}

static int is_under(const char *path) {
    return folder_length > 0 && path && !strncmp(path, folder, folder_length);
}

static int fd_is_under(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_under(path);
}

static int fault(const char *what, int error) {
    const char *log = getenv("SHIM_LOG");
    int fd = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (fd >= 0) {
        char line[128];
        int length = snprintf(line, sizeof line, "%s %s\n", what, strerrorname_np(error));
        syscall(SYS_write, fd, line, (size_t)length);
        syscall(SYS_close, fd);
    }
    errno = error;
    return -1;
}

// What a write to this file comes to: 0, or the error.
static int write_error(int fd) {
    enum mode m = mode();
    if ((m != FULL && m != READONLY) || !fd_is_under(fd)) return 0;
    return m == FULL ? ENOSPC : EROFS;
}

#define GUARD_WRITE(name, fd)                     \
    do {                                          \
        int error = write_error(fd);              \
        if (error) return fault(#name, error);    \
    } while (0)

ssize_t write(int fd, const void *buffer, size_t count) {
    GUARD_WRITE(write, fd);
    return syscall(SYS_write, fd, buffer, count);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    GUARD_WRITE(writev, fd);
    return syscall(SYS_writev, fd, parts, count);
}
ssize_t pwrite(int fd, const void *buffer, size_t count, off_t offset) {
    GUARD_WRITE(pwrite, fd);
    return syscall(SYS_pwrite64, fd, buffer, count, offset);
}
ssize_t pwrite64(int fd, const void *buffer, size_t count, off64_t offset) {
    GUARD_WRITE(pwrite, fd);
    return syscall(SYS_pwrite64, fd, buffer, count, offset);
}
int ftruncate(int fd, off_t length) {
    GUARD_WRITE(ftruncate, fd);
    return (int)syscall(SYS_ftruncate, fd, length);
}
int ftruncate64(int fd, off64_t length) {
    GUARD_WRITE(ftruncate, fd);
    return (int)syscall(SYS_ftruncate, fd, length);
}

static int sync_error(int fd) { return mode() == UNSYNCED && fd_is_under(fd); }

int fsync(int fd) {
    if (sync_error(fd)) return fault("fsync", EIO);
    return (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
    if (sync_error(fd)) return fault("fdatasync", EIO);
    return (int)syscall(SYS_fdatasync, fd);
}

// What opening this file comes to: 0, or the error.
static int open_error(const char *path, int flags) {
    enum mode m = mode();
    if (m == FINE || m == UNSYNCED || !is_under(path)) return 0;
    int exists = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    if (m == FULL) return (flags & O_CREAT) && !exists ? ENOSPC : 0;
    if ((flags & O_ACCMODE) != O_RDONLY) return EROFS;
    return (flags & O_CREAT) && !exists ? EROFS : 0;
}

static int open_at(int folder_fd, const char *path, int flags, va_list rest) {
    mode_t bits = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    int error = open_error(path, flags);
    if (error) return fault("open", error);
    return (int)syscall(SYS_openat, folder_fd, path, flags, bits);
}

#define OPEN(name)                                         \
    int name(const char *path, int flags, ...) {           \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        int fd = open_at(AT_FDCWD, path, flags, rest);     \
        va_end(rest);                                      \
        return fd;                                         \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
    int name(int folder_fd, const char *path, int flags, ...) { \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        int fd = open_at(folder_fd, path, flags, rest);         \
        va_end(rest);                                           \
        return fd;                                              \
    }
OPENAT(openat)
OPENAT(openat64)

int mkdir(const char *path, mode_t bits) {
    enum mode m = mode();
    int is_new = is_under(path) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
    if (is_new && m == FULL) return fault("mkdir", ENOSPC);
    if (is_new && m == READONLY) return fault("mkdir", EROFS);
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, bits);
}
int rename(const char *from, const char *to) {
    if (is_under(to) && mode() == READONLY) return fault("rename", EROFS);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int unlink(const char *path) {
    if (is_under(path) && mode() == READONLY) return fault("unlink", EROFS);
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static long long shift(void) {
    long long seconds;
    read_control(&seconds);
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static __typeof__(&clock_gettime) next;
    if (!next) next = NEXT(clock_gettime);
    int result = next(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return result;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static __typeof__(&gettimeofday) next;
    if (!next) next = NEXT(gettimeofday);
    int result = next(now, zone);
    if (result == 0) now->tv_sec += shift();
    return result;
}
int adjtimex(struct timex *clock) {
    memset(clock, 0, sizeof *clock);
    if (getenv("SHIM_SYNCHRONISED")) return TIME_OK;
    clock->status = STA_UNSYNC;
    return TIME_ERROR;
}
time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
