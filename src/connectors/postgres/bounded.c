/* Threads around getaddrinfo and PQcancel. A thread that does not end in time is detached; its
 * block of memory is freed by whoever lets go of it last. */
#include "connectors/postgres/bounded.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "pq_api.h"

typedef struct Job {
    atomic_int holders;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool done;
    void *cancel;      /* PGcancel, for a cancel */
    char host[256];    /* for a resolution */
    int status, count; /* of getaddrinfo */
    char addresses[PG_ADDRESSES_MAX];
} Job;

static Job *job_new(void)
{
    Job *job = calloc(1, sizeof *job);
    if (!job) abort();
    atomic_init(&job->holders, 2);
    pthread_mutex_init(&job->mutex, NULL);
    pthread_cond_init(&job->ended, NULL);
    return job;
}

static void job_release(Job *job)
{
    if (atomic_fetch_sub(&job->holders, 1) != 1) return;
    if (job->cancel) PQfreeCancel(job->cancel);
    pthread_cond_destroy(&job->ended);
    pthread_mutex_destroy(&job->mutex);
    free(job);
}

static void job_end(Job *job)
{
    pthread_mutex_lock(&job->mutex);
    job->done = true;
    pthread_cond_signal(&job->ended);
    pthread_mutex_unlock(&job->mutex);
    job_release(job);
}

static bool job_start(Job *job, void *(*body)(void *))
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &attributes, body, job) == 0;
    pthread_attr_destroy(&attributes);
    if (!started) job_release(job);
    return started;
}

/* Waits for the job in slices, so that an interrupt is seen; true when it ended. */
static bool job_wait(Job *job, double seconds, const volatile int *stop)
{
    double deadline = clock_steady() + seconds;
    pthread_mutex_lock(&job->mutex);
    while (!job->done && !(stop && *stop) && clock_steady() < deadline) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100 * 1000 * 1000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&job->ended, &job->mutex, &until);
    }
    bool done = job->done;
    pthread_mutex_unlock(&job->mutex);
    return done;
}

static void *resolve_body(void *context)
{
    Job *job = context;
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *found = NULL;
    job->status = getaddrinfo(job->host, NULL, &wanted, &found);
    size_t size = 0;
    for (struct addrinfo *one = found; job->status == 0 && one; one = one->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        if (size + strlen(text) + 2 > sizeof job->addresses) break;
        size += (size_t)snprintf(job->addresses + size, sizeof job->addresses - size, "%s%s",
                                 size ? "," : "", text);
        job->count++;
    }
    if (found) freeaddrinfo(found);
    job_end(job);
    return NULL;
}

bool pg_resolve(const char *host, double seconds, const volatile int *stop,
                char out[PG_ADDRESSES_MAX], int *count, Error *err)
{
    Job *job = job_new();
    snprintf(job->host, sizeof job->host, "%s", host);
    bool done = job_start(job, resolve_body);
    if (!done) job->status = EAI_MEMORY;
    done = done && job_wait(job, seconds, stop);
    int status = done ? job->status : EAI_AGAIN;
    if (done) {
        memcpy(out, job->addresses, sizeof job->addresses);
        *count = job->count;
    }
    job_release(job);
    if (stop && *stop) return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
    if (done && status == 0 && *count > 0) return true;
    error_set(err, ERR_CONNECTION, SPAN_NONE, "cannot resolve host '%s': %s", host,
              done ? gai_strerror(status) : "no answer from the name service in time");
    err->transient = !done || status == EAI_AGAIN;
    return error_hint(err, "check the option 'host'");
}

static void *cancel_body(void *context)
{
    Job *job = context;
    char problem[256];
    PQcancel(job->cancel, problem, sizeof problem);
    job_end(job);
    return NULL;
}

void pg_cancel(void *cancel)
{
    if (!cancel) return;
    Job *job = job_new();
    job->cancel = cancel;
    if (job_start(job, cancel_body)) job_wait(job, 2, NULL);
    job_release(job);
}
