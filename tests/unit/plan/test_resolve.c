/* Resolve: branches, SET, sources, loads, exports and what is refused, from the text on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lang/lang.h"
#include "plan/pipeline.h"

typedef struct Fixture {
    Arena *arena;
    Project project;
    Vars vars;
    Diags diags;
    Script script;
    Pipeline pipeline;
} Fixture;

static const char profile_text[] =
    "connections:\n"
    "  files: { type: csv, path: data/a.csv }\n"
    "  warehouse: { type: postgres, host: db, database: d, user: u, schema: base }\n"
    "  plain: { type: postgres, host: db, database: d }\n"
    "  lake: { type: s3, bucket: my-lake, region: eu-west-1 }\n"
    "  twin1: { type: s3, bucket: twin }\n"
    "  twin2: { type: s3, bucket: twin }\n"
    "  broken: { type: postgres, host: \"${SF_TEST_MISSING}\" }\n"
    "  odd: { type: postgers, host: db }\n";

static const char included_text[] = "SOURCE a TYPE csv PARAMS {path: 'data/a.csv'};\n"
                                    "CREATE TABLE t AS SELECT 1 AS x;";

static SourceText *read_included(void *context, Arena *arena, const char *path, Error *err) {
    (void)context;
    if (str_ends(path, "inc.sf")) return source_new(arena, path, included_text,
                                                    strlen(included_text));
    error_set(err, ERR_INCLUDE, SPAN_NONE, "no file %s", path);
    return NULL;
}

static const char *no_variable(void *context, const char *name) {
    (void)context, (void)name;
    return NULL;
}

/* The profile above, without a file. */
static void set_profile(Fixture *f) {
    Error err = {0};
    const SourceText *source =
        source_new(f->arena, "profiles/dev.yml", profile_text, strlen(profile_text));
    const Value *all = value_get(yaml_read(f->arena, source, &err), "connections");
    for (size_t i = 0; i < all->count; i++) {
        const Member *member = &all->members[i];
        Connection *connection = LIST_PUSH(f->arena, &f->project.profile.connections);
        Value *options = value_new(f->arena, VALUE_OBJECT, member->value->span);
        for (size_t j = 1; j < member->value->count; j++) {
            const Member *option = &member->value->members[j];
            value_add(f->arena, options, option->key, option->key_span, option->value);
        }
        const Value *type = value_get(member->value, "type");
        *connection = (Connection){member->key, type->text, options, member->key_span, type->span};
    }
}

static void resolve_text(Fixture *f, const char *text) {
    *f = (Fixture){.arena = arena_new()};
    f->diags = diags_on(f->arena);
    f->project = (Project){.arena = f->arena, .root = "/", .dotenv = map_on(f->arena)};
    f->project.profile.name = "dev";
    f->project.profile.variables = value_new(f->arena, VALUE_OBJECT, SPAN_NONE);
    f->project.profile.engine.persistent = true;
    set_profile(f);
    f->vars = vars_new(f->arena, &f->project);
    vars_set_builtins(&f->vars, "p", "run-1", 0);
    IncludeHost host = {NULL, no_variable, read_included};
    const SourceText *source = source_new(f->arena, "p.sf", text, strlen(text));
    f->script = lang_load(f->arena, source, &host, &f->diags);
    resolve(&f->script, &f->vars, &f->project, &f->pipeline, &f->diags);
}

/* Until S3 is among the connectors, what speaks of it is left out. */
static bool is_for_later(const char *text) {
    bool s3 = strstr(text, "s3://") != NULL || strstr(text, "TO lake") != NULL;
    return s3 && connector_find("s3") == NULL;
}

static void tear_down(Fixture *f) { arena_free(f->arena); }

static const Diag *first_error(const Fixture *f) {
    for (size_t i = 0; i < f->diags.count; i++)
        if (f->diags.items[i].severity == SEVERITY_ERROR) return &f->diags.items[i];
    return NULL;
}

static void no_errors(const Fixture *f, const char *text) {
    const Diag *error = first_error(f);
    if (error != NULL) fail_msg("%s\n%s (%s)", text, error->message, error->hint);
}

/* "kind:name" of each step. */
static const char *steps_of(const Fixture *f) {
    static const char *const kinds[] = {"source", "load", "create", "export", "assert", "sql"};
    Buf out = buf_on(f->arena);
    for (size_t i = 0; i < f->pipeline.steps.count; i++) {
        const Step *step = &f->pipeline.steps.items[i];
        buf_printf(&out, "%s%s:%s", i == 0 ? "" : " ", kinds[step->kind], step->name);
    }
    return buf_text(&out);
}

#define CSV "SOURCE a TYPE csv PARAMS {path: 'data/a.csv'};\n"

static void steps_are_made(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {CSV "LOAD t FROM a; CREATE TABLE s.u AS SELECT * FROM t; EXPORT u TO 'o/x.csv';",
         "source:a load:t create:s.u export:o/x.csv"},
        {"IF true THEN CREATE TABLE a AS SELECT 1; ELSE CREATE TABLE b AS SELECT ${no}; END IF;",
         "create:a"},
        {"IF ${x|1} == 2 THEN CREATE TABLE a AS SELECT 1; ELSEIF ${x|1} == 1 THEN CREATE TABLE b "
         "AS SELECT 1; ELSE CREATE TABLE c AS SELECT 1; END IF;",
         "create:b"},
        {"SET e = prod; IF e == prod THEN SET n = 7; END IF; CREATE TABLE t_${n} AS SELECT ${n};",
         "create:t_7"},
        {"IF ${missing} == 'a' THEN CREATE TABLE a AS SELECT 1; END IF;", ""},
        {"ASSERT ok AS SELECT 1 WHERE false; ASSERT WARN UNIQUE (a, b) IN s.t; "
         "ASSERT NOT NULL (a) IN t;",
         "assert:ok assert:s.t assert:t"},
        {"DELETE FROM t; DROP TABLE IF EXISTS a, s.b; CREATE SCHEMA s;", "sql:t sql:a sql:s"},
        {"INCLUDE 'inc.sf' AS lib; LOAD r FROM lib.a; CREATE TABLE u AS SELECT * FROM lib.t; "
         "EXPORT lib.t TO 'x.csv';",
         "source:a create:t load:r create:u export:x.csv"},
        {"LOAD t FROM a; " CSV, "load:t source:a"},
        {"SET n = 'my name'; LOAD ${n} FROM a_${n}; SOURCE \"a_my name\" TYPE csv PARAMS "
         "{path: 'x.csv'};",
         "load:my name source:a_my name"},
        {"LOAD t FROM (SELECT 1 AS a) MODE APPEND;", "load:t"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        resolve_text(&f, cases[i].text);
        no_errors(&f, cases[i].text);
        assert_string_equal(steps_of(&f), cases[i].want);
        tear_down(&f);
    }
}

/* TYPE beside a connection in PARAMS, as older files write it: like FROM. */
static void source_of_a_named_connection(void **state) {
    (void)state;
    Fixture f;
    resolve_text(&f, "SET c = warehouse; SOURCE a TYPE postgresql PARAMS "
                     "{connection: '${c}', schema: 'own', table: 't'};");
    no_errors(&f, "connection");
    const Source *source = map_get(&f.pipeline.source_by_name, "a");
    assert_string_equal(source->link.connection, "warehouse");
    assert_string_equal(link_text(&source->link, "host"), "db");
    assert_string_equal(link_text(&source->link, "schema"), "own");
    tear_down(&f);
}

static void texts_are_final(void **state) {
    (void)state;
    Fixture f;
    resolve_text(&f, "SET d = 'data'; SET n = 1; SET x = ${n|5}; SET x = ${x};\n"
                     "SOURCE s TYPE csv PARAMS {path: '$d/${n}.csv', skip_rows: ${x}, \n"
                     "  primary_key: 'id', columns: ['id', 'day'], on_schema_change: 'ignore'};\n"
                     "LOAD t FROM s MODE UPSERT KEY (id, \"the day\");\n"
                     "CREATE TABLE u MODE INCREMENTAL BY ts LOOKBACK ${n} DAYS AS\n"
                     "  SELECT ${n} AS a FROM part_${n} WHERE ts > @start_dt;\n"
                     "INCLUDE 'inc.sf' AS lib; CREATE TABLE v AS SELECT * FROM lib.t;");
    no_errors(&f, "texts_are_final");
    assert_string_equal(f.pipeline.name, "p");
    const Source *source = map_get(&f.pipeline.source_by_name, "S");
    assert_string_equal(link_list(&source->link, f.arena, "path").items[0], "data/1.csv");
    assert_int_equal(link_value(&source->link, "skip_rows")->kind, VALUE_NUMBER);
    assert_int_equal(source->columns.count, 2);
    assert_string_equal(source->primary_key.items[0], "id");
    assert_int_equal(source->on_schema_change, SCHEMA_IGNORE);
    const Step *load = &f.pipeline.steps.items[1], *create = &f.pipeline.steps.items[2];
    assert_ptr_equal(load->source, source);
    assert_int_equal(load->mode, MODE_UPSERT);
    assert_string_equal(strings_join(f.arena, &load->keys, "|"), "id|the day");
    assert_string_equal(create->query.sql, "SELECT 1 AS a FROM part_1 WHERE ts > @start_dt");
    assert_string_equal(create->lookback, "1 DAYS");
    assert_string_equal(create->cursor, "ts");
    const Step *last = &f.pipeline.steps.items[f.pipeline.steps.count - 1];
    assert_string_equal(last->query.sql, "SELECT * FROM t");
    tear_down(&f);
}

static void exports_find_their_destination(void **state) {
    (void)state;
    static const struct {
        const char *text, *connector, *destination, *connection, *link_connection;
    } cases[] = {
        {"EXPORT t TO 'o/x.csv';", "csv", "o/x.csv", NULL, NULL},
        {"EXPORT t TO 'o/x.parquet';", "parquet", "o/x.parquet", NULL, NULL},
        {"EXPORT t TO 'o/x.jsonl.gz';", "json", "o/x.jsonl.gz", NULL, NULL},
        {"EXPORT t TO 'o/x.txt' TYPE CSV;", "csv", "o/x.txt", NULL, NULL},
        {"EXPORT t TO warehouse;", "postgres", "base.t", "warehouse", "warehouse"},
        {"EXPORT s.t TO plain;", "postgres", "t", "plain", "plain"},
        {"EXPORT t TO warehouse.u;", "postgres", "base.u", "warehouse", "warehouse"},
        {"EXPORT t TO warehouse.b.u;", "postgres", "b.u", "warehouse", "warehouse"},
        {"EXPORT t TO Warehouse.\"B b\".u TYPE postgresql;", "postgres", "\"B b\".u", "warehouse",
         "warehouse"},
        {"EXPORT SELECT 1 AS a TO plain OPTIONS {table: 'x'};", "postgres", "x", "plain", "plain"},
        {"EXPORT SELECT 1 AS a TO warehouse OPTIONS {table: 'c.x'};", "postgres", "c.x",
         "warehouse", "warehouse"},
        {"EXPORT t TO 's3://my-lake/a/x.csv';", "s3", "s3://my-lake/a/x.csv", NULL, "lake"},
        {"EXPORT t TO 's3://elsewhere/x.csv';", "s3", "s3://elsewhere/x.csv", NULL, NULL},
        {"EXPORT t TO 's3://my-lake/p/' TYPE S3 OPTIONS {file_format: 'parquet'};", "s3",
         "s3://my-lake/p/", NULL, "lake"},
        {"EXPORT t TO 's3://twin/x.csv' OPTIONS {connection: 'twin2'};", "s3", "s3://twin/x.csv",
         NULL, "twin2"},
        {"EXPORT t TO lake OPTIONS {key: 'a/x.csv'};", "s3", "s3://my-lake/a/x.csv", "lake",
         "lake"},
        {"EXPORT t TO lake OPTIONS {path_prefix: 'p'};", "s3", "s3://my-lake/p/", "lake", "lake"},
        {"EXPORT t TO '/a/x.csv' /* s3:// */ TYPE S3 OPTIONS {bucket: 'b'};", "s3",
         "s3://b/a/x.csv", NULL, NULL},
        {"EXPORT t TO 's3://my-lake/x' TYPE parquet;", "s3", "s3://my-lake/x", NULL, "lake"},
        {"EXPORT t TO plain OPTIONS {table: 'odd name!'};", "postgres", "\"odd name!\"", "plain",
         "plain"},
        {"EXPORT t TO files OPTIONS {path: 'o/y.csv'};", "csv", "o/y.csv", "files", "files"},
        {"EXPORT t TO csv PARAMS {path: 'o/y.csv'};", "csv", "o/y.csv", NULL, NULL},
        {"EXPORT t TO 'postgres://u@h/d' OPTIONS {table: 'x'};", "postgres", "x", NULL, NULL},
        {"EXPORT t TO 'warehouse' TYPE POSTGRES;", "postgres", "base.t", "warehouse", "warehouse"},
        {"EXPORT t TO 'public.x' TYPE POSTGRES OPTIONS {host: 'h'};", "postgres", "public.x", NULL,
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        if (is_for_later(cases[i].text)) continue;
        resolve_text(&f, cases[i].text);
        no_errors(&f, cases[i].text);
        assert_int_equal(f.pipeline.steps.count, 1);
        const Step *step = &f.pipeline.steps.items[0];
        assert_string_equal(step->export.link.connector->name, cases[i].connector);
        assert_string_equal(step->export.destination, cases[i].destination);
        if (!str_eq(step->export.connection, cases[i].connection) ||
            !str_eq(step->export.link.connection, cases[i].link_connection))
            fail_msg("%s: connection %s, link %s", cases[i].text, step->export.connection,
                     step->export.link.connection);
        tear_down(&f);
    }
}

static void tab_separates_tsv(void **state) {
    (void)state;
    Fixture f;
    resolve_text(&f, "EXPORT t TO 'x.tsv'; EXPORT t TO 'y.tsv' OPTIONS {sep: '|'};");
    no_errors(&f, "tsv");
    assert_string_equal(link_text(&f.pipeline.steps.items[0].export.link, "delimiter"), "\t");
    assert_string_equal(link_text(&f.pipeline.steps.items[1].export.link, "delimiter"), "|");
    tear_down(&f);
}

#define INC "SOURCE a TYPE csv PARAMS {path: 'a.csv', sync_mode: 'incremental', "

static const struct {
    const char *text;
    ErrorCode code;
    const char *at, *message, *hint; /* parts; NULL: whatever */
} wrong[] = {
    {"SOURCE a TYPE csvv PARAMS {path: 'x.csv'};", ERR_UNKNOWN_CONNECTOR, "csvv", "mean 'csv'",
     "types are"},
    {"SOURCE a FROM 'filse';", ERR_UNKNOWN_CONNECTION, "'filse'", "mean 'files'", "warehouse"},
    {"SOURCE a FROM 'broken' OPTIONS {table: 't'};", ERR_UNKNOWN_VARIABLE, NULL,
     "SF_TEST_MISSING", "export"},
    {"SOURCE a FROM 'odd';", ERR_UNKNOWN_CONNECTOR, "postgers", "mean 'postgres'", NULL},
    {"SOURCE a TYPE csv PARAMS {connection: 'lake'};", ERR_UNKNOWN_CONNECTOR, "csv",
     "'lake' is of type s3", "FROM 'lake'"},
    {"SOURCE a TYPE csv PARAMS {connection: 'filse'};", ERR_UNKNOWN_CONNECTION, "'filse'",
     "mean 'files'", NULL},
    {"SOURCE a TYPE csv PARAMS {connection: '${no}'};", ERR_UNKNOWN_VARIABLE, NULL, "${no}", NULL},
    {CSV "SOURCE A TYPE csv PARAMS {path: 'b.csv'};", ERR_DUPLICATE_DEFINITION, "A",
     "first at p.sf:1:8", NULL},
    {CSV "LOAD t FROM b1; SOURCE b2 TYPE csv PARAMS {path: 'b.csv'};", ERR_UNKNOWN_SOURCE,
     "b1", NULL, "sources are: a, b2"},
    {"CREATE TABLE q AS SELECT 1; LOAD t FROM q;", ERR_UNKNOWN_SOURCE, "q", NULL,
     "CREATE TABLE t AS FROM q"},
    {"SOURCE a TYPE postgres PARAMS {host: 'h', table: 't', sync_mode: 'incremental'};",
     ERR_MISSING_OPTION, "'incremental'", "needs cursor_field", NULL},
    {INC "lookback: '1 day'};", ERR_MISSING_OPTION, "'1 day'", "lookback needs", NULL},
    {INC "cursor_field: 'ts', columns: ['tss']};", ERR_OPTION_VALUE, "'ts'", "mean 'tss'",
     NULL},
    {INC "cursor_field: 'ts', lookback: 2}; LOAD t FROM a;", ERR_MODE, "LOAD", "needs a key",
     "primary_key"},
    {INC "cursor_field: 'ts', null_cursor: 'include'}; LOAD t FROM a MODE APPEND;", ERR_MODE,
     "MODE APPEND", "null_cursor", NULL},
    {"EXPORT t TO 'x.foo';", ERR_UNKNOWN_CONNECTOR, "'x.foo'", "extension", "TYPE csv"},
    {"EXPORT t TO 'x.foo' TYPE exel;", ERR_UNKNOWN_CONNECTOR, "exel", NULL, "types are"},
    {"EXPORT t TO warehose;", ERR_UNKNOWN_CONNECTION, "warehose", "mean 'warehouse'", NULL},
    {"EXPORT t TO warehouse.a.b.c;", ERR_OPTION_VALUE, NULL, "three parts", NULL},
    {"EXPORT t TO files.x;", ERR_OPTION_VALUE, NULL, "no tables", NULL},
    {"EXPORT SELECT 1 TO plain;", ERR_MISSING_OPTION, "plain", "needs a table", "table"},
    {"EXPORT t TO warehouse TYPE csv;", ERR_UNKNOWN_CONNECTOR, "csv", "of type postgres", "leave"},
    {"EXPORT t TO 'x.csv' OPTIONS {connection: 'plain'};", ERR_UNKNOWN_CONNECTOR, "'x.csv'",
     "for csv, but", NULL},
    {"EXPORT t TO 'x.csv' OPTIONS {connection: 'nope'};", ERR_UNKNOWN_CONNECTION, "'nope'", NULL,
     "its connections are"},
    {"EXPORT t TO csv PARAMS {connection: 'nope'};", ERR_UNKNOWN_CONNECTION, "'nope'", NULL, NULL},
    {"EXPORT t TO 's3:///x.csv';", ERR_OPTION_VALUE, NULL, "no bucket", NULL},
    {"EXPORT t TO 'x.csv' /* s3:// */ TYPE S3;", ERR_MISSING_OPTION, "'x.csv'", "no bucket", NULL},
    {"EXPORT t TO 'a.b.c' TYPE postgres;", ERR_OPTION_VALUE, "'a.b.c'", "no table", NULL},
    {"EXPORT t TO 'ftp://h/x';", ERR_UNKNOWN_CONNECTOR, NULL, "writes to ftp://", NULL},
    {"SET e = ''; EXPORT t TO '${e}';", ERR_OPTION_VALUE, NULL, "is empty", NULL},
    {"EXPORT t TO csv;", ERR_MISSING_OPTION, "csv", "no path", NULL},
    {INC "cursor_field: ''};", ERR_OPTION_VALUE, "''", "cursor_field is empty", NULL},
    {"LOAD t FROM b;", ERR_UNKNOWN_SOURCE, "b", NULL, "define it"},
    {"EXPORT t TO 's3://twin/x.csv';", ERR_UNKNOWN_CONNECTION, NULL, "twin1, twin2",
     "connection"},
    {"EXPORT t TO lake;", ERR_MISSING_OPTION, "lake", "no S3 object", NULL},
    {"CREATE INDEX i ON t (a);", ERR_REFUSED_STATEMENT, "CREATE", "not allowed",
     "allow_indexes: true"},
    {"CREATE TABLE t (a INT PRIMARY KEY);", ERR_REFUSED_STATEMENT, "CREATE", NULL,
     "ASSERT UNIQUE"},
    {"CREATE TABLE _sqlflow.t AS SELECT 1;", ERR_REFUSED_STATEMENT, "_sqlflow.t", "state",
     NULL},
    {"DELETE FROM _sqlflow.runs;", ERR_REFUSED_STATEMENT, NULL, "state", NULL},
    {"DROP SCHEMA IF EXISTS _SQLFLOW CASCADE;", ERR_REFUSED_STATEMENT, "_SQLFLOW", "state", NULL},
    {"CREATE TABLE x.y.z AS SELECT 1;", ERR_UNKNOWN_TABLE, "x.y.z", "another database", NULL},
    {"CREATE TABLE t MODE UPSERT KEY (a, A) AS SELECT 1 AS a;", ERR_MODE, "A", "twice", NULL},
    {"CREATE TABLE t AS SELECT ${nope};", ERR_UNKNOWN_VARIABLE, "${nope}", "${nope}", "--var"},
    {"DELETE FROM ${nope} WHERE a = ${nope};", ERR_UNKNOWN_VARIABLE, "${nope}", "line 1",
     NULL},
    {"SOURCE a TYPE csv PARAMS {path: ${nope}}; LOAD t FROM a;", ERR_UNKNOWN_VARIABLE,
     "${nope}", NULL, NULL},
    {"EXPORT t TO 'x/${nope}';", ERR_UNKNOWN_VARIABLE, "${nope}", NULL, NULL},
    {"EXPORT t TO 'x_${nope}.csv';", ERR_UNKNOWN_VARIABLE, "${nope}", NULL, NULL},
    {"SET v = 'a ${nope}'; SET w = ${v}; CREATE TABLE ${w} AS SELECT 1; EXPORT t TO ${w}; "
     "SOURCE a TYPE csv PARAMS {path: ${v}}; LOAD t FROM a; LOAD ${v} FROM ${w};",
     ERR_UNKNOWN_VARIABLE, "${nope}", "${nope}", NULL},
};

static void wrong_things_are_reported(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Fixture f;
        if (is_for_later(wrong[i].text)) continue;
        resolve_text(&f, wrong[i].text);
        const Diag *error = first_error(&f);
        if (error == NULL) fail_msg("no error: %s", wrong[i].text);
        if (f.diags.errors != 1)
            fail_msg("%s\n%s\n%s", wrong[i].text, f.diags.items[0].message,
                     f.diags.items[1].message);
        const char *at = span_text(f.arena, error->span);
        if (error->code != wrong[i].code ||
            (wrong[i].at != NULL && !str_starts(at, wrong[i].at)) ||
            (wrong[i].message != NULL && strstr(error->message, wrong[i].message) == NULL) ||
            (wrong[i].hint != NULL && strstr(error->hint, wrong[i].hint) == NULL))
            fail_msg("%s\nSF%04d at `%s`: %s\nhint: %s", wrong[i].text, (int)error->code, at,
                     error->message, error->hint);
        tear_down(&f);
    }
}

static void keys_and_modes_allow_lookback(void **state) {
    (void)state;
    static const char *const texts[] = {
        INC "cursor_field: 'ts', lookback: 2, primary_key: 'id'}; LOAD t FROM a MODE APPEND;",
        INC "cursor_field: 'ts', lookback: 2}; LOAD t FROM a MODE UPSERT KEY id;",
        INC "cursor_field: 'ts', lookback: 2}; LOAD t FROM a MODE REPLACE;",
        INC "cursor_field: 'ts', null_cursor: 'exclude'}; LOAD t FROM a;",
        INC "}; LOAD t FROM a;",
        "CREATE TEMP TABLE t (a INT PRIMARY KEY);",
        "CREATE TABLE db.main.t AS SELECT 1;",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Fixture f;
        resolve_text(&f, texts[i]);
        no_errors(&f, texts[i]);
        tear_down(&f);
    }
}

static void options_without_meaning_are_warned_of(void **state) {
    (void)state;
    Fixture f;
    resolve_text(&f, "SOURCE a TYPE csv PARAMS {path: 'a.csv', lookback: 5};");
    no_errors(&f, "lookback");
    assert_int_equal(f.diags.items[0].code, WARN_FOREIGN_OPTION);
    assert_string_equal(span_text(f.arena, f.diags.items[0].span), "5");
    tear_down(&f);
}

static void unused_connections_are_warned_of(void **state) {
    (void)state;
    Fixture f;
    resolve_text(&f, "CREATE TABLE t AS SELECT 1;");
    assert_int_equal(f.diags.errors, 0);
    const Diag *last = &f.diags.items[f.diags.count - 1];
    assert_int_equal(last->code, WARN_UNKNOWN_KEY);
    assert_non_null(strstr(last->message, "did you mean 'postgres'?"));
    tear_down(&f);
}

static void table_names_compare(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    TableName table = table_name(arena, "MAIN", "My \"T\"", SPAN_NONE);
    assert_null(table.schema);
    assert_string_equal(table.key, "my \"t\"");
    assert_string_equal(table.sql, "\"My \"\"T\"\"\"");
    table = table_name(arena, "S", "T", SPAN_NONE);
    assert_string_equal(table.key, "s.t");
    assert_string_equal(table.sql, "\"S\".\"T\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_made),
        cmocka_unit_test(source_of_a_named_connection),
        cmocka_unit_test(texts_are_final),
        cmocka_unit_test(exports_find_their_destination),
        cmocka_unit_test(tab_separates_tsv),
        cmocka_unit_test(wrong_things_are_reported),
        cmocka_unit_test(keys_and_modes_allow_lookback),
        cmocka_unit_test(options_without_meaning_are_warned_of),
        cmocka_unit_test(unused_connections_are_warned_of),
        cmocka_unit_test(table_names_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
