/* The loop around every connector call (behaviour.md 8.4): try, classify, wait, try again. */
#include "connectors/retry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

RetryPolicy retry_policy(const Link *link)
{
    RetryPolicy policy = {.max_retries = link_int(link, "max_retries"),
                          .delay = link_number(link, "retry_delay"),
                          .max_delay = link_number(link, "retry_max_delay")};
    if (policy.max_retries < 0) policy.max_retries = 0;
    if (policy.delay < 0) policy.delay = 0;
    if (policy.max_delay < policy.delay) policy.max_delay = policy.delay;
    return policy;
}

/* -- the real clock ------------------------------------------------------------------------ */

static double now(void *context)
{
    (void)context;
    return clock_steady();
}

static bool sleep_until_stopped(void *context, double seconds)
{
    const volatile int *stop = context;
    double end = clock_steady() + seconds;
    for (double left = seconds; left > 0; left = end - clock_steady()) {
        if (stop && *stop) return false;
        double slice = left < 0.05 ? left : 0.05;
        struct timespec wait = {.tv_nsec = (long)(slice * 1e9)};
        nanosleep(&wait, NULL);
    }
    return !(stop && *stop);
}

static double chance(void *context)
{
    (void)context;
    uint32_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) bits = 1u << 31;
    return (double)bits / 4294967296.0;
}

RetryClock retry_clock(const volatile int *stop)
{
    return (RetryClock){.context = (void *)(uintptr_t)stop, .now = now,
                        .sleep = sleep_until_stopped, .chance = chance};
}

/* -- the breaker --------------------------------------------------------------------------- */

Breaker *breaker_of(Breakers *breakers, const char *connection)
{
    if (!connection) return NULL;
    for (size_t i = 0; i < breakers->count; i++)
        if (str_ieq(breakers->items[i]->connection, connection)) return breakers->items[i];
    Breaker *breaker = ARENA_NEW(breakers->arena, Breaker);
    breaker->connection = arena_strdup(breakers->arena, connection);
    *LIST_PUSH(breakers->arena, breakers) = breaker;
    return breaker;
}

bool breaker_allows(Breaker *breaker, double at)
{
    if (breaker->state != BREAKER_OPEN) return true;
    if (at - breaker->opened_at < BREAKER_SECONDS) return false;
    breaker->state = BREAKER_HALF_OPEN;
    breaker->successes = 0;
    return true;
}

void breaker_success(Breaker *breaker)
{
    breaker->failures = 0;
    if (breaker->state == BREAKER_HALF_OPEN && ++breaker->successes >= BREAKER_SUCCESSES)
        breaker->state = BREAKER_CLOSED;
}

void breaker_failure(Breaker *breaker, double at, const Error *err)
{
    if (!err->transient && err->code != ERR_CONNECTION && err->code != ERR_AUTHENTICATION) return;
    breaker->failures++;
    breaker->successes = 0;
    snprintf(breaker->last_error, sizeof breaker->last_error, "%.*s",
             (int)sizeof breaker->last_error - 1, err->message);
    if (breaker->state == BREAKER_CLOSED && breaker->failures < BREAKER_FAILURES) return;
    breaker->state = BREAKER_OPEN;
    breaker->opened_at = at;
    breaker->openings++;
}

/* -- the loop ------------------------------------------------------------------------------ */

/* "Wed, 21 Oct 2015 07:28:00 GMT": from now on; one that has passed asks for no wait. */
static double seconds_until(const char *date)
{
    struct tm parts = {0};
    if (strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &parts) == NULL) return -1;
    double seconds = (double)timegm(&parts) - (double)clock_wall_us() / 1e6;
    return seconds > 0 ? seconds : 0;
}

double retry_after_in(const char *message)
{
    static const char name[] = "retry-after";
    for (const char *p = message; *p; p++) {
        if (strncasecmp(p, name, sizeof name - 1) != 0) continue;
        p += sizeof name - 1;
        p += strspn(p, " :\"'=");
        char *end = NULL;
        double seconds = strtod(p, &end);
        if (end == p) return seconds_until(p);
        return seconds >= 0 && isfinite(seconds) ? seconds : -1;
    }
    return -1;
}

double retry_backoff(const RetryPolicy *policy, long long retry, double part)
{
    double ceiling = policy->delay;
    for (; retry > 0 && ceiling < policy->max_delay && ceiling > 0; retry--) ceiling *= 2;
    return part * (ceiling < policy->max_delay ? ceiling : policy->max_delay);
}

static bool refuse(Breaker *breaker, double at, Error *err)
{
    error_set(err, ERR_CIRCUIT_OPEN, SPAN_NONE,
              "connection '%s' is not tried again for %.0f s: it failed %d times in a row; last: "
              "%s", breaker->connection, ceil(BREAKER_SECONDS - (at - breaker->opened_at)),
              breaker->failures, breaker->last_error);
    return error_hint(err, "`sqlflow connect test %s` shows what is wrong", breaker->connection);
}

static RetryVerdict verdict(const RetryCall *call, const Error *err)
{
    if (err->code == ERR_INTERRUPTED) return (RetryVerdict){false, -1};
    if (call->classify) return call->classify(call->context, err);
    return (RetryVerdict){err->transient, retry_after_in(err->message)};
}

static bool attempt(const Retry *retry, const RetryCall *call, RetryReport *report, Error *err)
{
    Breaker *breaker = retry->breaker;
    report->attempts++;
    *err = (Error){0};
    bool ok = call->attempt(call->context, err);
    if (!breaker) return ok;
    long long openings = breaker->openings;
    if (ok)
        breaker_success(breaker);
    else if (err->code != ERR_INTERRUPTED)
        breaker_failure(breaker, retry->clock.now(retry->clock.context), err);
    report->breaker_opened |= breaker->openings != openings;
    return ok;
}

bool retry_run(const Retry *retry, const RetryCall *call, RetryReport *report, Error *err)
{
    RetryReport unused = {0};
    if (!report) report = &unused;
    const RetryClock *clock = &retry->clock;
    for (long long tries = 0;; tries++) {
        double at = clock->now(clock->context);
        if (retry->breaker && !breaker_allows(retry->breaker, at)) {
            report->refused = true;
            return refuse(retry->breaker, at, err);
        }
        if (attempt(retry, call, report, err)) return true;
        RetryVerdict last = verdict(call, err);
        if (!last.transient) return false;
        if (tries >= retry->policy.max_retries) {
            if (tries > 0) error_prefix(err, "after %lld attempts: ", tries + 1);
            return false;
        }
        double wait = retry_backoff(&retry->policy, tries, clock->chance(clock->context));
        if (last.after > wait) wait = last.after;
        log_event(LOG_WARNING, NULL, "retry", "%s: attempt %lld failed, next in %.2f s: %s",
                  call->what ? call->what : "", tries + 1, wait, err->message);
        report->retries++;
        report->waited += wait;
        if (!clock->sleep(clock->context, wait))
            return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
    }
}
