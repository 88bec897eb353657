/* The thread that owns the interpreter. All Python runs here, whichever of DuckDB's threads asks:
 * only the interpreter's main thread notices signals, so a sleeping or blocked function can be
 * woken; and objects that must stay on one thread (sqlite3 connections) work.
 * While it waits for DuckDB itself (a table function's input), other threads may use Python. */
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "udf/python/host.h"

/* PATIENCE: wake-ups that a function may let pass; they come ten a second. */
enum { STACK_SIZE = 64 << 20, SPIN = 2000, PATIENCE = 6 };

volatile sig_atomic_t thread_in_user, thread_lost;

/* A job on its caller's stack. */
typedef struct Job {
    PythonJob run;
    void *argument;
    bool started, done;  /* guarded by host.lock */
    pthread_cond_t wake; /* for its caller */
    struct Job *next;
} Job;

static struct {
    pthread_t thread;
    bool started;
    pthread_mutex_t work; /* held by whoever runs a job, but not while lent */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;  /* for Python's thread: a job is there */
    Job *first, **last;   /* not started yet */
    atomic_int queued;    /* how many; read without the lock while spinning */
    bool asleep;
    bool lent;    /* the thread waits in DuckDB without the GIL */
    Job *running; /* on Python's thread */
    sig_atomic_t lent_in_user;
    atomic_bool armed, interrupted;
    int folder; /* the program's working folder */
    volatile sig_atomic_t wakes;
} host = {.work = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .last = &host.first};

/* Runs on Python's thread: told from another one, the interpreter would note the signal but not
 * look at it before the running bytecode ends. A function that does not react (a long call into C,
 * or `except BaseException` in a loop) is given up: the thread stays in it to the process's end. */
static void on_wake(int number) {
    if (!atomic_load(&host.interrupted)) return;
    PyErr_SetInterruptEx(number);
    if (thread_in_user && ++host.wakes >= PATIENCE) thread_lost = 1;
}

void thread_park(void) {
    for (;;) pause();
}

static void enqueue(Job *job) {
    *host.last = job;
    host.last = &job->next;
    atomic_fetch_add(&host.queued, 1);
}

static void dequeue(Job *job) {
    Job **at = &host.first;
    while (*at != job) at = &(*at)->next;
    *at = job->next;
    if (host.last == &job->next) host.last = at;
    atomic_fetch_sub(&host.queued, 1);
}

/* The next job. They come in quick succession while a query runs: a short spin saves the futex. */
static Job *next_job(void) {
    for (int i = 0; i < SPIN && !atomic_load_explicit(&host.queued, memory_order_acquire); i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    pthread_mutex_lock(&host.lock);
    host.asleep = true;
    while (!host.first) pthread_cond_wait(&host.wake, &host.lock);
    host.asleep = false;
    Job *job = host.first;
    dequeue(job);
    job->started = true;
    host.running = job;
    pthread_mutex_unlock(&host.lock);
    return job;
}

static void finish(Job *job) {
    pthread_mutex_lock(&host.lock);
    job->done = true;
    host.running = NULL;
    pthread_cond_signal(&job->wake);
    pthread_mutex_unlock(&host.lock); /* from here on the job is gone */
}

/* Paths of the program are relative to its folder, whatever a job's os.chdir() did. */
static void back_to_folder(void) {
    int failed = host.folder < 0 ? 0 : fchdir(host.folder);
    (void)failed; /* removed meanwhile */
}

static void *serve(void *argument) {
    Job *boot = argument;
    boot->run(boot->argument);
    bool ok = host.started;
    PyThreadState *state = ok ? PyEval_SaveThread() : NULL;
    finish(boot);
    while (ok) {
        Job *job = next_job();
        pthread_mutex_lock(&host.work);
        PyEval_RestoreThread(state);
        job->run(job->argument);
        state = PyEval_SaveThread();
        back_to_folder();
        pthread_mutex_unlock(&host.work);
        finish(job);
    }
    return NULL;
}

struct Boot {
    bool (*boot)(void *argument);
    void *argument;
};

static void run_boot(void *argument) {
    struct Boot *boot = argument;
    host.started = boot->boot(boot->argument);
}

bool thread_start(bool (*boot)(void *argument), void *argument) {
    if (host.started) return true;
    host.folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct sigaction action = {.sa_handler = on_wake}; /* no SA_RESTART: system calls must end */
    sigaction(WAKE_SIGNAL, &action, NULL);
    struct Boot start = {boot, argument};
    Job job = {.run = run_boot, .argument = &start, .wake = PTHREAD_COND_INITIALIZER};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int failed = pthread_create(&host.thread, &attributes, serve, &job);
    pthread_attr_destroy(&attributes);
    if (failed) return false;
    pthread_mutex_lock(&host.lock);
    while (!job.done) pthread_cond_wait(&job.wake, &host.lock);
    pthread_mutex_unlock(&host.lock);
    if (!host.started) pthread_join(host.thread, NULL);
    return host.started;
}

static void run_here(PythonJob job, void *argument) {
    pthread_mutex_lock(&host.work);
    PyGILState_STATE gil = PyGILState_Ensure();
    job(argument);
    PyGILState_Release(gil);
    back_to_folder();
    pthread_mutex_unlock(&host.work);
}

bool thread_run(PythonJob run, void *argument, Error *err) {
    if (pthread_equal(pthread_self(), host.thread)) {
        run_here(run, argument);
        return true;
    }
    Job job = {.run = run, .argument = argument, .wake = PTHREAD_COND_INITIALIZER};
    pthread_mutex_lock(&host.lock);
    enqueue(&job);
    if (host.asleep) pthread_cond_signal(&host.wake);
    while (!job.done && !thread_lost && !(host.lent && !job.started))
        pthread_cond_wait(&job.wake, &host.lock);
    if (!job.started) dequeue(&job);
    pthread_mutex_unlock(&host.lock);
    if (!job.done && thread_lost)
        return error_set(err, ERR_INTERRUPTED, SPAN_NONE,
                         "Python did not react to an interrupt and was left behind");
    if (!job.done) run_here(run, argument);
    pthread_cond_destroy(&job.wake);
    return true;
}

void thread_lend(void) {
    pthread_mutex_lock(&host.lock);
    host.lent = true;
    host.lent_in_user = thread_in_user;
    thread_in_user = 0;
    for (Job *job = host.first; job; job = job->next) pthread_cond_signal(&job->wake);
    pthread_mutex_unlock(&host.lock);
    pthread_mutex_unlock(&host.work);
}

void thread_unlend(void) {
    pthread_mutex_lock(&host.lock);
    host.lent = false;
    pthread_mutex_unlock(&host.lock);
    pthread_mutex_lock(&host.work);
    thread_in_user = host.lent_in_user;
}

void thread_interrupt(void) {
    if (!host.started || !atomic_load(&host.armed)) return;
    atomic_store(&host.interrupted, true);
    pthread_kill(host.thread, WAKE_SIGNAL);
    if (!thread_lost) return;
    pthread_mutex_lock(&host.lock);
    if (host.running) pthread_cond_signal(&host.running->wake);
    for (Job *job = host.first; job; job = job->next) pthread_cond_signal(&job->wake);
    pthread_mutex_unlock(&host.lock);
}

bool thread_armed(void) { return atomic_load(&host.armed); }

bool thread_interrupted(void) { return atomic_load(&host.interrupted); }

static void clear(void *argument) {
    (void)argument;
    /* One signal may be noted; with the flag down, no other comes. */
    if (PyErr_CheckSignals() < 0) PyErr_Clear();
}

void thread_arm(bool on) {
    if (!host.started) return;
    atomic_store(&host.armed, on);
    atomic_store(&host.interrupted, false);
    host.wakes = 0;
    Error ignored;
    thread_run(clear, NULL, &ignored);
}
