/* Rewriting: every form of a call, nesting, arguments by name, what is no call, tables in FROM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "udf/udf_fixture.h"

static const char *const files[] = {
    "tax.py",
    "from sqlflow.udfs import *\n"
    "@python_scalar_udf\n"
    "def addx(a: int, b: int = 1, *, c: int = 0) -> int: return a + b + c\n"
    "@python_scalar_udf(name='renamed')\n"
    "def inner(a: str) -> str: return a\n"
    "@python_scalar_udf\n"
    "def lower(a: str) -> str: return a\n"
    "@python_scalar_udf\n"
    "def twin(a: str) -> str: return a\n"
    "@python_scalar_udf\n"
    "def untyped(a): return a\n"
    "def helper(a): return a\n",
    "sub/deep.py",
    "from sqlflow.udfs import *\n"
    "@python_scalar_udf\n"
    "def twin(a: str) -> str: return a\n",
    "tab.py",
    "from sqlflow.udfs import *\n"
    "@python_table_udf(output_schema={'id': 'INTEGER'})\n"
    "def rows(t: list, n: int = 1): return t\n"
    "@python_table_udf\n"
    "def numbers(n: int): return [{'i': i} for i in range(n)]\n",
    "broken.py",
    "from sqlflow.udfs import *\n"
    "import not_there\n"
    "@python_scalar_udf\n"
    "def never(a: int) -> int: return a\n",
    NULL,
};

FIXTURE_OF(files)

typedef struct Case {
    const char *sql, *expected;
} Case;

static void check(const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *got = fixture_rewrite(&fixture, cases[i].sql);
        const char *expected = cases[i].expected ? cases[i].expected : cases[i].sql;
        if (strcmp(got, expected) != 0) print_message("for: %s\n", cases[i].sql);
        assert_string_equal(got, expected);
    }
}
#define CHECK(cases) check(cases, sizeof cases / sizeof *cases)

static void leaves_other_sql_alone(void **state) {
    (void)state;
    const Case cases[] = {
        {"SELECT a, count (x) FROM t", NULL},
        {"SELECT 'addx(1)', \"addx\", $$addx(1)$$ /* addx(1) */ -- addx(1)", NULL},
        {"SELECT helper(1)", NULL},
        {"INSERT INTO addx (a) VALUES (1)", NULL},
        {"CREATE TABLE addx (a INTEGER)", NULL},
        {"WITH addx (a) AS (SELECT 1) SELECT * FROM addx", NULL},
        {"SELECT * FROM (VALUES (1)) addx (a)", NULL},
        {"SELECT * FROM t AS addx (a)", NULL},
        {"SELECT t.addx(1)", NULL},
        {"SELECT lower('A')", NULL},
        {"SELECT addx(1", NULL},
        {"", NULL},
    };
    CHECK(cases);
}

static void warns_of_builtin_names(void **state) {
    (void)state;
    UdfRewrite out;
    udf_rewrite(fixture.udfs, fixture.duck, "SELECT lower('A')", &out);
    assert_int_equal(out.issues.count, 1);
    assert_int_equal(out.issues.items[0].severity, SEVERITY_WARNING);
    assert_int_equal(out.issues.items[0].start, 7);
    assert_int_equal(out.issues.items[0].end, 12);
}

static void rewrites_scalars(void **state) {
    (void)state;
    const Case cases[] = {
        {"SELECT addx(1)", NULL},
        {"SELECT addx(a, b)", NULL},
        {"SELECT ADDX( a , b )", NULL},
        {"SELECT PYTHON_FUNC(\"tax.addx\", a, b)", "SELECT \"addx\"(a, b)"},
        {"SELECT python_func('python_udfs.tax.addx', a)", "SELECT \"addx\"(a)"},
        {"SELECT PYTHON_FUNC(\"addx\" , a)", "SELECT \"addx\"(a)"},
        {"SELECT python_udfs.tax.addx(a, (b))", "SELECT \"addx\"(a, (b))"},
        {"SELECT renamed('x') || PYTHON_FUNC(\"tax.renamed\", y)",
         "SELECT renamed('x') || \"renamed\"(y)"},
        {"SELECT PYTHON_FUNC(\"tax.lower\", y)", "SELECT \"tax.lower\"(y)"},
        {"SELECT PYTHON_FUNC(\"tax.twin\", PYTHON_FUNC(\"sub.deep.twin\", f(y, ')')))",
         "SELECT \"tax.twin\"(\"sub.deep.twin\"(f(y, ')')))"},
        {"SELECT addx(x, c := 3)", "SELECT \"addx(a,c)\"(x, 3)"},
        {"SELECT addx(b => 2, a => addx(1))", "SELECT \"addx(b,a)\"(2, addx(1))"},
        {"UPDATE t SET x = PYTHON_FUNC(\"tax.addx\", x) WHERE y",
         "UPDATE t SET x = \"addx\"(x) WHERE y"},
    };
    CHECK(cases);
}

static void reports_wrong_calls(void **state) {
    (void)state;
    const Case cases[] = {
        {"SELECT PYTHON_FUNC(\"tax.adx\", 1)",
         "issue: no Python function 'tax.adx' (did you mean 'tax.addx'?)"},
        {"SELECT python_udfs.nope.f(1)", "issue: no Python function 'python_udfs.nope.f'"},
        {"SELECT PYTHON_FUNC(tax.addx, 1)",
         "issue: PYTHON_FUNC needs the function's name in quotes first"},
        {"SELECT PYTHON_FUNC()", "issue: PYTHON_FUNC needs the function's name in quotes first"},
        {"SELECT addx()", "issue: tax.addx needs the argument 'a'"},
        {"SELECT addx(1, 2, 3)", "issue: tax.addx takes 2 arguments, not 3"},
        {"SELECT addx(1, d := 3)", "issue: tax.addx has no parameter 'd'"},
        {"SELECT addx(1, a := 3)", "issue: the argument 'a' is given twice"},
        {"SELECT addx(a := 3, 1)", "issue: an argument without a name stands behind a named one"},
        {"SELECT twin('x')",
         "issue: 'twin' is the name of two Python functions: tax.twin "
         "(python_udfs/tax.py:8) and sub.deep.twin (python_udfs/sub/deep.py:2)"},
        {"SELECT rows(t)", "issue: tab.rows gives a table, so it stands in FROM"},
        {"SELECT * FROM addx(1)",
         "issue: tax.addx gives one value, no table, so it cannot stand in FROM"},
        {"SELECT * FROM rows()", "issue: tab.rows needs a table as its first argument"},
        {"SELECT untyped(1)",
         "issue: the Python function tax.untyped cannot be used: it has no return type; add a "
         "hint such as -> float, or return_type='DOUBLE'"},
    };
    CHECK(cases);
    const char *broken = fixture_rewrite(&fixture, "SELECT never(1)");
    assert_non_null(strstr(broken, "python_udfs/broken.py cannot be imported"));
    assert_non_null(strstr(broken, "No module named 'not_there'\nat python_udfs/broken.py:2"));
    assert_int_equal(fixture.err.code, ERR_UDF_DEFINITION);
}

/* The input queries of a rewritten statement, one a line. */
static const char *inputs(const char *sql) {
    const char *rewritten = fixture_rewrite(&fixture, sql);
    Strings list = udf_inputs(fixture.udfs, fixture.arena, rewritten);
    return strings_join(fixture.arena, &list, "\n");
}

static void rewrites_tables(void **state) {
    (void)state;
    assert_string_equal(inputs(
                            "SELECT * FROM PYTHON_FUNC(\"tab.rows\", raw) AS r JOIN x USING (id)"),
                        "SELECT * FROM raw");
    assert_string_equal(inputs("SELECT * FROM rows(s.\"t 1\", n := 2 + addx(1))"),
                        "SELECT * FROM s.\"t 1\"\nSELECT (2 + addx(1))");
    assert_string_equal(inputs("SELECT * FROM rows((SELECT addx(a) FROM t WHERE b))"),
                        "SELECT * FROM (SELECT addx(a) FROM t WHERE b)");
    assert_string_equal(inputs("SELECT * FROM rows(SELECT 1)"), "SELECT * FROM (SELECT 1)");
    assert_string_equal(inputs("FROM rows(TABLE t)"), "SELECT * FROM t");
    assert_string_equal(inputs("SELECT * FROM numbers(3)"), "SELECT (3)");
    assert_string_equal(inputs(
                            "WITH a AS (SELECT 1), b AS (SELECT * FROM rows(a)) SELECT * FROM b"),
                        "WITH a AS (SELECT 1) SELECT * FROM a");
    assert_string_equal(inputs("WITH a AS (SELECT 1) SELECT * FROM rows(c)"), "SELECT * FROM c");
    assert_string_equal(inputs("WITH a AS (SELECT 1) SELECT * FROM (WITH z(q) AS NOT MATERIALIZED "
                               "(SELECT 2) "
                               "SELECT * FROM rows((SELECT * FROM a, z)))"),
                        "WITH a AS (SELECT 1), z(q) AS NOT MATERIALIZED (SELECT 2) "
                        "SELECT * FROM (SELECT * FROM a, z)");
}

static void names_tables(void **state) {
    (void)state;
    const char *sql = fixture_rewrite(&fixture, "SELECT rows.id FROM rows(t) WHERE rows.id > 1");
    assert_non_null(strstr(sql, "() AS \"rows\" WHERE rows.id > 1"));
    sql = fixture_rewrite(&fixture, "SELECT r.id FROM rows(t) r");
    assert_non_null(strstr(sql, "() r"));
    sql = fixture_rewrite(&fixture, "SELECT * FROM rows(rows(t), 5)");
    Strings list = udf_inputs(fixture.udfs, fixture.arena, sql);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0], "SELECT * FROM t");
}

static void keeps_positions(void **state) {
    (void)state;
    UdfRewrite out;
    udf_rewrite(fixture.udfs, fixture.duck, "SELECT PYTHON_FUNC(\"tax.addx\", x, b := y)", &out);
    assert_int_equal(out.edits.count, 2);
    assert_int_equal(out.edits.items[0].start, 7);
    assert_int_equal(out.edits.items[0].end, 31);
    assert_string_equal(out.edits.items[0].text, "\"addx(a,b)\"(");
    assert_int_equal(out.edits.items[1].start, 34);
    assert_int_equal(out.edits.items[1].end, 39);
    assert_int_equal(out.functions.count, 1);
    assert_string_equal(out.functions.items[0], "tax.addx");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(leaves_other_sql_alone),
                                       cmocka_unit_test(warns_of_builtin_names),
                                       cmocka_unit_test(rewrites_scalars),
                                       cmocka_unit_test(reports_wrong_calls),
                                       cmocka_unit_test(rewrites_tables),
                                       cmocka_unit_test(names_tables),
                                       cmocka_unit_test(keeps_positions)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
