/* Retries and the circuit breaker against a scripted clock: nothing here waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "connectors/retry.h"

typedef struct Script {
    double now, chance;
    double waits[32];
    int wait_count;
    int interrupt_at; /* the wait that is cut short; -1: none */
    const char *outcomes; /* one letter an attempt: . success, t transient, p permanent, i stop */
    int attempts;
    double after; /* what the classifier says about Retry-After */
} Script;

static double script_now(void *context) { return ((Script *)context)->now; }
static double script_chance(void *context) { return ((Script *)context)->chance; }

static bool script_sleep(void *context, double seconds)
{
    Script *script = context;
    assert_true(script->wait_count < 32);
    script->waits[script->wait_count] = seconds;
    script->now += seconds;
    return script->wait_count++ != script->interrupt_at;
}

static bool script_attempt(void *context, Error *err)
{
    Script *script = context;
    char outcome = script->outcomes[script->attempts++];
    assert_true(outcome != '\0');
    if (outcome == '.') return true;
    if (outcome == 'i') return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
    error_set(err, outcome == 't' ? ERR_CONNECTION : ERR_REMOTE_SQL, SPAN_NONE, "%c failed",
              outcome);
    err->transient = outcome == 't';
    return false;
}

static RetryVerdict script_verdict(void *context, const Error *err)
{
    return (RetryVerdict){err->transient, ((Script *)context)->after};
}

static Retry retry_of(Script *script, Breaker *breaker, long long max_retries)
{
    return (Retry){.policy = {.max_retries = max_retries, .delay = 1, .max_delay = 30},
                   .breaker = breaker,
                   .clock = {script, script_now, script_sleep, script_chance}};
}

static Script script_of(const char *outcomes)
{
    return (Script){.outcomes = outcomes, .chance = 0.5, .interrupt_at = -1, .after = -1};
}

static bool run(Script *script, Breaker *breaker, long long retries, RetryReport *report,
                Error *err)
{
    Retry retry = retry_of(script, breaker, retries);
    RetryCall call = {.what = "test", .context = script, .attempt = script_attempt};
    *err = (Error){0};
    return retry_run(&retry, &call, report, err);
}

static void success_needs_no_wait(void **state)
{
    (void)state;
    Script script = script_of(".");
    RetryReport report = {0};
    Error err;
    assert_true(run(&script, NULL, 3, &report, &err));
    assert_int_equal(report.attempts, 1);
    assert_int_equal(report.retries, 0);
    assert_int_equal(script.wait_count, 0);
}

static void transient_errors_are_tried_again(void **state)
{
    (void)state;
    Script script = script_of("ttt.");
    RetryReport report = {0};
    Error err;
    assert_true(run(&script, NULL, 3, &report, &err));
    assert_int_equal(report.attempts, 4);
    assert_int_equal(report.retries, 3);
    assert_float_equal(script.waits[0], 0.5, 1e-9);
    assert_float_equal(script.waits[1], 1, 1e-9);
    assert_float_equal(script.waits[2], 2, 1e-9);
    assert_float_equal(report.waited, 3.5, 1e-9);
}

static void retries_end(void **state)
{
    (void)state;
    Script script = script_of("ttt");
    RetryReport report = {0};
    Error err;
    assert_false(run(&script, NULL, 2, &report, &err));
    assert_int_equal(report.attempts, 3);
    assert_int_equal(err.code, ERR_CONNECTION);
    assert_string_equal(err.message, "after 3 attempts: t failed");
}

static void permanent_errors_are_not_tried_again(void **state)
{
    (void)state;
    Script script = script_of("p");
    RetryReport report = {0};
    Error err;
    assert_false(run(&script, NULL, 3, &report, &err));
    assert_int_equal(report.attempts, 1);
    assert_string_equal(err.message, "p failed");
}

static void no_retries_means_one_attempt(void **state)
{
    (void)state;
    Script script = script_of("t");
    Error err;
    assert_false(run(&script, NULL, 0, NULL, &err));
    assert_int_equal(script.attempts, 1);
    assert_string_equal(err.message, "t failed");
}

static void delay_has_a_ceiling_and_jitter(void **state)
{
    (void)state;
    RetryPolicy policy = {.max_retries = 99, .delay = 0.25, .max_delay = 30};
    assert_float_equal(retry_backoff(&policy, 0, 0.999), 0.24975, 1e-9);
    assert_float_equal(retry_backoff(&policy, 3, 1), 2, 1e-9);
    assert_float_equal(retry_backoff(&policy, 7, 1), 30, 1e-9);
    assert_float_equal(retry_backoff(&policy, 5000, 0.5), 15, 1e-9);
    assert_float_equal(retry_backoff(&policy, 5000, 0), 0, 1e-9);
}

static void retry_after_is_obeyed(void **state)
{
    (void)state;
    Script script = script_of("t.");
    script.after = 42;
    Retry retry = retry_of(&script, NULL, 3);
    RetryCall call = {.context = &script, .attempt = script_attempt, .classify = script_verdict};
    Error err = {0};
    assert_true(retry_run(&retry, &call, NULL, &err));
    assert_float_equal(script.waits[0], 42, 1e-9);
}

static void retry_after_is_found_in_messages(void **state)
{
    (void)state;
    assert_float_equal(retry_after_in("HTTP 429, Retry-After: 7"), 7, 1e-9);
    assert_float_equal(retry_after_in("{'retry-after': '1.5'}"), 1.5, 1e-9);
    assert_float_equal(retry_after_in("Retry-After: soon"), -1, 1e-9);
    assert_float_equal(retry_after_in("Retry-After: -4"), -1, 1e-9);
    assert_float_equal(retry_after_in("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"), 0, 1e-9);
    assert_float_equal(retry_after_in("Retry-After: Wed, 21 Oct"), -1, 1e-9);
    char text[80];
    time_t soon = time(NULL) + 60;
    strftime(text, sizeof text, "HTTP 503 (Retry-After: %a, %d %b %Y %H:%M:%S GMT)", gmtime(&soon));
    assert_float_equal(retry_after_in(text), 59, 1.5);
    assert_float_equal(retry_after_in("no such header"), -1, 1e-9);
    assert_float_equal(retry_after_in(""), -1, 1e-9);
}

static void interrupt_ends_the_wait(void **state)
{
    (void)state;
    Script script = script_of("tt.");
    script.interrupt_at = 1;
    Error err;
    assert_false(run(&script, NULL, 5, NULL, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_int_equal(script.attempts, 2);
}

static void interrupted_attempt_is_final(void **state)
{
    (void)state;
    Script script = script_of("i");
    Breaker breaker = {.connection = "c"};
    Error err;
    assert_false(run(&script, &breaker, 5, NULL, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_int_equal(breaker.failures, 0);
}

static void breaker_opens_after_five(void **state)
{
    (void)state;
    Script script = script_of("tttttt");
    Breaker breaker = {.connection = "warehouse"};
    RetryReport report = {0};
    Error err;
    assert_false(run(&script, &breaker, 9, &report, &err));
    assert_int_equal(script.attempts, BREAKER_FAILURES);
    assert_true(report.breaker_opened);
    assert_true(report.refused);
    assert_int_equal(err.code, ERR_CIRCUIT_OPEN);
    assert_non_null(strstr(err.message, "warehouse"));
    assert_non_null(strstr(err.message, "t failed"));
    Script second = script_of("");
    second.now = script.now + 1;
    assert_false(run(&second, &breaker, 9, NULL, &err));
    assert_int_equal(second.attempts, 0);
    assert_int_equal(second.wait_count, 0);
    assert_int_equal(err.code, ERR_CIRCUIT_OPEN);
}

static void half_open_closes_after_two_successes(void **state)
{
    (void)state;
    Breaker breaker = {.connection = "c", .state = BREAKER_OPEN, .opened_at = 100, .failures = 5};
    assert_false(breaker_allows(&breaker, 129.9));
    Script script = script_of("..");
    script.now = 130;
    Error err;
    assert_true(run(&script, &breaker, 0, NULL, &err));
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    assert_true(run(&script, &breaker, 0, NULL, &err));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_int_equal(breaker.failures, 0);
}

static void half_open_opens_at_one_failure(void **state)
{
    (void)state;
    Breaker breaker = {.connection = "c", .state = BREAKER_OPEN, .opened_at = 0, .failures = 5};
    Script script = script_of(".t");
    script.now = 31;
    Error err;
    assert_true(run(&script, &breaker, 0, NULL, &err));
    assert_false(run(&script, &breaker, 0, NULL, &err));
    assert_int_equal(breaker.state, BREAKER_OPEN);
    assert_int_equal(breaker.openings, 1);
    assert_false(breaker_allows(&breaker, script.now + 29));
    assert_true(breaker_allows(&breaker, script.now + 30));
}

static void success_forgets_failures(void **state)
{
    (void)state;
    Breaker breaker = {.connection = "c"};
    Error err;
    for (int i = 0; i < 3; i++) {
        Script script = script_of("tttt.");
        assert_true(run(&script, &breaker, 4, NULL, &err));
        assert_int_equal(breaker.failures, 0);
    }
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void refused_statements_do_not_count(void **state)
{
    (void)state;
    Breaker breaker = {.connection = "c"};
    Error err;
    for (int i = 0; i < 9; i++) {
        Script script = script_of("p");
        assert_false(run(&script, &breaker, 3, NULL, &err));
        assert_int_equal(err.code, ERR_REMOTE_SQL);
    }
    assert_int_equal(breaker.failures, 0);
    Error denied = {.code = ERR_AUTHENTICATION};
    breaker_failure(&breaker, 0, &denied);
    assert_int_equal(breaker.failures, 1);
}

static void breakers_are_by_name(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    Breakers breakers = {.arena = arena};
    Breaker *first = breaker_of(&breakers, "warehouse");
    assert_ptr_equal(first, breaker_of(&breakers, "Warehouse"));
    assert_ptr_not_equal(first, breaker_of(&breakers, "lake"));
    assert_null(breaker_of(&breakers, NULL));
}

static void real_clock_stops_at_once(void **state)
{
    (void)state;
    volatile int stop = 1;
    RetryClock clock = retry_clock(&stop);
    double before = clock.now(clock.context);
    assert_false(clock.sleep(clock.context, 60));
    assert_true(clock.now(clock.context) - before < 1);
    stop = 0;
    assert_true(clock.sleep(clock.context, 0.001));
    for (int i = 0; i < 100; i++) {
        double chance = clock.chance(clock.context);
        assert_true(chance >= 0 && chance < 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_needs_no_wait),
        cmocka_unit_test(transient_errors_are_tried_again),
        cmocka_unit_test(retries_end),
        cmocka_unit_test(permanent_errors_are_not_tried_again),
        cmocka_unit_test(no_retries_means_one_attempt),
        cmocka_unit_test(delay_has_a_ceiling_and_jitter),
        cmocka_unit_test(retry_after_is_obeyed),
        cmocka_unit_test(retry_after_is_found_in_messages),
        cmocka_unit_test(interrupt_ends_the_wait),
        cmocka_unit_test(interrupted_attempt_is_final),
        cmocka_unit_test(breaker_opens_after_five),
        cmocka_unit_test(half_open_closes_after_two_successes),
        cmocka_unit_test(half_open_opens_at_one_failure),
        cmocka_unit_test(success_forgets_failures),
        cmocka_unit_test(refused_statements_do_not_count),
        cmocka_unit_test(breakers_are_by_name),
        cmocka_unit_test(real_clock_stops_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
