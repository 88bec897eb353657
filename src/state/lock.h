/* The database's lock: one writer at a time, readers beside each other. An flock on
 * <database>.lock, so it ends with the process however that ends. The file names the holder. */
#ifndef SQLFLOW_STATE_LOCK_H
#define SQLFLOW_STATE_LOCK_H

#include <stdbool.h>

#include "base/error.h"

typedef struct Lock {
    int fd; /* -1: not held */
} Lock;

#define LOCK_NONE ((Lock){-1})

/* Takes the lock exclusively for a run. Readers get 5 s to finish, or `wait_seconds` if longer; a
 * writer is waited for only when wait_seconds >= 0 (0 waits without end). ERR_LOCKED names the
 * holder. `stop` (may be NULL) ends the wait with ERR_INTERRUPTED when it becomes non-zero. */
typedef struct LockRequest {
    const char *database; /* path of the database file; its folder exists */
    const char *pipeline;
    double wait_seconds;
    const volatile int *stop;
} LockRequest;
bool lock_exclusive(const LockRequest *request, Lock *lock, Error *err);
/* Takes it for reading; ERR_LOCKED at once when a run holds it. */
bool lock_shared(const char *database, Lock *lock, Error *err);
void lock_release(Lock *lock);
#define AUTO_LOCK __attribute__((cleanup(lock_release))) Lock

#endif
