/* The watcher: a thread that waits for SIGINT and SIGTERM, counts the time and ticks the listener,
 * while the run's own thread is inside DuckDB. Signals are blocked in every other thread. */
#include "run/context.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

struct Watcher {
    Run *run;
    pthread_t thread;
    sigset_t signals, before;
    atomic_bool ended;
    pthread_mutex_t lock; /* of duck */
    Duck *duck;
    double started;
};

static void interrupt(Watcher *watcher, bool timed_out) {
    watcher->run->timed_out = timed_out;
    watcher->run->stop = 1;
}

static void tick(Watcher *watcher) {
    Run *run = watcher->run;
    const RunListener *listener = run->options->listener;
    double percent = -1;
    pthread_mutex_lock(&watcher->lock);
    if (watcher->duck != NULL) {
        /* Again and again: an interrupt between two statements would be lost. */
        if (run->stop) duck_interrupt(watcher->duck);
        percent = duck_progress(watcher->duck);
    }
    pthread_mutex_unlock(&watcher->lock);
    if (run->stop) {
        udf_interrupt();
        connectors_interrupt();
    }
    double limit = run->options->timeout_seconds;
    if (limit > 0 && !run->stop && clock_steady() - watcher->started > limit)
        interrupt(watcher, true);
    size_t current = run->current;
    if (listener == NULL || listener->tick == NULL || current >= run->plan->steps.count) return;
    listener->tick(listener->context, &run->report->steps[current], current,
                   run->plan->steps.count, percent);
}

static void *watch(void *argument) {
    Watcher *watcher = argument;
    double limit = watcher->run->options->timeout_seconds;
    while (!atomic_load(&watcher->ended)) {
        const struct timespec pause =
            run_watch_pause(watcher->run->stop ? 0 : limit, watcher->started);
        int signal = sigtimedwait(&watcher->signals, NULL, &pause);
        if (signal == SIGUSR2) continue; /* only a wake-up */
        if (signal > 0) {
            if (watcher->run->stop && !watcher->run->timed_out) _exit(130);
            interrupt(watcher, false);
        }
        if (!atomic_load(&watcher->ended)) tick(watcher);
    }
    return NULL;
}

/* nohup: a run is to outlive its terminal. A signal that is blocked would be waited for although it
 * is ignored. */
static bool is_ignored(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void watcher_free(Watcher *watcher) {
    pthread_sigmask(SIG_SETMASK, &watcher->before, NULL);
    pthread_mutex_destroy(&watcher->lock);
    free(watcher);
}

void run_watched_signals(sigset_t *signals) {
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    if (!is_ignored(SIGHUP)) sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGUSR2);
}

struct timespec run_watch_pause(double limit, double started) {
    const double tick = 0.1, shortest = 1e-5;
    double left = limit > 0 ? started + limit - clock_steady() : tick;
    if (left > tick) left = tick;
    if (left < 0) left = 0;
    return (struct timespec){0, (long)((left + shortest) * 1e9)};
}

void run_block_signals(void) {
    sigset_t signals;
    run_watched_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

bool run_thread_start(pthread_t *thread, void *(*body)(void *), void *argument, Error *err) {
    int number = pthread_create(thread, NULL, body, argument);
    return number == 0 || error_set(err, ERR_LIMIT, SPAN_NONE, "cannot start a thread: %s",
                                    strerror(number));
}

Watcher *watcher_start(Run *run, Error *err) {
    Watcher *watcher = calloc(1, sizeof *watcher);
    if (watcher == NULL) abort();
    watcher->run = run;
    watcher->started = run->options->since > 0 ? run->options->since : clock_steady();
    pthread_mutex_init(&watcher->lock, NULL);
    run_watched_signals(&watcher->signals);
    /* Blocked before any other thread starts, so that all of them inherit it. */
    pthread_sigmask(SIG_BLOCK, &watcher->signals, &watcher->before);
    if (run_thread_start(&watcher->thread, watch, watcher, err)) return watcher;
    watcher_free(watcher);
    return NULL;
}

void watcher_attach(Watcher *watcher, Duck *duck) {
    pthread_mutex_lock(&watcher->lock);
    watcher->duck = duck;
    pthread_mutex_unlock(&watcher->lock);
}

void watcher_stop(Watcher *watcher) {
    atomic_store(&watcher->ended, true);
    pthread_kill(watcher->thread, SIGUSR2);
    pthread_join(watcher->thread, NULL);
    watcher_free(watcher);
}
