/* Interrupts: whatever a function does, a run stops within a second, and Python is usable after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "udf/udf_fixture.h"

/* DuckDB's and Python's threads keep a few objects of their own until the process ends. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return 1; }

static const char *const files[] = {
    "slow.py",
    "import subprocess, threading, time\n"
    "from sqlflow.udfs import *\n"
    "log = []\n"
    "@on_teardown\n"
    "def close(): log.append('teardown')\n"
    "@python_scalar_udf\n"
    "def sleeps(x: int) -> int:\n"
    "    time.sleep(60)\n"
    "    return x\n"
    "@python_scalar_udf\n"
    "def loops(x: int) -> int:\n"
    "    while True: pass\n"
    "@python_scalar_udf\n"
    "def stubborn(x: int) -> int:\n"
    "    try: time.sleep(0.05)\n"
    "    except BaseException: pass\n"
    "    return x\n"
    "@python_scalar_udf\n"
    "def waits(x: int) -> int: return subprocess.call(['sleep', '60'])\n"
    "@python_scalar_udf\n"
    "def locks(x: int) -> int:\n"
    "    threading.Event().wait(60)\n"
    "    return x\n"
    "@python_table_udf\n"
    "def trickles(n: int):\n"
    "    for i in range(n):\n"
    "        time.sleep(0.5)\n"
    "        yield {'i': i}\n"
    "@python_scalar_udf\n"
    "def quick(x: int) -> int: return x + len(log)\n",
    NULL,
};

FIXTURE_OF(files)

/* What run/ does on SIGINT: sets the flag, then interrupts both until the run has ended. */
static void *watch(void *argument) {
    volatile int *ended = argument;
    while (!fixture.running && !*ended) usleep(1000);
    usleep(300000); /* to interrupt the function, not its preparation */
    while (!*ended) {
        fixture.stop = 1;
        duck_interrupt(fixture.duck);
        udf_interrupt();
        usleep(100000);
    }
    return NULL;
}

static void stops(const char *sql) {
    volatile int ended = 0;
    pthread_t thread;
    fixture.running = 0;
    assert_int_equal(pthread_create(&thread, NULL, watch, (void *)&ended), 0);
    const char *got = fixture_run(&fixture, sql);
    double seconds = clock_steady() - fixture.running_since;
    ended = 1;
    pthread_join(thread, NULL);
    if (fixture.err.code != ERR_INTERRUPTED) print_message("%s: %s\n", sql, got);
    assert_int_equal(fixture.err.code, ERR_INTERRUPTED);
    if (seconds > 1.3) print_message("%s took %.1f s\n", sql, seconds);
    assert_true(seconds < 1.3);
    fixture.stop = 0;
}

static void stops_what_runs(void **state) {
    (void)state;
    static const char *const queries[] = {
        "SELECT sleeps(i) FROM range(10000) t(i)",
        "SELECT loops(1)",
        "SELECT stubborn(i) FROM range(10000) t(i)",
        "SELECT waits(1)",
        "SELECT locks(1)",
        "SELECT * FROM trickles(100)",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) stops(queries[i]);
    assert_string_equal(fixture_run(&fixture, "SELECT quick(1)"), "7");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(stops_what_runs)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
