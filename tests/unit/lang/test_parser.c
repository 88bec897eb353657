/* The parser on right texts: each statement's parts, names with variables, words that are names,
 * the extent of SQL. Its errors are in tests/lang_errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lang/lang.h"

static Block parse(Arena *arena, const char *text) {
    Diags diags = diags_on(arena);
    Buf out = buf_on(arena);
    Block block = lang_parse(arena, source_new(arena, "t", text, strlen(text)), &diags);
    for (size_t i = 0; i < diags.count; i++) diag_render(&out, &diags.items[i], false);
    if (diags.count > 0) fail_msg("%s\n%s", text, buf_text(&out));
    return block;
}

/* Pairs of a text and what lang_print makes of it; both parse to the same tree. */
static void check(const char *const (*cases)[2], size_t count) {
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < count; i++) {
        Buf once = buf_on(arena), twice = buf_on(arena);
        Block block = parse(arena, cases[i][0]);
        lang_print(&once, &block);
        assert_string_equal(buf_text(&once), cases[i][1]);
        block = parse(arena, buf_text(&once));
        lang_print(&twice, &block);
        assert_string_equal(buf_text(&twice), cases[i][1]);
    }
}

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        static const char *const cases[][2] = {__VA_ARGS__};                                       \
        check(cases, sizeof cases / sizeof *cases);                                                \
    } while (0)

static void sources(void **state) {
    (void)state;
    CHECK({"source A type csv params {path: 'a.csv',};",
           "SOURCE A TYPE csv PARAMS {\"path\": \"a.csv\"};\n"},
          {"SOURCE s FROM 'w';", "SOURCE s FROM 'w';\n"},
          {"SOURCE s FROM \"w\" PARAMS {};", "SOURCE s FROM 'w' OPTIONS {};\n"},
          {"SOURCE source TYPE type PARAMS {\"a\": ${v|1}, b: '\\${x}'};",
           "SOURCE source TYPE type PARAMS {\"a\": ${v|1}, \"b\": \"\\\\${x}\"};\n"},
          {"SOURCE s FROM '${c}';", "SOURCE s FROM '${c}';\n"},
          {"SOURCE/*x*/a -- y\nTYPE /* z */ CSV PARAMS/**/{ -- p\n\"p\" /* q */ : 1}\n-- ;\n;",
           "SOURCE a TYPE CSV PARAMS {\"p\": 1};\n"});
}

static void loads(void **state) {
    (void)state;
    CHECK({"LOAD t FROM s;", "LOAD t FROM s;\n"},
          {"LOAD mode FROM source;", "LOAD mode FROM source;\n"},
          {"LOAD mode FROM mode MODE APPEND;", "LOAD mode FROM mode MODE APPEND;\n"},
          {"LOAD from FROM from;", "LOAD from FROM from;\n"},
          {"LOAD \"My Table\" FROM lib . s MODE REPLACE;",
           "LOAD \"My Table\" FROM lib.s MODE REPLACE;\n"},
          {"LOAD ${env}_x.t_${n}2024 FROM s;", "LOAD ${env}_x.t_${n}2024 FROM s;\n"},
          {"LOAD t FROM s MODE UPSERT KEY a, \"b\";",
           "LOAD t FROM s MODE UPSERT KEY (a, \"b\");\n"},
          {"LOAD t FROM s MODE UPSERT KEY (a b);", "LOAD t FROM s MODE UPSERT KEY (a, b);\n"},
          {"LOAD t FROM s MODE UPSERT KEY (a, b c);", "LOAD t FROM s MODE UPSERT KEY (a, b, c);\n"},
          {"LOAD t FROM s MODE MERGE MERGE_KEYS (id);", "LOAD t FROM s MODE UPSERT KEY (id);\n"},
          {"LOAD t FROM s MODE UPSERT UPSERT_KEYS (id);", "LOAD t FROM s MODE UPSERT KEY (id);\n"},
          {"LOAD t FROM s mode upsert key key;", "LOAD t FROM s MODE UPSERT KEY (key);\n"},
          {"LOAD t FROM s INCREMENTAL BY at;", "LOAD t FROM s MODE INCREMENTAL BY at;\n"},
          {"LOAD t FROM s MODE INCREMENTAL BY at LOOKBACK '1 day';",
           "LOAD t FROM s MODE INCREMENTAL BY at LOOKBACK '1 day';\n"},
          {"LOAD t FROM s INCREMENTAL BY lookback LOOKBACK ${n} hours;",
           "LOAD t FROM s MODE INCREMENTAL BY lookback LOOKBACK ${n} hours;\n"},
          {"LOAD t FROM (SELECT ')' FROM (VALUES (1)) v) MODE APPEND;",
           "LOAD t FROM (SELECT ')' FROM (VALUES (1)) v) MODE APPEND;\n"},
          {"LOAD t FROM ( /* x */ (SELECT 1) UNION (SELECT 2) );",
           "LOAD t FROM ((SELECT 1) UNION (SELECT 2));\n"});
}

static void creates(void **state) {
    (void)state;
    CHECK({"CREATE TABLE t AS SELECT 1;", "CREATE TABLE t AS SELECT 1;\n"},
          {"create or replace temporary table if not exists s.t as from x;",
           "CREATE OR REPLACE TEMP TABLE IF NOT EXISTS s.t AS from x;\n"},
          {"CREATE TABLE mode MODE APPEND AS SELECT 1 AS mode;",
           "CREATE TABLE mode MODE APPEND AS SELECT 1 AS mode;\n"},
          {"CREATE TABLE as AS SELECT 1;", "CREATE TABLE as AS SELECT 1;\n"},
          {"CREATE TABLE incremental AS SELECT 1;", "CREATE TABLE incremental AS SELECT 1;\n"},
          {"CREATE TABLE if AS SELECT 1;", "CREATE TABLE if AS SELECT 1;\n"},
          {"CREATE TABLE t MODE UPSERT KEY a, b AS SELECT 1;",
           "CREATE TABLE t MODE UPSERT KEY (a, b) AS SELECT 1;\n"},
          {"CREATE TABLE t INCREMENTAL BY d LOOKBACK 2 DAYS AS SELECT 1;",
           "CREATE TABLE t MODE INCREMENTAL BY d LOOKBACK 2 DAYS AS SELECT 1;\n"},
          {"CREATE TABLE t AS ${q:raw};", "CREATE TABLE t AS ${q:raw};\n"},
          {"CREATE TABLE mode (a INT);", "CREATE TABLE mode (a INT);\n"});
}

/* SQL is kept byte for byte from its first token to its last. */
static void sql_as_written(void **state) {
    (void)state;
    static const char *const queries[] = {
        "SELECT  'two  spaces',\n\ta::int /* c */ -- d\n  <> 2",
        "SELECT $$it's; -- $$, $t$a; $$ b$t$, E'a\\';b', 'a;b', \"x;y\"",
        "SELECT '${x|'a;b'}', '-- no', '/* nor', 1e5, 1E-2, .5, 0x1F, 1_000",
        "SELECT CASE WHEN a THEN 'END IF' ELSE 2 END AS \"end\" FROM t",
        "SELECT [x + 1 FOR x IN [1, 2] IF x > 1], {'a': 1}.a, m['k'], l[1:2]",
        "SELECT '$name $1 {x}', ${n}::VARCHAR || 'x' FROM ${t} JOIN part_${n} USING (id)",
        "WITH load AS (SELECT 1)\nSELECT load FROM load",
        "SELECT a,\nload, b FROM t",
        "SELECT\n  load x FROM t",
        "FROM t\nSELECT if(a, 1, 2)",
        "SELECT 1 AS case, 2 AS end, 3 AS else",
        "(SELECT 1)\nUNION ALL\n(SELECT 2)",
        "SELECT größe → ✓",
        "TABLE t",
        "VALUES (1), (2)",
        "PIVOT t ON a USING sum(b)",
        "UNPIVOT t ON a INTO NAME n VALUE v",
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        const char *text = arena_printf(arena,
                                        "IF true THEN CREATE TABLE t AS /* x */ %s -- y\n ; ASSERT "
                                        "a AS %s; END IF;",
                                        queries[i], queries[i]);
        Block block = parse(arena, text);
        assert_int_equal(block.count, 1);
        const Block *body = &block.items[0]->branches.items[0].body;
        assert_int_equal(body->count, 2);
        assert_string_equal(body->items[0]->create.query.text, queries[i]);
        assert_string_equal(body->items[1]->assertion.query.text, queries[i]);
    }
}

static void exports(void **state) {
    (void)state;
    CHECK({"EXPORT t TO 'x.csv';", "EXPORT t TO 'x.csv';\n"},
          {"EXPORT s.t TO \"x.csv\" TYPE CSV PARAMS {a: 1};",
           "EXPORT s.t TO 'x.csv' TYPE CSV OPTIONS {\"a\": 1};\n"},
          {"EXPORT t TO warehouse.analytics.daily;", "EXPORT t TO warehouse.analytics.daily;\n"},
          {"EXPORT t TO \"my wh\".t;", "EXPORT t TO \"my wh\".t;\n"},
          {"EXPORT to TO to;", "EXPORT to TO to;\n"},
          {"EXPORT values TO 'x';", "EXPORT values TO 'x';\n"},
          {"EXPORT database TO 'x';", "EXPORT database TO 'x';\n"},
          {"EXPORT part_${n} TO 'x_${n|one}_$day.csv' OPTIONS {quote: '\"', b: \"\\\"\"};",
           "EXPORT part_${n} TO 'x_${n|one}_$day.csv' OPTIONS {\"quote\": \"\\\"\", \"b\": "
           "\"\\\"\"};\n"},
          {"EXPORT SELECT 'a TO b' AS \"x TO y\" /* TO */ FROM (SELECT 1 AS \"TO\") -- TO\nTO "
           "'x.csv';",
           "EXPORT SELECT 'a TO b' AS \"x TO y\" /* TO */ FROM (SELECT 1 AS \"TO\") TO 'x.csv';\n"},
          {"EXPORT SELECT INTERVAL '1' YEAR TO MONTH TO 'x.csv';",
           "EXPORT SELECT INTERVAL '1' YEAR TO MONTH TO 'x.csv';\n"},
          {"EXPORT SELECT a TO b TO w.t TYPE type OPTIONS {};",
           "EXPORT SELECT a TO b TO w.t TYPE type OPTIONS {};\n"},
          {"EXPORT SELECT (a TO 'x'), [b TO 'y'], {c: d TO 'z'} TO 'w';",
           "EXPORT SELECT (a TO 'x'), [b TO 'y'], {c: d TO 'z'} TO 'w';\n"},
          {"EXPORT (SELECT 1) TO 'x';", "EXPORT (SELECT 1) TO 'x';\n"},
          {"EXPORT FROM t TO 'x';", "EXPORT FROM t TO 'x';\n"},
          {"EXPORT SELECT 1 TO 'it''s';", "EXPORT SELECT 1 TO 'it''s';\n"});
}

static void ifs(void **state) {
    (void)state;
    CHECK({"IF true THEN ELSE END IF;", "IF true THEN\nELSE\nEND IF;\n"},
          {"if a then load b from c; else if d then elseif e then else end if;",
           "IF a THEN\n  LOAD b FROM c;\nELSEIF d THEN\nELSEIF e THEN\nELSE\nEND IF;\n"},
          {"IF a THEN IF b THEN LOAD c FROM d; ENDIF; ELSE IF e THEN END IF;",
           "IF a THEN\n  IF b THEN\n    LOAD c FROM d;\n  END IF;\nELSEIF e THEN\nEND IF;\n"},
          {"IF (a or b)\n and c -- x\nTHEN;; LOAD c FROM d;; END IF;",
           "IF (a or b)\n and c THEN\n  LOAD c FROM d;\nEND IF;\n"},
          {"IF load == set THEN END IF;", "IF load == set THEN\nEND IF;\n"},
          {"IF a THEN CREATE TABLE t AS SELECT CASE WHEN a THEN 1 ELSE 2 END; END IF;",
           "IF a THEN\n  CREATE TABLE t AS SELECT CASE WHEN a THEN 1 ELSE 2 END;\nEND IF;\n"});
}

static void short_statements(void **state) {
    (void)state;
    CHECK({"SET x = 5;", "SET x = 5;\n"}, {"SET if = '5';", "SET if = '5';\n"},
          {"SET global = 1; SET local = 2;", "SET global = 1;\nSET local = 2;\n"},
          {"SET d = 2024-01-15 -- c\n;", "SET d = 2024-01-15;\n"},
          {"SET p = data/${env|a}/x y;", "SET p = data/${env|a}/x y;\n"},
          {"SET a.b = \"it's\";", "SET a.b = 'it''s';\n"}, {"SET e = '';", "SET e = '';\n"},
          {"SET m = 'a' 'b';", "SET m = 'a' 'b';\n"}, {"SET l = [1, {2}];", "SET l = [1, {2}];\n"},
          {"INCLUDE \"a.sf\" AS lib;", "INCLUDE 'a.sf' AS lib;\n"},
          {"INCLUDE 'a.sf';", "INCLUDE 'a.sf';\n"},
          {"ASSERT warn AS SELECT 1;", "ASSERT warn AS SELECT 1;\n"},
          {"ASSERT WARN warn AS SELECT 1;", "ASSERT WARN warn AS SELECT 1;\n"},
          {"ASSERT WARN AS AS SELECT 1;", "ASSERT WARN AS AS SELECT 1;\n"},
          {"ASSERT unique AS SELECT 1;", "ASSERT unique AS SELECT 1;\n"},
          {"ASSERT WARN UNIQUE (a, \"b\") IN s.t;", "ASSERT WARN UNIQUE (a, \"b\") IN s.t;\n"},
          {"ASSERT NOT NULL (a) IN t;", "ASSERT NOT NULL (a) IN t;\n"}, {"; ;;", ""}, {"", ""},
          {"\xef\xbb\xbfSET x = 1;", "SET x = 1;\n"}, {"SET x = 1;\r\n-- end", "SET x = 1;\n"});
}

static const struct {
    const char *text;
    SqlVerb verb;
    const char *targets, *object;
    bool needs_index;
} sql_cases[] = {
    {"INSERT INTO s.t VALUES (1)", SQL_INSERT, "s.t", "table", false},
    {"insert or replace into replace select 1", SQL_INSERT, "replace", "table", false},
    {"INSERT OR IGNORE INTO t BY NAME SELECT 1 AS a", SQL_INSERT, "t", "table", false},
    {"UPDATE t SET a = 1\nWHERE b", SQL_UPDATE, "t", "table", false},
    {"UPDATE t\nSET a = 1", SQL_UPDATE, "t", "table", false},
    {"DELETE FROM ${env}_t", SQL_DELETE, "${env}_t", "table", false},
    {"MERGE INTO t USING s ON a\nWHEN MATCHED THEN\nUPDATE\nSET a = 1", SQL_MERGE, "t", "table",
     false},
    {"TRUNCATE t", SQL_TRUNCATE, "t", "table", false},
    {"TRUNCATE TABLE t", SQL_TRUNCATE, "t", "table", false},
    {"TRUNCATE table", SQL_TRUNCATE, "table", "table", false},
    {"ALTER TABLE IF EXISTS t ADD COLUMN a INT", SQL_ALTER, "t", "table", false},
    {"ALTER TABLE t ADD PRIMARY KEY (a)", SQL_ALTER, "t", "table", true},
    {"ALTER VIEW v RENAME TO w", SQL_ALTER, "v", "view", false},
    {"DROP TABLE IF EXISTS a, s.b CASCADE", SQL_DROP, "a|s.b", "table", false},
    {"DROP SCHEMA s", SQL_DROP, "s", "schema", false},
    {"DROP MACRO TABLE m", SQL_DROP, "m", "macro", false},
    {"DROP TYPE mood", SQL_DROP, "mood", "type", false},
    {"CREATE OR REPLACE VIEW v AS SELECT 1", SQL_CREATE_VIEW, "v", "view", false},
    {"CREATE TEMP VIEW v AS SELECT 1", SQL_CREATE_VIEW, "v", "view", false},
    {"CREATE RECURSIVE VIEW v(a) AS SELECT 1", SQL_CREATE_VIEW, "v", "view", false},
    {"CREATE SCHEMA IF NOT EXISTS s", SQL_CREATE_SCHEMA, "s", "schema", false},
    {"CREATE MACRO m(x) AS x + 1", SQL_CREATE_MACRO, "m", "macro", false},
    {"CREATE FUNCTION f(x) AS TABLE SELECT x", SQL_CREATE_MACRO, "f", "macro", false},
    {"CREATE TYPE mood AS ENUM ('a;b')", SQL_CREATE_TYPE, "mood", "type", false},
    {"CREATE TABLE t (a INT, b TEXT)", SQL_CREATE_TABLE, "t", "table", false},
    {"CREATE TABLE IF NOT EXISTS s.t (a INT PRIMARY KEY)", SQL_CREATE_TABLE, "s.t", "table", true},
    {"CREATE TABLE t (a INT UNIQUE)", SQL_CREATE_TABLE, "t", "table", true},
    {"CREATE TABLE t (a INT REFERENCES u (a))", SQL_CREATE_TABLE, "t", "table", true},
    {"CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES u (a))", SQL_CREATE_TABLE, "t", "table",
     true},
    {"CREATE TABLE t (\"primary\" INT, key INT DEFAULT 1)", SQL_CREATE_TABLE, "t", "table", false},
    {"CREATE UNIQUE INDEX i ON s.t (a)", SQL_CREATE_INDEX, "s.t", "index", true},
    {"CREATE INDEX IF NOT EXISTS i ON t (a)", SQL_CREATE_INDEX, "t", "index", true},
    {"CREATE INDEX ON t (a)", SQL_CREATE_INDEX, "t", "index", true},
    {"CREATE SEQUENCE q", SQL_CREATE_SEQUENCE, "q", "sequence", true},
    {"COMMENT ON TABLE t IS 'a; b'", SQL_COMMENT, "t", "table", false},
    {"COMMENT ON COLUMN s.t.c IS NULL", SQL_COMMENT, "s.t", "column", false},
    {"COPY t FROM 'x.csv' (HEADER)", SQL_COPY_FROM, "t", "table", false},
    {"COPY t (a, b) FROM 'x.csv'", SQL_COPY_FROM, "t", "table", false},
    {"WITH q AS (SELECT 1), r AS (SELECT 2) INSERT INTO t SELECT * FROM q", SQL_INSERT, "t",
     "table", false},
    {"WITH q AS (SELECT 1) DELETE FROM t USING q", SQL_DELETE, "t", "table", false},
};

static void plain_sql(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof sql_cases / sizeof *sql_cases; i++) {
        Block block = parse(arena, arena_printf(arena, "/* a */ %s -- b\n;", sql_cases[i].text));
        assert_int_equal(block.count, 1);
        const Stmt *stmt = block.items[0];
        Strings targets = {0};
        for (size_t t = 0; t < stmt->sql.targets.count; t++)
            strings_add(arena, &targets, stmt->sql.targets.items[t].text);
        assert_int_equal(stmt->kind, STMT_SQL);
        assert_int_equal(stmt->sql.verb, sql_cases[i].verb);
        assert_string_equal(stmt->sql.sql.text, sql_cases[i].text);
        assert_string_equal(strings_join(arena, &targets, "|"), sql_cases[i].targets);
        assert_string_equal(stmt->sql.target.text, targets.items[0]);
        assert_string_equal(stmt->sql.object, sql_cases[i].object);
        assert_int_equal(stmt->sql.needs_index, sql_cases[i].needs_index);
    }
}

static const struct {
    const char *text;
    bool or_replace, temporary, if_not_exists;
} create_cases[] = {
    {"CREATE TABLE replace(temp INT, temporary INT)", false, false, false},
    {"CREATE VIEW temp AS SELECT 1", false, false, false},
    {"create or replace temp view replace as select 1", true, true, false},
    {"CREATE TEMPORARY TABLE IF NOT EXISTS temporary(a INT)", false, true, true},
    {"CREATE OR REPLACE MACRO m(x) AS x", true, false, false},
};

static void create_words(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof create_cases / sizeof *create_cases; i++) {
        Block block = parse(arena, arena_printf(arena, "%s;", create_cases[i].text));
        assert_int_equal(block.count, 1);
        const Stmt *stmt = block.items[0];
        assert_int_equal(stmt->sql.or_replace, create_cases[i].or_replace);
        assert_int_equal(stmt->sql.temporary, create_cases[i].temporary);
        assert_int_equal(stmt->sql.if_not_exists, create_cases[i].if_not_exists);
    }
}

static void parts_and_spans(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Block block =
        parse(arena, "SET x = '5'; SET y = 5;\n  EXPORT t /* a */ TO w.t ;\nEXPORT t TO \"p\";");
    assert_true(block.items[0]->set.value.quoted);
    assert_false(block.items[1]->set.value.quoted);
    const Stmt *stmt = block.items[2];
    assert_string_equal(span_text(arena, stmt->span), "EXPORT t /* a */ TO w.t");
    assert_int_equal(span_position(stmt->export.destination.span).line, 2);
    assert_int_equal(span_position(stmt->export.destination.span).column, 23);
    assert_false(stmt->export.destination.quoted);
    assert_null(stmt->export.query.text);
    assert_null(stmt->export.type.text);
    assert_true(block.items[3]->export.destination.quoted);
    block = parse(arena, "LOAD t FROM s MODE UPSERT KEY (a) ;");
    assert_string_equal(span_text(arena, block.items[0]->load.mode.span), "MODE UPSERT KEY (a)");
}

static size_t errors_of(Arena *arena, const char *text, size_t size, ErrorCode code) {
    Diags diags = diags_on(arena);
    lang_parse(arena, source_new(arena, "t", text, size), &diags);
    for (size_t i = 0; i < diags.count; i++) assert_int_equal(diags.items[i].code, code);
    return diags.errors;
}

static void encoding(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    assert_int_equal(errors_of(arena, "SET x = '\xff';", 12, ERR_ENCODING), 1);
    assert_int_equal(errors_of(arena, "SET x\0= 1;", 10, ERR_ENCODING), 1);
    assert_int_equal(errors_of(arena, "\xff\xfeS\0E\0T\0", 8, ERR_ENCODING), 1);
}

/* None is without its row; only one that writes an existing target can rewrite its rows. */
static void verbs(void **state) {
    (void)state;
    for (int verb = SQL_INSERT; verb <= SQL_COPY_FROM; verb++) {
        const SqlVerbInfo *info = sql_verb((SqlVerb)verb);
        assert_non_null(info->word);
        assert_true(info->needs_target || !info->rewrites);
        assert_true(info->defines || info->makes == NULL);
    }
}

/* Nothing overflows the stack, and time grows with the text only. */
static void limits(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf many = buf_on(arena), parens = buf_on(arena), ifs_text = buf_on(arena);
    for (int i = 0; i < 10000; i++)
        buf_printf(&many, "CREATE TABLE t%d AS SELECT '${a|b}', [1, (2)] FROM x;\n", i);
    assert_int_equal(parse(arena, buf_text(&many)).count, 10000);
    buf_puts(&parens, "CREATE TABLE t AS SELECT ");
    for (int i = 0; i < 100000; i++) buf_puts(&parens, "([{");
    assert_int_equal(errors_of(arena, buf_text(&parens), parens.size, ERR_UNTERMINATED), 1);
    for (int i = 0; i < 10000; i++) buf_puts(&ifs_text, "IF a THEN ");
    assert_int_equal(errors_of(arena, buf_text(&ifs_text), ifs_text.size, ERR_SYNTAX), 1);
    ifs_text = buf_on(arena);
    for (int i = 0; i < 200; i++) buf_puts(&ifs_text, "IF a THEN ");
    for (int i = 0; i < 200; i++) buf_puts(&ifs_text, "END IF;");
    assert_int_equal(parse(arena, buf_text(&ifs_text)).count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources),          cmocka_unit_test(loads),
        cmocka_unit_test(creates),          cmocka_unit_test(sql_as_written),
        cmocka_unit_test(exports),          cmocka_unit_test(ifs),
        cmocka_unit_test(short_statements), cmocka_unit_test(plain_sql),
        cmocka_unit_test(parts_and_spans),  cmocka_unit_test(encoding),
        cmocka_unit_test(limits),           cmocka_unit_test(create_words),
        cmocka_unit_test(verbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
