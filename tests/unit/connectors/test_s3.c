/* connectors/s3: places, endpoints, checks and errors: all that needs no server. The rest is in
 * tests/integration/s3. */
#include "connectors/file_helpers.h"

#include <string.h>

#include "base/redact.h"
#include "connectors/s3.h"

static Link plain_link(const char *json) {
    Link link = {.name = "src", .connector = connector_find("s3"), .options = object_of(json)};
    return link;
}

static void places(void **state) {
    (void)state;
    static const struct {
        const char *options, *key, *pattern, *uri, *format;
    } cases[] = {
        {"{\"uri\": \"s3://b/a/x.csv\"}", "a/x.csv", NULL, "s3://b/a/x.csv", "csv"},
        {"{\"uri\": \"S3://b/a/x.CSV.gz\"}", "a/x.CSV.gz", NULL, "s3://b/a/x.CSV.gz", "csv"},
        {"{\"uri\": \"s3://b/a/\", \"file_format\": \"jsonl\"}", NULL, "a/**", "s3://b/a/",
         "json"},
        {"{\"uri\": \"s3://b\"}", NULL, "**", "s3://b/", NULL},
        {"{\"uri\": \"s3://b/a/*.parquet\"}", NULL, "a/*.parquet", "s3://b/a/*.parquet", "parquet"},
        {"{\"bucket\": \"b\", \"key\": \"x.tsv\"}", "x.tsv", NULL, "s3://b/x.tsv", "csv"},
        {"{\"bucket\": \"b\", \"path_prefix\": \"p\"}", NULL, "p/**", "s3://b/p/", NULL},
        {"{\"bucket\": \"b\", \"path_prefix\": \"p[1]/\"}", NULL, "p[[]1]/**", "s3://b/p[1]/",
         NULL},
        {"{\"bucket\": \"b\", \"path_prefix\": \"p/\", \"key_pattern\": \"*.json\"}", NULL,
         "p/*.json", "s3://b/p/*.json", "json"},
        {"{\"bucket\": \"b\", \"uri\": \"s3://c/x.csv\"}", "x.csv", NULL, "s3://c/x.csv", "csv"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Link link = plain_link(cases[i].options);
        S3Place place;
        assert_true(s3_place_of(world.arena, &link, &place));
        if (!str_eq(place.key, cases[i].key) || !str_eq(place.pattern, cases[i].pattern) ||
            !str_eq(place.uri, cases[i].uri) || !str_eq(place.format, cases[i].format))
            fail_msg("%s: %s, %s, %s, %s", cases[i].options, place.key, place.pattern, place.uri,
                     place.format);
    }
    S3Place place;
    Link none = plain_link("{\"key\": \"x.csv\"}"), odd = plain_link("{\"uri\": \"s3:///x.csv\"}");
    assert_false(s3_place_of(world.arena, &none, &place));
    assert_false(s3_place_of(world.arena, &odd, &place));
}

static void destinations(void **state) {
    (void)state;
    static const struct {
        const char *destination, *options, *uri, *format;
    } cases[] = {
        {"s3://b/x.csv", "{}", "s3://b/x.csv", "csv"},
        {"s3://b/x", "{\"file_format\": \"parquet\"}", "s3://b/x", "parquet"},
        {"s3://b/p/", "{\"file_format\": \"jsonl\"}", "s3://b/p/data.jsonl", "json"},
        {"s3://b/p.parquet", "{\"partition_by\": [\"k\"]}", "s3://b/p.parquet/", "parquet"},
        {"s3://b/x", "{}", "s3://b/x", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Link link = plain_link(cases[i].options);
        S3Place place;
        assert_true(s3_place_to(world.arena, &link, cases[i].destination, &place));
        if (!str_eq(place.uri, cases[i].uri) || !str_eq(place.format, cases[i].format))
            fail_msg("%s: %s, %s", cases[i].destination, place.uri, place.format);
    }
}

static void endpoints(void **state) {
    (void)state;
    static const struct {
        const char *options, *bucket, *host;
        bool ssl, loopback;
        const char *style;
    } cases[] = {
        {"{}", "b", NULL, true, false, "vhost"},
        {"{}", "b.c", NULL, true, false, "path"},
        {"{\"endpoint_url\": \"http://127.0.0.1:9000/\"}", "b", "127.0.0.1:9000", false, true,
         "path"},
        {"{\"endpoint_url\": \"http://localhost.evil.example\"}", "b", "localhost.evil.example",
         false, false, "path"},
        {"{\"endpoint_url\": \"https://s3.example.com\"}", "b", "s3.example.com", true, false,
         "path"},
        {"{\"endpoint_url\": \"minio:9000\", \"use_ssl\": false, \"url_style\": \"vhost\"}", "b",
         "minio:9000", false, false, "vhost"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Link link = plain_link(cases[i].options);
        S3Endpoint endpoint = s3_endpoint(world.arena, &link, cases[i].bucket);
        if (!str_eq(endpoint.host, cases[i].host) || endpoint.ssl != cases[i].ssl ||
            endpoint.loopback != cases[i].loopback ||
            !str_eq(endpoint.url_style, cases[i].style))
            fail_msg("%s: %s %d %d %s", cases[i].options, endpoint.host, endpoint.ssl,
                     endpoint.loopback, endpoint.url_style);
    }
}

/* The first error of options, "" when there is none. */
static const char *complaint(OptionUse use, const char *name, const char *json) {
    Diags diags = diags_on(world.arena);
    Link link = {.name = name};
    options_resolve(world.arena, connector_find("s3"), use, NULL, object_of(json), &link, &diags);
    for (size_t i = 0; i < diags.count; i++)
        if (diags.items[i].severity == SEVERITY_ERROR) return diags.items[i].message;
    return "";
}

static void checks(void **state) {
    (void)state;
    static const struct {
        const char *options, *word;
    } cases[] = {
        {"{\"uri\": \"s3://b/x.csv\"}", ""},
        {"{\"key\": \"x.csv\"}", "in which bucket"},
        {"{\"bucket\": \"b\", \"key\": \"x*.csv\"}", "must not hold"},
        {"{\"bucket\": \"b\", \"key\": \"x.csv\", \"key_pattern\": \"*\"}", "exclude"},
        {"{\"uri\": \"s3://b/x.csv\", \"access_key\": \"abc\"}", "needs secret_access_key"},
        {"{\"uri\": \"s3://b/x.csv\", \"session_token\": \"abc\"}", "needs access_key_id"},
        {"{\"uri\": \"s3://b/x.csv\", \"endpoint_url\": \"http://10.0.0.1\"}", "unencrypted"},
        {"{\"uri\": \"s3://b/x.csv\", \"endpoint_url\": \"http://10.0.0.1\", \"use_ssl\": false}",
         ""},
        {"{\"uri\": \"s3://b/x.csv\", \"endpoint_url\": \"https://h\", \"use_ssl\": false}",
         "is false"},
        {"{\"uri\": \"s3://b/x.csv\", \"endpoint_url\": \"https://u:p@h/x\"}", "host and a port"},
        {"{\"uri\": \"s3://b/x.csv\", \"compression\": \"snappy\"}", "cannot have"},
        {"{\"uri\": \"s3://b/x.parquet\", \"compression\": \"snappy\"}", ""},
        {"{\"uri\": \"s3://b/x\"}", "which format"},
        {"{\"uri\": \"s3://b/x.csv\", \"max_errors\": 3}", "ignore_errors"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *said = complaint(USE_READ, "src", cases[i].options);
        bool right = *cases[i].word == '\0' ? *said == '\0' : strstr(said, cases[i].word) != NULL;
        if (!right) fail_msg("%s: %s", cases[i].options, said);
    }
    assert_non_null(strstr(complaint(USE_WRITE, "s3://b/x", "{}"), "which format"));
    assert_non_null(strstr(complaint(USE_WRITE, "s3://b/x?.csv", "{}"), "must not hold"));
    assert_string_equal(complaint(USE_WRITE, "s3://b/x.csv", "{}"), "");
}

/* The formats' options are written twice; this keeps the tables alike. */
static void formats_options(void **state) {
    (void)state;
    static const char *const formats[] = {"csv", "json", "parquet"};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (const OptionSpec *spec = connector_find(formats[f])->options; spec->name != NULL;
             spec++) {
            if (str_eq(spec->name, "path")) continue;
            const OptionSpec *own = option_find(connector_find("s3"), spec->name);
            if (own == NULL || !str_eq(own->name, spec->name))
                fail_msg("s3 has no option %s of %s", spec->name, formats[f]);
            if (own->type != spec->type || (spec->use != 0 && own->use != 0 &&
                                            own->use != spec->use))
                fail_msg("%s is not the same in s3 and in %s", spec->name, formats[f]);
        }
}

#define JSON(type, message, more)                                                                 \
    type " Error: {\"exception_type\":\"" type "\",\"exception_message\":\"" message "\"" more "}"

static void errors(void **state) {
    (void)state;
    static const struct {
        const char *message;
        ErrorCode code;
        bool transient;
        const char *word;
    } cases[] = {
        {JSON("HTTP", "Request returned HTTP 503 for HTTP GET to 'x'",
              ",\"status_code\":\"503\",\"header_Retry-After\":\"7\""),
         ERR_CONNECTION, true, "Retry-After: 7"},
        {JSON("HTTP", "x", ",\"status_code\":\"429\""), ERR_CONNECTION, true, "HTTP 429"},
        {JSON("HTTP", "x", ",\"status_code\":\"403\",\"response_body\":\"<Error><Code>AccessDenied"
              "</Code><Message>No</Message></Error>\""),
         ERR_REMOTE_PERMISSION, false, "AccessDenied: No"},
        {JSON("HTTP", "x (HTTP 403 Forbidden)\\n\\nInvalidAccessKeyId: The key.\\n\\nmore",
              ",\"status_code\":\"403\""),
         ERR_AUTHENTICATION, false, "InvalidAccessKeyId: The key."},
        {JSON("HTTP", "x (HTTP 400 No)\\n\\nExpiredToken: Old.", ",\"status_code\":\"400\""),
         ERR_AUTHENTICATION, false, "ExpiredToken"},
        {JSON("HTTP", "x\\n\\nNoSuchBucket: None.", ",\"status_code\":\"404\""), ERR_REMOTE_OBJECT,
         false, "no bucket 'b'"},
        {JSON("HTTP", "x", ",\"status_code\":\"404\""), ERR_REMOTE_OBJECT, false, "no object"},
        {JSON("HTTP", "x", ",\"status_code\":\"301\""), ERR_CONNECTION, false, "region"},
        {JSON("IO", "Timeout was reached error for HTTP GET to 'x'", ""), ERR_CONNECTION, true,
         "timeout_seconds (60)"},
        {JSON("IO", "Could not connect to server error for HTTP HEAD to 'x'", ""), ERR_CONNECTION,
         true, "Could not connect to server"},
        {JSON("IO", "SSL peer certificate was not OK error for HTTP GET to 'x'", ""),
         ERR_CONNECTION, false, "certificate"},
        {JSON("Interrupt", "Interrupted!", ""), ERR_INTERRUPTED, false, ""},
        {JSON("Binder", "no such hiddenValue99", ""), ERR_STEP, false, "no such ***"},
        {"HTTP Error: x (HTTP code 500)", ERR_CONNECTION, true, "HTTP 500"},
    };
    Link link = plain_link("{}");
    S3 s3 = {.session = &world.session, .link = &link,
             .place = {.bucket = "b", .uri = "s3://b/x.csv"}};
    redact_add("hiddenValue99");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Error err = {0};
        assert_false(s3_fail(&s3, cases[i].message, &err));
        if (err.code != cases[i].code || err.transient != cases[i].transient ||
            strstr(err.message, cases[i].word) == NULL)
            fail_msg("%s: %d %d %s", cases[i].message, err.code, err.transient, err.message);
    }
}

static void refining(void **state) {
    (void)state;
    Link link = plain_link("{}");
    S3Place place = {.bucket = "b", .uri = "s3://b/x.csv"};
    Error err = {.code = ERR_STEP, .message = "Timeout was reached error for HTTP GET to 'x'"};
    assert_true(s3_refine(&link, &place, &err));
    assert_int_equal(err.code, ERR_CONNECTION);
    assert_true(err.transient);
    Error own = {.code = ERR_FILE_FORMAT, .message = "CSV Error on Line: 3"};
    assert_false(s3_refine(&link, &place, &own));
    assert_string_equal(own.message, "CSV Error on Line: 3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),    cmocka_unit_test(destinations),    cmocka_unit_test(endpoints),
        cmocka_unit_test(checks),    cmocka_unit_test(formats_options), cmocka_unit_test(errors),
        cmocka_unit_test(refining),
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
