/* Tests of base/redact: every form of a secret, overlaps, and which names look secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/redact.h"

static int forget(void **state) {
    (void)state;
    redact_reset();
    return 0;
}

typedef struct Case {
    const char *text, *masked;
} Case;

static void check(const Case *cases, size_t count) {
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < count; i++)
        assert_string_equal(redact_text(arena, cases[i].text), cases[i].masked);
}

static void forms(void **state) {
    (void)state;
    redact_add("p@ss w0rd/+'x");
    static const Case cases[] = {
        {"password=p@ss w0rd/+'x;", "password=***;"},
        {"postgres://u:p%40ss%20w0rd%2F%2B%27x@h", "postgres://u:***@h"},
        {"postgres://u:p%40ss%20w0rd%2f%2b%27x@h", "postgres://u:***@h"},
        {"SELECT 'p@ss w0rd/+''x'", "SELECT '***'"},
        {"password='p@ss w0rd/+\\'x'", "password='***'"},
        {"nothing here", "nothing here"},
        {"p@ss w0rd/+'", "p@ss w0rd/+'"},
        {"", ""},
    };
    check(cases, sizeof cases / sizeof *cases);
}

static void base64_at_every_offset(void **state) {
    (void)state;
    redact_add("hunter2-secret");
    static const Case cases[] = {
        /* base64 of "hunter2-secret", then with "u:", "us:", "user:" in front. */
        {"aHVudGVyMi1zZWNyZXQ=", "***Q="},
        {"dTpodW50ZXIyLXNlY3JldA==", "dTp***A=="},
        {"dXM6aHVudGVyMi1zZWNyZXQ=", "dXM6***Q="},
        {"dXNlcjpodW50ZXIyLXNlY3JldA==", "dXNlcjp***A=="},
        {"eDpodW50ZXIyLXNlY3JldDp5", "eDp***Dp5"},
        {"eHh4eDpodW50ZXIyLXNlY3JldA==", "eHh4eDp***A=="},
        {"YTpiOmh1bnRlcjItc2VjcmV0", "YTpiOm***"},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *masked = redact_text(arena, cases[i].text);
        assert_non_null(strstr(masked, "***"));
        assert_string_equal(masked, cases[i].masked);
    }
}

static void base64_of_urls(void **state) {
    (void)state;
    redact_add("\xfb\xff\xfe\xfb\xff\xfe");
    static const Case cases[] = {{"+//++//+", "***"}, {"-__--__-", "***"}};
    check(cases, sizeof cases / sizeof *cases);
}

static void overlaps(void **state) {
    (void)state;
    redact_add("abc-1234");
    redact_add("1234-xyz");
    redact_add("abc-1234567");
    static const Case cases[] = {
        {"<abc-1234-xyz>", "<***>"},
        {"abc-1234567 abc-1234", "*** ***"},
        {"1234-xyz1234-xyz", "***"},
    };
    check(cases, sizeof cases / sizeof *cases);
}

static void short_and_missing(void **state) {
    (void)state;
    redact_add(NULL);
    redact_add("");
    redact_add("ab");
    static const Case cases[] = {{"abab", "abab"}};
    check(cases, 1);
    assert_null(redact_text(NULL, NULL));
    redact_add("abc");
    static const Case now[] = {{"xabcx", "x***x"}};
    check(now, 1);
    redact_reset();
    static const Case after[] = {{"xabcx", "xabcx"}};
    check(after, 1);
}

static void names(void **state) {
    (void)state;
    static const char *const secret[] = {
        "password",
        "PG_PASSWORD",
        "PGPASSWORD",
        "dbPassword",
        "passwd",
        "secret",
        "client_secret",
        "SECRET_ACCESS_KEY",
        "secret_key",
        "token",
        "session_token",
        "authToken",
        "github-token",
        "API_KEY",
        "apiKey",
        "api.key",
        "APIKEY",
        "access_key_id",
        "AWS_ACCESS_KEY_ID",
        "key",
        "credential",
        "credentials",
        "tokens",
        "db_pass",
        "DB_PWD",
        "encryption_keys",
    };
    static const char *const plain[] = {
        "primary_key", "key_pattern", "upsert_keys", "keys",          "merge_keys", "foreign_key",
        "monkey",      "keyboard",    "environment", "region",        "PWD",        "token_count",
        "max_tokens",  "compass",     "bypass",      "partition_key", "",           "database",
    };
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        if (!redact_is_secret_name(secret[i])) fail_msg("'%s' looks secret", secret[i]);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (redact_is_secret_name(plain[i])) fail_msg("'%s' does not look secret", plain[i]);
}

static void documents(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    redact_add("error");
    redact_add("null");
    redact_add("12345");
    redact_add("pa\"ss");
    const char *json = "{\"error\": null, \"a\": [\"an error\", 12345, 123456, -1.5e3],\n"
                       "\"b\" : {\"x\": \"pa\\\"ss: {}\", \"y\": \"\"}, \"12345\":true}";
    assert_string_equal(redact_json(arena, json),
                        "{\"error\": null, \"a\": [\"an ***\", \"***\", 123456, -1.5e3],\n"
                        "\"b\" : {\"x\": \"***: {}\", \"y\": \"\"}, \"12345\":true}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(forms, forget),
        cmocka_unit_test_teardown(base64_at_every_offset, forget),
        cmocka_unit_test_teardown(base64_of_urls, forget),
        cmocka_unit_test_teardown(overlaps, forget),
        cmocka_unit_test_teardown(short_and_missing, forget),
        cmocka_unit_test_teardown(documents, forget),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
