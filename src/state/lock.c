/* The database's lock. See lock.h. A writer holds two: a byte of the file by fcntl, which says that
 * it is there or waiting, and the file itself by flock, which it gets when the readers are gone.
 * New readers are refused as soon as the byte is taken, so that they cannot starve a run. */
#include "state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fs.h"

enum { READER_SECONDS = 5, POLL_MS = 20 };

static const char *lock_path(Arena *arena, const char *database) {
    return arena_printf(arena, "%s.lock", database);
}

/* Who wrote the file last; stale when only readers hold the lock. */
static const char *holder(Arena *arena, int fd) {
    char text[512];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    if (size <= 0) return "another process";
    text[size] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return arena_strdup(arena, text);
}

static bool locked_error(Error *err, const char *database, const char *who) {
    error_set(err, ERR_LOCKED, SPAN_NONE, "the database %s is in use by %s", database, who);
    return error_hint(err, "wait for it to end (run and state take --wait), or stop that process");
}

static bool write_holder(int fd, const char *pipeline, Error *err, const char *path) {
    char host[128] = "", text[512];
    AUTO_ARENA arena = arena_new();
    gethostname(host, sizeof host - 1);
    int size = snprintf(text, sizeof text, "pid %ld on %s (pipeline %s, since %s UTC)\n",
                        (long)getpid(), host, pipeline, clock_timestamp(arena, clock_wall_us()));
    if (size >= (int)sizeof text) size = (int)sizeof text - 1;
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) != size)
        return fs_error(err, "write", path);
    return true;
}

static int open_lock(const char *path) { return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); }

static void pause_ms(long ms) {
    struct timespec pause = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

static struct flock writer_byte(short type) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
}

static bool claim(int fd) {
    struct flock byte = writer_byte(F_WRLCK);
    return fcntl(fd, F_OFD_SETLK, &byte) == 0;
}

static bool is_claimed(int fd) {
    struct flock byte = writer_byte(F_RDLCK);
    return fcntl(fd, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
}

/* A run that failed before it began removes the lock's file: then the lock is one on nothing. */
static bool still_there(int fd, const char *path) {
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static bool take(const LockRequest *request, const char *path, Lock *lock, Error *err) {
    AUTO_ARENA arena = arena_new();
    *lock = (Lock){open_lock(path)};
    if (lock->fd < 0) return fs_error(err, "open", path);
    double start = clock_steady();
    bool claimed = false;
    while (!(claimed = claimed || claim(lock->fd)) || flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EAGAIN && errno != EACCES && errno != EINTR) {
            fs_error(err, "lock", path);
            lock_release(lock);
            return false;
        }
        double waited = clock_steady() - start, limit = request->wait_seconds;
        if (claimed && limit != 0 && limit < READER_SECONDS) limit = READER_SECONDS;
        bool stopped = request->stop != NULL && *request->stop != 0;
        if (stopped || (limit != 0 && waited >= limit)) {
            if (stopped)
                error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted while waiting for %s",
                          path);
            else
                locked_error(err, request->database,
                             claimed ? "readers (sqlflow query)" : holder(arena, lock->fd));
            lock_release(lock);
            return false;
        }
        pause_ms(POLL_MS);
    }
    return true;
}

bool lock_exclusive(const LockRequest *request, Lock *lock, Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *path = lock_path(arena, request->database);
    if (!take(request, path, lock, err)) return false;
    while (!still_there(lock->fd, path)) {
        lock_release(lock);
        if (!take(request, path, lock, err)) return false;
    }
    if (write_holder(lock->fd, request->pipeline, err, path)) return true;
    lock_release(lock);
    return false;
}

bool lock_shared(const char *database, Lock *lock, Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *path = lock_path(arena, database);
    int fd = open_lock(path);
    /* A database on a read-only medium has no writers to be kept out. */
    if (fd < 0 && errno == EROFS) return *lock = LOCK_NONE, true;
    if (fd < 0) fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fs_error(err, "open", path);
    *lock = (Lock){fd};
    if (!is_claimed(fd) && flock(fd, LOCK_SH | LOCK_NB) == 0) return true;
    locked_error(err, database, holder(arena, fd));
    lock_release(lock);
    return false;
}

void lock_release(Lock *lock) {
    if (lock->fd >= 0) close(lock->fd);
    lock->fd = -1;
}
