/* connectors/options: names, types, defaults, inheritance, messages. */
#include "connectors/file_helpers.h"

#include <string.h>

#include "base/redact.h"

/* The codes and messages that resolving gives, one a line. */
static const char *resolve(const char *connector, OptionUse use, const char *inherited,
                           const char *own, Link *link) {
    Diags diags = diags_on(world.arena);
    *link = (Link){.name = "s"};
    options_resolve(world.arena, connector_find(connector), use,
                    inherited == NULL ? NULL : object_of(inherited),
                    own == NULL ? NULL : object_of(own), link, &diags);
    const char *out = "";
    for (size_t i = 0; i < diags.count; i++)
        out = arena_printf(world.arena, "%s%s%d %s", out, i > 0 ? "\n" : "",
                           (int)diags.items[i].code, diags.items[i].message);
    return out;
}

static const struct {
    const char *connector, *own, *message;
    OptionUse use;
} options[] = {
    {"csv", "{\"path\": \"a\"}", "", USE_READ},
    {"csv", "{\"path\": \"a\", \"delimeter\": \";\"}",
     "502 csv has no option 'delimeter' (did you mean 'delimiter'?)", USE_READ},
    {"csv", "{\"path\": \"a\", \"zzz\": 1}", "502 csv has no option 'zzz'", USE_READ},
    {"csv", "{\"path\": \"a\", \"batch_size\": 1}", "505 batch_size means nothing to csv",
     USE_READ},
    {"json", "{\"path\": \"a\", \"header\": true}", "505 header means nothing to json", USE_READ},
    {"csv", "{\"path\": \"a\", \"sslmode\": \"x\"}", "505 sslmode means nothing to csv", USE_READ},
    {"csv", "{\"path\": \"a\", \"partition_by\": \"x\"}",
     "505 partition_by means nothing in a SOURCE", USE_READ},
    {"csv", "{\"sync_mode\": \"full_refresh\"}", "505 sync_mode means nothing in an EXPORT",
     USE_WRITE},
    {"csv", "{\"path\": \"a\", \"has_header\": \"maybe\"}",
     "503 has_header must be true or false, not 'maybe'", USE_READ},
    {"csv", "{\"path\": \"a\", \"skip_rows\": \"two\"}",
     "503 skip_rows must be a whole number, not 'two'", USE_READ},
    {"csv", "{\"path\": \"a\", \"skip_rows\": 1.5}",
     "503 skip_rows must be a whole number, not '1.5'", USE_READ},
    {"csv", "{\"path\": \"a\", \"skip_rows\": -1}", "503 skip_rows must not be negative", USE_READ},
    {"csv", "{\"path\": \"a\", \"quote_char\": \"ab\"}",
     "503 quote_char must be one character, not 'ab'", USE_READ},
    {"csv", "{\"path\": \"a\", \"timeout_seconds\": 0}", "503 timeout_seconds must be more than 0",
     USE_READ},
    {"postgres", "{\"table\": \"t\", \"statement_timeout\": \"1.5 min\", \"lock_timeout\": 20}",
     "", USE_READ},
    {"postgres", "{\"table\": \"t\", \"statement_timeout\": \"soon\"}",
     "503 statement_timeout is not a duration", USE_READ},
    {"postgres", "{\"table\": \"t\", \"lock_timeout\": true}", "503 lock_timeout is not a duration",
     USE_READ},
    {"postgres", "{\"table\": \"t\", \"lock_timeout\": {\"a\": 1}}",
     "503 lock_timeout is not a duration", USE_READ},
    {"postgres", "{\"query\": \" ; -- nothing\"}", "504 source 's' needs 'table' or 'query'",
     USE_READ},
    {"csv", "{\"path\": {\"a\": 1}}", "503 path must be a list of texts, not an object", USE_READ},
    {"csv", "{\"path\": [\"a\", [1]]}",
     "503 path must be a list of texts, not a list with a list in it", USE_READ},
    {"csv", "{\"path\": \"a\", \"primary_key\": []}",
     "503 primary_key must be a name or a list of names, not an empty list", USE_READ},
    {"csv", "{\"path\": \"a\", \"primary_key\": 5}",
     "503 primary_key must be a name or a list of names, not 5", USE_READ},
    {"csv", "{\"path\": \"a\", \"columns\": [\"a\", true]}",
     "503 columns must be a name or a list of names, not true", USE_READ},
    {"csv", "{\"path\": \"a\", \"primary_key\": [\"id\", \"\"]}",
     "503 primary_key must be a name or a list of names, not empty text", USE_READ},
    {"csv", "{\"path\": \"a\", \"primary_key\": {}}",
     "503 primary_key must be a name or a list of names, not an object", USE_READ},
    {"csv", "{\"path\": \"a\", \"column_types\": [1]}",
     "503 column_types must be an object of texts, not a list", USE_READ},
    {"csv", "{\"path\": \"a\", \"sync_mode\": \"incrmental\"}",
     "503 sync_mode cannot be 'incrmental' (did you mean 'incremental'?)", USE_READ},
    {"csv", "{\"path\": \"a\", \"header\": true, \"has_header\": false}",
     "108 has_header is given twice: header and has_header mean the same", USE_READ},
    {"csv", "{\"path\": \"a\", \"delimiter\": \"\"}",
     "503 delimiter must be 1 to 4 bytes and no line break", USE_READ},
    {"csv", "{\"path\": \"a\", \"delimiter\": \"x\", \"quote_char\": \"x\"}",
     "503 quote_char and delimiter are the same", USE_READ},
    {"csv", "{\"path\": \"a\", \"max_errors\": 3}", "503 max_errors needs \"ignore_errors\": true",
     USE_READ},
    {"csv", "{\"partition_by\": \"a\", \"per_thread_output\": true}",
     "503 partition_by and per_thread_output exclude each other", USE_WRITE},
    {"csv",
     "{\"max_retries\": 5, \"retry_delay\": 0.5, \"timeout_seconds\": 30, "
     "\"path\": \"a\"}",
     "", USE_READ},
    {"csv", "{\"delimiter\": null, \"path\": \"a\"}", "", USE_READ},
};

static void messages(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        Link link;
        const char *found =
            resolve(options[i].connector, options[i].use, NULL, options[i].own, &link);
        if (!str_eq(found, options[i].message))
            fail_msg("%s:\n%s\nnot\n%s", options[i].own, found, options[i].message);
    }
}

static void values(void **state) {
    (void)state;
    Link link;
    assert_string_equal(
        resolve("csv", USE_READ, NULL,
                "{\"PATHS\": [\"a\", 5], \"header\": \"TRUE\", \"skip\": \"3\", \"sep\": \"\\\\t\","
                " \"sync_mode\": \"Incremental\", \"retry_delay\": \"0.25\", \"cursor\": \"at\","
                " \"types\": {\"a\": \"INT\"}}",
                &link),
        "");
    Strings paths = link_list(&link, world.arena, "path");
    assert_int_equal(paths.count, 2);
    assert_string_equal(paths.items[1], "5");
    assert_true(link_bool(&link, "has_header"));
    assert_int_equal(link_int(&link, "skip_rows"), 3);
    assert_string_equal(link_text(&link, "sync_mode"), "incremental");
    assert_true(link_number(&link, "retry_delay") == 0.25);
    assert_string_equal(link_text(&link, "cursor_field"), "at");
    assert_string_equal(value_get(link_value(&link, "column_types"), "a")->text, "INT");
    /* Defaults */
    assert_int_equal(link_int(&link, "max_retries"), 3);
    assert_false(link_has(&link, "max_retries"));
    assert_string_equal(link_value(&link, "encoding")->text, "utf-8");
    assert_false(link_bool(&link, "ignore_errors"));
    assert_null(link_text(&link, "delimeter"));
    assert_null(link_value(&link, "date_format"));
    assert_int_equal(link_list(&link, world.arena, "partition_by").count, 0);
    Link by_hand = {.connector = connector_find("csv"),
                    .options = value_new(world.arena, VALUE_OBJECT, SPAN_NONE)};
    assert_int_equal(link_int(&by_hand, "max_retries"), 3);
}

static void missing(void **state) {
    (void)state;
    Link link;
    assert_string_equal(resolve("csv", USE_CONNECTION, NULL, "{}", &link), "");
    assert_string_equal(resolve("csv", USE_WRITE, NULL, NULL, &link), "");
    assert_true(str_starts(resolve("csv", USE_READ, NULL, "{}", &link), "504"));
    assert_true(str_starts(resolve("csv", USE_READ, NULL, "{\"path\": \"\"}", &link), "504"));
    assert_string_equal(resolve("csv", USE_READ, "{\"path\": \"x\"}", "{}", &link), "");
}

static void inheritance(void **state) {
    (void)state;
    Link link;
    assert_string_equal(resolve("csv", USE_READ,
                                "{\"path\": \"data/a.csv\", \"delimiter\": \",\", \"nix\": 1}",
                                "{\"sep\": \";\"}", &link),
                        "405 nix means nothing to csv");
    assert_string_equal(link_text(&link, "delimiter"), ";");
    assert_string_equal(link_list(&link, world.arena, "path").items[0], "data/a.csv");
    /* What is for exports only is no concern of a source. */
    assert_string_equal(resolve("postgres", USE_READ, "{\"host\": \"h\", \"mode\": \"append\"}",
                                "{\"table\": \"t\"}", &link),
                        "");
    assert_false(link_has(&link, "mode"));
}

static void secrets(void **state) {
    (void)state;
    Link link;
    redact_reset();
    resolve("postgres", USE_READ, "{\"password\": \"hunter22\", \"odd_key\": \"opensesame\"}",
            "{\"table\": \"t\", \"parallel\": 4}", &link);
    assert_string_equal(redact_text(world.arena, "hunter22 opensesame"), "*** ***");
    const char *json = link_json(world.arena, &link);
    assert_null(strstr(json, "hunter22"));
    assert_non_null(strstr(json, "\"table\":"));
    assert_non_null(strstr(json, "\"parallel\":"));
}

static void registry(void **state) {
    (void)state;
    static const struct {
        const char *path, *connector;
    } cases[] = {
        {"a.csv", "csv"},         {"b/A.CSV.gz", "csv"},   {"x.tsv", "csv"},
        {"x.parquet", "parquet"}, {"x.jsonl.zst", "json"}, {"x.ndjson", "json"},
        {"x.txt", NULL},          {"csv", NULL},           {"postgresql://h/d", "postgres"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Connector *found = connector_for_path(world.arena, cases[i].path);
        if (!str_eq(found == NULL ? NULL : found->name, cases[i].connector))
            fail_msg("%s", cases[i].path);
    }
    assert_ptr_equal(connector_find("PostgreSQL"), connector_find("postgres"));
    assert_null(connector_find("oracle"));
    Strings names = {0};
    connector_names(world.arena, &names);
    assert_true(names.count >= 4);
    assert_null(connector_at(names.count));
}

/* What help, completion and docs rely on. */
static void tables_are_sound(void **state) {
    (void)state;
    for (size_t c = 0; connector_at(c) != NULL; c++) {
        const Connector *connector = connector_at(c);
        assert_non_null(connector->summary);
        assert_non_null(connector->probe);
        if (connector->can & CAN_READ) assert_non_null(connector->relation);
        if (connector->can & CAN_WRITE) assert_non_null(connector->publish);
        if (connector->can & CAN_BY_FILE) assert_non_null(connector->files);
        for (const OptionSpec *spec = connector->options; spec->name != NULL; spec++) {
            if (spec->help == NULL) fail_msg("%s: %s has no help", connector->name, spec->name);
            if (option_find(connector, spec->name) != spec)
                fail_msg("%s: %s is hidden by another option", connector->name, spec->name);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),         cmocka_unit_test(values),  cmocka_unit_test(missing),
        cmocka_unit_test(inheritance),      cmocka_unit_test(secrets), cmocka_unit_test(registry),
        cmocka_unit_test(tables_are_sound),
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
