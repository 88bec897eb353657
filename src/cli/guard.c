/* Interrupts before a run starts. See guard.h. */
#include "cli/guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/run.h"
#include "udf/udf.h"

/* Seconds in which Python may end by itself, with its `finally` blocks and hooks. */
static const double GRACE = 0.5;

static struct {
    Cli *cli;
    pthread_t thread;
    double limit, started, stopped_at; /* stopped_at 0: nothing came yet */
    bool timed_out;
    atomic_bool ended;
} guard;

static void describe(Error *err) {
    if (guard.timed_out)
        error_set(err, ERR_TIMEOUT, SPAN_NONE, "the run took longer than %g s", guard.limit);
    else
        error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted by a signal");
}

/* The command's own thread is busy, and so is its arena. */
static void end_process(void) {
    Cli cli = *guard.cli;
    Error err = {0};
    cli.arena = arena_new();
    describe(&err);
    int code = fail(&cli, &err);
    fflush(stdout);
    fflush(stderr);
    _exit(code);
}

static void notice(int signal) {
    double now = clock_steady();
    if (guard.stopped_at == 0) {
        guard.timed_out = signal <= 0 && guard.limit > 0 && now - guard.started > guard.limit;
        if (signal > 0 || guard.timed_out) guard.stopped_at = now;
    } else if (signal > 0 || now - guard.stopped_at > GRACE) {
        end_process();
    }
    if (guard.stopped_at > 0) udf_interrupt();
}

static void *watch(void *argument) {
    sigset_t signals;
    (void)argument;
    run_watched_signals(&signals);
    while (!atomic_load(&guard.ended)) {
        double limit = guard.stopped_at == 0 ? guard.limit : 0;
        const struct timespec pause = run_watch_pause(limit, guard.started);
        int signal = sigtimedwait(&signals, NULL, &pause);
        if (signal != SIGUSR2) notice(signal);
    }
    return NULL;
}

void guard_start(Cli *cli, double timeout_seconds) {
    run_block_signals();
    guard.cli = cli;
    guard.limit = timeout_seconds;
    guard.started = clock_steady();
    Error err = {0};
    if (run_thread_start(&guard.thread, watch, NULL, &err)) return;
    int code = fail(cli, &err);
    fflush(stdout);
    _exit(code);
}

bool guard_stop(Error *err) {
    atomic_store(&guard.ended, true);
    pthread_kill(guard.thread, SIGUSR2);
    pthread_join(guard.thread, NULL);
    if (guard.stopped_at == 0) return false;
    describe(err);
    return true;
}
