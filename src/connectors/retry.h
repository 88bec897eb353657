/* Retry: attempts with exponential backoff and full jitter, behind a circuit breaker.
 * A pure state machine: time, sleep and chance come from a RetryClock, so tests script them.
 * An attempt must leave nothing behind when it fails: the next one starts anew. */
#ifndef SQLFLOW_CONNECTORS_RETRY_H
#define SQLFLOW_CONNECTORS_RETRY_H

#include "connectors/options.h"

typedef struct RetryPolicy {
    long long max_retries; /* attempts after the first; 0: none */
    double delay;          /* seconds before the first retry, doubled each time */
    double max_delay;
} RetryPolicy;

/* From max_retries, retry_delay and retry_max_delay of the link. */
RetryPolicy retry_policy(const Link *link);

typedef struct RetryClock {
    void *context;
    double (*now)(void *context); /* seconds of a clock that never jumps */
    /* false when the wait was cut short by an interrupt. */
    bool (*sleep)(void *context, double seconds);
    double (*chance)(void *context); /* in [0, 1) */
} RetryClock;

/* The real one: its sleep ends within 50 ms once *stop is not 0. `stop` may be NULL. */
RetryClock retry_clock(const volatile int *stop);

typedef enum BreakerState { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN } BreakerState;

/* 5 failed attempts in a row open it; then calls fail at once for 30 s; then attempts are let
 * through, of which 2 successes close it and one failure opens it again. Only failures that speak
 * about the connection count: a refused statement shows that the server is well. */
typedef struct Breaker {
    const char *connection;
    BreakerState state;
    int failures, successes; /* in a row */
    double opened_at;
    long long openings;
    char last_error[400]; /* what the failures were */
} Breaker;

enum { BREAKER_FAILURES = 5, BREAKER_SUCCESSES = 2, BREAKER_SECONDS = 30 };

/* The breakers of a process, one per connection name. */
typedef struct Breakers {
    Arena *arena;
    Breaker **items;
    size_t count, capacity;
} Breakers;
/* The breaker of a connection, closed when it is new; NULL for a NULL name (local files). */
Breaker *breaker_of(Breakers *breakers, const char *connection);

bool breaker_allows(Breaker *breaker, double now);
void breaker_success(Breaker *breaker);
void breaker_failure(Breaker *breaker, double now, const Error *err);

typedef struct RetryVerdict {
    bool transient;
    double after; /* seconds that the server asks to wait (Retry-After); < 0: not said */
} RetryVerdict;

/* What is tried. */
typedef struct RetryCall {
    const char *what; /* for the log: "load orders" */
    void *context;
    bool (*attempt)(void *context, Error *err);
    /* MAY: a verdict of one's own; else err->transient and retry_after_in(err->message). */
    RetryVerdict (*classify)(void *context, const Error *err);
} RetryCall;

typedef struct RetryReport {
    int attempts, retries;
    double waited; /* seconds */
    bool breaker_opened, refused; /* refused: the breaker let no attempt through */
} RetryReport;

typedef struct Retry {
    RetryPolicy policy;
    Breaker *breaker; /* may be NULL */
    RetryClock clock;
} Retry;

/* True when an attempt succeeded. Else err is the last attempt's (told how often was tried), or
 * ERR_CIRCUIT_OPEN, or ERR_INTERRUPTED. `report` (may be NULL) is added to, not reset. */
bool retry_run(const Retry *retry, const RetryCall *call, RetryReport *report, Error *err);

/* The seconds behind "Retry-After: 7" in a message, as HTTP clients quote it, or until the date
 * that stands there; -1 without one. */
double retry_after_in(const char *message);
/* Seconds before retry number `retry` (from 0): chance × min(max_delay, delay × 2^retry). */
double retry_backoff(const RetryPolicy *policy, long long retry, double chance);

#endif
