/* engine/sqlinfo: tables, functions and text constants of queries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first. */
#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "engine/jscan.h"
#include "engine/sqlinfo.h"

static Arena *arena;
static Duck *duck;

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    Error err = {0};
    return !duck_open(&(DuckConfig){.bare = true}, &duck, &err);
}

static int tear_down(void **state) {
    (void)state;
    duck_close(duck);
    arena_free(arena);
    return 0;
}

static QueryInfo info_of(const char *sql) {
    QueryInfo info;
    Error err = {0};
    if (!sqlinfo_query(duck, arena, sql, &info, &err)) fail_msg("%s: %s", sql, err.message);
    return info;
}

/* "schema.name@offset …" */
static const char *tables_of(const char *sql) {
    QueryInfo info = info_of(sql);
    Buf out = buf_on(arena);
    for (size_t i = 0; i < info.tables.count; i++) {
        const TableRef *ref = &info.tables.items[i];
        if (i > 0) buf_putc(&out, ' ');
        if (ref->catalog != NULL) buf_printf(&out, "%s.", ref->catalog);
        if (ref->schema != NULL) buf_printf(&out, "%s.", ref->schema);
        buf_printf(&out, "%s@%lld", ref->name, (long long)ref->offset);
    }
    return buf_text(&out);
}

static const struct {
    const char *sql, *tables;
} queries[] = {
    {"SELECT 1", ""},
    {"SELECT * FROM t", "t@14"},
    {"select a from b, c join d using (x)", "b@14 c@17 d@24"},
    {"FROM t SELECT a", "t@5"},
    {"FROM t", "t@5"},
    {"TABLE t", "t@6"},
    {"(SELECT a FROM t)", "t@15"},
    {"VALUES ((SELECT max(a) FROM t))", "t@28"},
    {"SELECT * FROM s.t JOIN db.s.u ON true", "s.t@14 db.s.u@23"},
    {"SELECT * FROM T, t AS x, \"t\"", "T@14"},
    {"SELECT * FROM \"my \"\"t\"\"\"", "my \"t\"@14"},
    {"SELECT (SELECT max(x) FROM a), 'ü' FROM b WHERE c IN (SELECT 1 FROM d) AND EXISTS (FROM e)",
     "a@27 b@41 d@69 e@89"},
    {"SELECT * FROM (SELECT * FROM (FROM deep))", "deep@35"},
    {"SELECT a FROM t1 UNION ALL SELECT b FROM t2 EXCEPT SELECT c FROM t3", "t1@14 t2@41 t3@65"},
    {"SELECT * FROM t ORDER BY (SELECT 1 FROM o) LIMIT (SELECT 2 FROM l)", "t@14 o@40 l@64"},
    {"SELECT sum(x) OVER (ORDER BY (SELECT 1 FROM o)) FROM t QUALIFY (SELECT true FROM q)",
     "o@44 t@53 q@81"},
    {"SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.a = t.a)", "t@14 u@40"},
    {"SELECT [x + 1 FOR x IN (SELECT list(a) FROM t)]", "t@44"},
    {"SELECT list_transform(l, lambda x : x + (SELECT 1 FROM u)) FROM t", "u@55 t@64"},
    {"SELECT CASE WHEN a THEN (SELECT 1 FROM u) END FROM t GROUP BY ALL", "u@39 t@51"},
    /* CTEs */
    {"WITH c AS (SELECT * FROM t) SELECT * FROM c", "t@25"},
    {"WITH c AS (SELECT * FROM C) SELECT * FROM c", "C@25"},
    {"WITH a AS (FROM b), b AS (FROM a) FROM b", "b@16"},
    {"WITH a AS (FROM t), b AS (FROM A) FROM b JOIN a USING (x)", "t@16"},
    {"WITH c AS (SELECT 1) SELECT * FROM s.c", "s.c@35"},
    {"SELECT * FROM (WITH c AS (SELECT 1) FROM c), c", "c@45"},
    {"WITH c AS (SELECT 1) SELECT * FROM (WITH d AS (FROM c) FROM d), d", "d@64"},
    {"WITH c AS (SELECT 1) SELECT (SELECT max(x) FROM c WHERE x IN (FROM c)) FROM t", "t@76"},
    {"WITH RECURSIVE r(n) AS (SELECT 1 FROM s UNION ALL SELECT n + 1 FROM r, t) FROM r",
     "s@38 t@71"},
    {"WITH RECURSIVE r AS (SELECT 1 UNION SELECT 2 FROM R) SELECT * FROM r UNION FROM r", ""},
    {"WITH c AS MATERIALIZED (FROM t) FROM c", "t@29"},
    {"SELECT * FROM c UNION ALL (WITH c AS (FROM t) FROM c)", "c@14 t@43"},
    {"WITH RECURSIVE x(a, b) USING KEY (a) AS (SELECT 1, 2 UNION SELECT a, b FROM "
     "recurring.x JOIN t USING (a)) FROM x",
     "t@93"},
    /* Table functions and files */
    {"SELECT * FROM range(3), read_csv('a.csv'), unnest([1])", ""},
    {"SELECT * FROM 'data/a.csv', \"b.parquet\", 'c.CSV.gz', 's3://x/y', t", "t@65"},
    {"SELECT * FROM s.\"x.csv\", csv, \".csv\"", "s.x.csv@14 csv@25 .csv@30"},
    {"SELECT * FROM f((SELECT a FROM t))", "t@31"},
    /* PIVOT in all its forms */
    {"PIVOT t ON a USING sum(b)", "t@6"},
    {"PIVOT t ON a IN (1, 2) USING sum(b)", "t@6"},
    {"PIVOT (SELECT * FROM t JOIN u USING (x)) ON a || '_' || b, c USING sum(d), max(e) "
     "GROUP BY f ORDER BY ALL LIMIT 3",
     "t@21 u@28"},
    {"PIVOT t ON a IN (1), b USING sum((SELECT 1 FROM w))", "t@6 w@48"},
    {"WITH c AS (FROM u) PIVOT c ON year(a) USING count(*)", "u@16"},
    {"SELECT * FROM (PIVOT t ON a USING sum(b)) JOIN v USING (x)", "t@21 v@47"},
    {"SELECT * FROM (PIVOT t ON a), (PIVOT u ON b, c GROUP BY d), v", "t@21 u@37 v@60"},
    {"FROM t PIVOT (sum(a) FOR b IN ('x', 'y') GROUP BY c)", "t@5"},
    {"/* PIVOT x ON y */ PIVOT_WIDER t -- ON\n ON 'q' || a USING first(\"USING\")", "t@31"},
    {"UNPIVOT t ON a, b INTO NAME n VALUE v", "t@8"},
    {"UNPIVOT t ON COLUMNS(* EXCLUDE a)", "t@8"},
    /* Others */
    {"DESCRIBE t", "t@9"},
    {"SUMMARIZE t", "t@10"},
    {"SELECT * FROM t TABLESAMPLE 10%", "t@14"},
    {"SELECT * FROM t AT (VERSION => 3)", "t@14"},
    {"SELECT * FROM a ASOF JOIN b ON a.x >= b.x POSITIONAL JOIN c", "a@14 b@26 c@58"},
    {"SELECT * FROM information_schema.tables", "information_schema.tables@14"},
    {"SELECT \"from\" FROM \"select\" -- FROM x\n;", "select@19"},
};

static void tables(void **state) {
    (void)state;
    bool failed = false;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        const char *found = tables_of(queries[i].sql);
        if (str_eq(found, queries[i].tables)) continue;
        print_error("%s:\n  %s, not %s\n", queries[i].sql, found, queries[i].tables);
        failed = true;
    }
    assert_false(failed);
}

static void functions(void **state) {
    (void)state;
    static const struct {
        const char *sql, *functions;
    } cases[] = {
        {"SELECT a + 1, -b, a || b, a LIKE 'x' FROM t", ""},
        {"SELECT f(a, g(1)) FROM t", "f@7 g@12"},
        {"SELECT m.f(a), python_udfs.tax.vat(b)", "m.f@7 python_udfs.tax.vat@15"},
        {"SELECT * FROM f(1), s.g(h(2))", "f@14! s.g@20! h@24"},
        {"SELECT sum(x) OVER (PARTITION BY f(y)), row_number() OVER ()",
         "sum@7 f@33 row_number@40"},
        {"SELECT PYTHON_FUNC(\"m.f\", a)", "PYTHON_FUNC@7"},
        {"PIVOT t ON year(a) USING sum(f(b))", "sum@25 f@29 year@11"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        QueryInfo info = info_of(cases[i].sql);
        Buf out = buf_on(arena);
        for (size_t f = 0; f < info.functions.count; f++) {
            const FunctionRef *ref = &info.functions.items[f];
            if (out.size > 0) buf_putc(&out, ' ');
            if (ref->schema != NULL) buf_printf(&out, "%s.", ref->schema);
            buf_printf(&out, "%s@%lld%s", ref->name, (long long)ref->offset,
                       ref->in_from ? "!" : "");
        }
        if (!str_ieq(buf_text(&out), cases[i].functions))
            fail_msg("%s:\n  %s, not %s", cases[i].sql, buf_text(&out), cases[i].functions);
    }
}

static void text_constants(void **state) {
    (void)state;
    static const struct {
        const char *sql, *texts;
    } cases[] = {
        {"SELECT 'a', b, 'c' || 'd', 1, 'it''s' AS x FROM t", "a|it's"},
        {"SELECT count(*) FROM t WHERE a = 'w' GROUP BY 'g' HAVING 'h' = b ORDER BY 'o', f('z')",
         "o|g"},
        {"SELECT * FROM (SELECT 'in' FROM u) LIMIT 1", "in"},
        {"SELECT 'sch\\n\"ön' ORDER BY 'x' DESC", "x|sch\\n\"ön"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        QueryInfo info = info_of(cases[i].sql);
        Strings texts = {info.text_constants.items, info.text_constants.count,
                         info.text_constants.capacity};
        const char *found = strings_join(arena, &texts, "|");
        if (!str_eq(found, cases[i].texts))
            fail_msg("%s:\n  %s, not %s", cases[i].sql, found, cases[i].texts);
    }
}

static void errors(void **state) {
    (void)state;
    static const struct {
        const char *sql, *message;
        int64_t offset;
    } cases[] = {
        {"SELECT x, FROM t FROM", "syntax error at or near \"FROM\"", 17},
        {"SELECT 'ü' FROM", "syntax error at end of input", 16},
        {"SELECT 'ü🦆', 1 FROM FROM", "syntax error at or near \"FROM\"", 24},
        {"", "empty", -1},
        {" -- c", "empty", -1},
        {"SELECT 1; SELECT 2", "one query", -1},
        {"INSERT INTO t SELECT 1", "not a query", -1},
        {"PIVOT t ON a USING sum(b) GROUP BY GROUP", "syntax error", 35},
        {"PIVOT t ON", "syntax error", 10},
        {"SELECT 'abc", "unterminated", 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        QueryInfo info;
        Error err = {0};
        assert_false(sqlinfo_query(duck, arena, cases[i].sql, &info, &err));
        assert_int_equal(err.code, ERR_QUERY_SYNTAX);
        if (strstr(err.message, cases[i].message) == NULL ||
            duck_error_offset(duck) != cases[i].offset)
            fail_msg("%s: '%s' at %lld", cases[i].sql, err.message,
                     (long long)duck_error_offset(duck));
    }
}

static void builtin_tables(void **state) {
    (void)state;
    assert_true(sqlinfo_is_builtin_table(duck, NULL, "duckdb_tables"));
    assert_true(sqlinfo_is_builtin_table(duck, NULL, "SQLITE_master"));
    assert_true(sqlinfo_is_builtin_table(duck, "information_schema", "tables"));
    assert_false(sqlinfo_is_builtin_table(duck, "nix", "tables"));
    assert_false(sqlinfo_is_builtin_table(duck, NULL, "orders"));
    assert_false(sqlinfo_is_builtin_table(duck, NULL, "it's"));
}

/* Beside DuckDB's own time; a wide margin, since this runs on any machine and under sanitizers. */
static void our_part_is_small(void **state) {
    (void)state;
    const char *sql =
        "WITH c AS (SELECT a, sum(b) AS s FROM t WHERE x > 3 GROUP BY a) SELECT c.a, "
        "c.s, u.name FROM c JOIN u USING (a) WHERE u.y IN (SELECT z FROM w) ORDER BY 1";
    double start = clock_steady();
    for (int i = 0; i < 200; i++) {
        AUTO_ARENA scratch = arena_new();
        QueryInfo info;
        Error err = {0};
        assert_true(sqlinfo_query(duck, scratch, sql, &info, &err));
    }
    double each = (clock_steady() - start) / 200;
    print_message("sqlinfo_query: %.0f us, DuckDB's parse included\n", each * 1e6);
    assert_true(each < 0.02);
}

static void jscan(void **state) {
    (void)state;
    static const char *const bad[] = {"",    "{",     "{\"a\"}", "{\"a\":}", "[1,]",
                                      "\"x", "[1 2]", "{1:2}",   "{\"a\":1", "\"\\"};
    JScan scan;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(jscan_parse(arena, bad[i], strlen(bad[i]), &scan));
    const char *text =
        " { \"a\" : [ 1, {\"b\": \"\\u00fc\\ud83e\\udd86\\n\\\\\"} , [] ] , \"c\":null}";
    assert_true(jscan_parse(arena, text, strlen(text), &scan));
    uint32_t list = jscan_find(&scan, 0, "a");
    assert_string_equal(jscan_text(arena, &scan, list + 1), "1");
    uint32_t object = scan.nodes[list + 1].next;
    assert_string_equal(jscan_text(arena, &scan, jscan_find(&scan, object, "b")), "ü🦆\n\\");
    assert_true(jscan_is(&scan, jscan_find(&scan, 0, "c"), "null"));
    assert_int_equal(jscan_find(&scan, list, "b"), JSCAN_NONE);
    assert_null(jscan_text(arena, &scan, list));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),         cmocka_unit_test(functions),
        cmocka_unit_test(text_constants), cmocka_unit_test(errors),
        cmocka_unit_test(builtin_tables), cmocka_unit_test(our_part_is_small),
        cmocka_unit_test(jscan),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
