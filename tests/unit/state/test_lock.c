/* The database's lock: one writer, several readers, waits that end, and who is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "state/lock.h"

static char folder[] = "/tmp/sqlflow-lock-XXXXXX";
static char database[64];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(database, sizeof database, "%s/w.duckdb", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    char path[96];
    snprintf(path, sizeof path, "%s.lock", database);
    unlink(path);
    return rmdir(folder);
}

static LockRequest request(double wait) {
    return (LockRequest){.database = database, .pipeline = "orders", .wait_seconds = wait};
}

/* flock belongs to the open file, so two of one process shut each other out, too. */
static void second_writer_is_told_who(void **state) {
    (void)state;
    AUTO_LOCK first = LOCK_NONE;
    AUTO_LOCK second = LOCK_NONE;
    Error err = {0};
    LockRequest ask = request(-1);
    assert_true(lock_exclusive(&ask, &first, &err));
    assert_false(lock_exclusive(&ask, &second, &err));
    assert_int_equal(err.code, ERR_LOCKED);
    char pid[32];
    snprintf(pid, sizeof pid, "pid %ld ", (long)getpid());
    assert_non_null(strstr(err.message, pid));
    assert_non_null(strstr(err.message, "pipeline orders"));
    assert_int_equal(second.fd, -1);
    lock_release(&first);
    assert_true(lock_exclusive(&ask, &second, &err));
}

static void readers_share_and_keep_out_of_a_run(void **state) {
    (void)state;
    AUTO_LOCK one = LOCK_NONE;
    AUTO_LOCK two = LOCK_NONE;
    AUTO_LOCK writer = LOCK_NONE;
    Error err = {0};
    LockRequest ask = request(-1);
    assert_true(lock_shared(database, &one, &err));
    assert_true(lock_shared(database, &two, &err));
    lock_release(&one);
    lock_release(&two);
    assert_true(lock_exclusive(&ask, &writer, &err));
    assert_false(lock_shared(database, &one, &err));
    assert_int_equal(err.code, ERR_LOCKED);
}

static void wait_ends_at_its_limit_and_when_stopped(void **state) {
    (void)state;
    AUTO_LOCK first = LOCK_NONE;
    AUTO_LOCK second = LOCK_NONE;
    Error err = {0};
    LockRequest ask = request(-1);
    assert_true(lock_exclusive(&ask, &first, &err));
    double start = clock_steady();
    ask = request(0.2);
    assert_false(lock_exclusive(&ask, &second, &err));
    assert_true(clock_steady() - start >= 0.2);
    static volatile int stop = 1;
    ask = request(0); /* without end */
    ask.stop = &stop;
    assert_false(lock_exclusive(&ask, &second, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
}

/* A run that failed before it began takes the lock's file away: a lock on that file is none. */
static void lock_on_a_removed_file_is_taken_anew(void **state) {
    (void)state;
    AUTO_LOCK first = LOCK_NONE;
    AUTO_LOCK second = LOCK_NONE;
    Error err = {0};
    LockRequest ask = request(-1);
    char path[96];
    snprintf(path, sizeof path, "%s.lock", database);
    assert_true(lock_exclusive(&ask, &first, &err));
    unlink(path);
    lock_release(&first);
    assert_true(lock_exclusive(&ask, &first, &err));
    assert_int_equal(access(path, F_OK), 0);
    assert_false(lock_exclusive(&ask, &second, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_writer_is_told_who),
        cmocka_unit_test(readers_share_and_keep_out_of_a_run),
        cmocka_unit_test(wait_ends_at_its_limit_and_when_stopped),
        cmocka_unit_test(lock_on_a_removed_file_is_taken_anew),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
