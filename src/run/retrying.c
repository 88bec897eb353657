/* Retries around connectors: what a link's options say, behind the breaker of its connection.
 * A read that broke off inside a statement aborts the transaction, so then the whole transaction
 * is begun anew; nothing of the failed one is visible. */
#include "run/context.h"

#include <string.h>

#include "base/log.h"

static const char *breaker_name(const Link *link) {
    bool local = (link->connector->can & IS_LOCAL) != 0;
    return local ? NULL : link->connection != NULL ? link->connection : link->name;
}

static Retry retry_of(Run *run, const Link *link) {
    return (Retry){.policy = retry_policy(link),
                   .breaker = breaker_of(&run->breakers, breaker_name(link)),
                   .clock = retry_clock(&run->stop)};
}

bool run_retrying(Run *run, const Link *link, const RetryCall *call, int *retries, Error *err) {
    Retry retry = retry_of(run, link);
    RetryReport report = {0};
    bool ok = retry_run(&retry, call, &report, err);
    *retries += report.retries;
    run->retries += report.retries;
    return ok;
}

/* The link whose failure the running step told; NULL when it is none that a retry could help. */
static const Link *step_link(const Run *run) {
    if (run->current >= run->plan->steps.count) return NULL;
    const Step *step = &run->plan->steps.items[run->current];
    bool loads = step->kind == STEP_LOAD && step->source != NULL;
    return loads ? &step->source->link : run->broken;
}

bool run_may_restart(Run *run, const Error *err) {
    const Link *link = step_link(run);
    if (!err->transient || link == NULL || run->stop) return false;
    Retry retry = retry_of(run, link);
    if (retry.breaker != NULL)
        breaker_failure(retry.breaker, retry.clock.now(retry.clock.context), err);
    if (run->restarts >= retry.policy.max_retries) return false;
    double pause = retry_after_in(err->message);
    if (pause < 0)
        pause = retry_backoff(&retry.policy, run->restarts,
                              retry.clock.chance(retry.clock.context));
    log_event(LOG_WARNING, err->step, "restart", "%s; trying again in %.1f s", err->message, pause);
    run->restarts++;
    run->retries++;
    return retry.clock.sleep(retry.clock.context, pause);
}

/* A LOAD reads its own source; another step may read any, also through views on views. */
bool run_may_reread(Run *run, const Error *err) {
    if (run->stop || !relation_misguessed(err) || run->current >= run->plan->steps.count)
        return false;
    const Step *step = &run->plan->steps.items[run->current];
    const Source *only = step->kind == STEP_LOAD ? step->source : NULL;
    bool wrong = false;
    for (size_t i = 0; i < run->guessed.count; i++) {
        const char *name = run->guessed.entries[i].key;
        bool other = only != NULL && !str_ieq(name, only->name);
        if (other || map_has(&run->careful, name)) continue;
        map_set(&run->careful, name, strstr(err->message, "CSV Error") != NULL ? run : NULL);
        wrong = true;
    }
    if (wrong)
        log_event(LOG_INFO, err->step, "read_again", "numbers are longer than in the sample: %s",
                  err->message);
    return wrong;
}
