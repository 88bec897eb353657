/* LD_PRELOAD: counts the calls by which a process changes files, and at the n-th one kills it or
 * lets the call fail. What DuckDB does counts too: it calls the same libc.
 *
 *   FAULT_AT=n           which call (from 1); 0 or unset: only count
 *   FAULT_DO=…           kill_before | kill_after | kill_torn (half of a write, then the kill)
 *                        | fail (from the n-th on) | fail_once
 *   FAULT_ERRNO=number   what a failing call says
 *   FAULT_CALLS=a,b      only these calls count (names as in libc)
 *   FAULT_PATH=text      only calls on a path that contains this count
 *   FAULT_COUNT=file     the number of calls so far, as 8 bytes (kept up to date, mapped)
 *   FAULT_TRACE=file     a line for each call, to read
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum Action { NOTHING, KILL_BEFORE, KILL_AFTER, KILL_TORN, FAIL, FAIL_ONCE };

static atomic_long own_count;
static atomic_long *count = &own_count;
static long fault_at;
static enum Action action;
static int fault_errno = ENOSPC, trace = -1;
static const char *only_calls, *only_path;
static pid_t owner;

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) syscall(SYS_pause);
}

__attribute__((constructor)) static void setup(void) {
    static const char *const names[] = {"nothing", "kill_before", "kill_after", "kill_torn",
                                        "fail", "fail_once"};
    const char *text = getenv("FAULT_DO");
    for (size_t i = 0; text != NULL && i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) action = (enum Action)i;
    if ((text = getenv("FAULT_AT")) != NULL) fault_at = atol(text);
    if ((text = getenv("FAULT_ERRNO")) != NULL) fault_errno = (int)strtol(text, NULL, 10);
    only_calls = getenv("FAULT_CALLS");
    only_path = getenv("FAULT_PATH");
    if ((text = getenv("FAULT_TRACE")) != NULL)
        trace = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                             0600);
    if ((text = getenv("FAULT_COUNT")) != NULL) {
        int file = (int)syscall(SYS_openat, AT_FDCWD, text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file >= 0 && syscall(SYS_ftruncate, file, (long)sizeof *count) == 0) {
            void *map = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (map != MAP_FAILED) count = map;
        }
        if (file >= 0) syscall(SYS_close, file);
    }
    owner = getpid();
}

static bool listed(const char *name) {
    size_t size = strlen(name);
    if (only_calls == NULL) return true;
    for (const char *at = only_calls; (at = strstr(at, name)) != NULL; at += size)
        if ((at == only_calls || at[-1] == ',') && (at[size] == ',' || at[size] == '\0'))
            return true;
    return false;
}

static const char *path_of(int file, char *buffer, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t got = readlink(link, buffer, size - 1);
    if (got < 0) return "?";
    buffer[got] = '\0';
    return buffer;
}

/* Counts a call; tells what is to happen to it. */
static enum Action fate(const char *name, int file, const char *path, size_t bytes) {
    char buffer[4096];
    if (getpid() != owner || (path == NULL && file <= 2) || !listed(name)) return NOTHING;
    if (path == NULL && (only_path != NULL || trace >= 0))
        path = path_of(file, buffer, sizeof buffer);
    if (only_path != NULL && strstr(path, only_path) == NULL) return NOTHING;
    long n = atomic_fetch_add(count, 1) + 1;
    if (trace >= 0) {
        char line[4200];
        int size = snprintf(line, sizeof line, "%ld %s %s %zu\n", n, name, path, bytes);
        syscall(SYS_write, trace, line, (size_t)size);
    }
    if (fault_at <= 0 || action == NOTHING) return NOTHING;
    if (action == FAIL ? n < fault_at : n != fault_at) return NOTHING;
    if (action == KILL_BEFORE) die();
    return action;
}

#define REAL(type, name, ...)                                                                     \
    static type (*real)(__VA_ARGS__);                                                             \
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #name)

/* A call without data: fails, or is done and then perhaps the last one. */
#define SIMPLE(name, file, path, call)                                                            \
    enum Action what = fate(#name, file, path, 0);                                                \
    if (what == FAIL || what == FAIL_ONCE) {                                                      \
        errno = fault_errno;                                                                      \
        return -1;                                                                                \
    }                                                                                             \
    int result = call;                                                                            \
    if (what == KILL_AFTER || what == KILL_TORN) die();                                           \
    return result

#define WRITING(name, call_all, call_half)                                                        \
    enum Action what = fate(#name, file, NULL, size);                                             \
    if (what == FAIL || what == FAIL_ONCE) {                                                      \
        errno = fault_errno;                                                                      \
        return -1;                                                                                \
    }                                                                                             \
    if (what == KILL_TORN) {                                                                      \
        if (call_half >= 0) die();                                                                \
        die();                                                                                    \
    }                                                                                             \
    ssize_t result = call_all;                                                                    \
    if (what == KILL_AFTER) die();                                                                \
    return result

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    WRITING(write, real(file, data, size), real(file, data, size / 2));
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    WRITING(pwrite, real(file, data, size, at), real(file, data, size / 2, at));
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    WRITING(pwrite64, real(file, data, size, at), real(file, data, size / 2, at));
}

ssize_t writev(int file, const struct iovec *parts, int size) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    WRITING(writev, real(file, parts, size), real(file, parts, 1));
}

int fsync(int file) {
    REAL(int, fsync, int);
    SIMPLE(fsync, file, NULL, real(file));
}

int fdatasync(int file) {
    REAL(int, fdatasync, int);
    SIMPLE(fdatasync, file, NULL, real(file));
}

int ftruncate(int file, off_t size) {
    REAL(int, ftruncate, int, off_t);
    SIMPLE(ftruncate, file, NULL, real(file, size));
}

int ftruncate64(int file, off64_t size) {
    REAL(int, ftruncate64, int, off64_t);
    SIMPLE(ftruncate64, file, NULL, real(file, size));
}

int fallocate(int file, int mode, off_t at, off_t size) {
    REAL(int, fallocate, int, int, off_t, off_t);
    SIMPLE(fallocate, file, NULL, real(file, mode, at, size));
}

int fallocate64(int file, int mode, off64_t at, off64_t size) {
    REAL(int, fallocate64, int, int, off64_t, off64_t);
    SIMPLE(fallocate64, file, NULL, real(file, mode, at, size));
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    SIMPLE(rename, -1, to, real(from, to));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    SIMPLE(renameat, -1, to, real(from_dir, from, to_dir, to));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    REAL(int, renameat2, int, const char *, int, const char *, unsigned);
    SIMPLE(renameat2, -1, to, real(from_dir, from, to_dir, to, flags));
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    SIMPLE(unlink, -1, path, real(path));
}

int unlinkat(int dir, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    SIMPLE(unlinkat, -1, path, real(dir, path, flags));
}

int remove(const char *path) {
    REAL(int, remove, const char *);
    SIMPLE(remove, -1, path, real(path));
}

int rmdir(const char *path) {
    REAL(int, rmdir, const char *);
    SIMPLE(rmdir, -1, path, real(path));
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    SIMPLE(mkdir, -1, path, real(path, mode));
}

int chmod(const char *path, mode_t mode) {
    REAL(int, chmod, const char *, mode_t);
    SIMPLE(chmod, -1, path, real(path, mode));
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

/* Only opens that may make or cut a file count. */
#define OPENING(name, call)                                                                       \
    va_list rest;                                                                                 \
    va_start(rest, flags);                                                                        \
    mode_t mode = mode_of(flags, rest);                                                           \
    va_end(rest);                                                                                 \
    if ((flags & (O_CREAT | O_TRUNC)) == 0) return call;                                          \
    SIMPLE(name, -1, path, call)

int open(const char *path, int flags, ...) {
    REAL(int, open, const char *, int, mode_t);
    OPENING(open, real(path, flags, mode));
}

int open64(const char *path, int flags, ...) {
    REAL(int, open64, const char *, int, mode_t);
    OPENING(open64, real(path, flags, mode));
}

int openat(int dir, const char *path, int flags, ...) {
    REAL(int, openat, int, const char *, int, mode_t);
    OPENING(openat, real(dir, path, flags, mode));
}

int openat64(int dir, const char *path, int flags, ...) {
    REAL(int, openat64, int, const char *, int, mode_t);
    OPENING(openat64, real(dir, path, flags, mode));
}
