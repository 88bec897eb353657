/* Table functions end to end: every form of input and output, schemas, streaming, errors. Those
 * that need pandas and pyarrow are skipped where the test environment has neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "udf/udf_fixture.h"

/* numpy, pandas and pyarrow keep what they allocate until the process ends. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return 1; }

static const char *const files[] = {
    "plain.py",
    "from sqlflow.udfs import *\n"
    "@python_table_udf(output_schema={'id': 'INTEGER', 'v': 'DOUBLE'}, required_columns=['id'])\n"
    "def rows(t: list[dict], factor: float = 2.0):\n"
    "    for r in t: yield {'id': r['id'], 'v': r['id'] * factor}\n"
    "@python_table_udf\n"
    "def inferred(t: list):\n"
    "    return [{'a': r['id'], 'b': [r['id']], 'c': None, 'd': {'x': 's'}} for r in t]\n"
    "@python_table_udf\n"
    "def gen(n: int):\n"
    "    for i in range(n): yield {'i': i}\n"
    "@python_table_udf\n"
    "def nothing(t: list): return []\n"
    "@python_table_udf\n"
    "def noresult(t: list): return None\n"
    "@python_table_udf(output_schema={'id': 'INTEGER'})\n"
    "def nobody(t: list): return []\n"
    "@python_table_udf(output_schema={'id': 'INTEGER', 'v': 'DOUBLE'})\n"
    "def lacks(t: list): return [{'id': 1}]\n"
    "@python_table_udf(output_schema={'id': 'INTEGER'})\n"
    "def wrong(t: list): return [{'id': 1}, {'id': 'x'}]\n"
    "@python_table_udf\n"
    "def halfway(t: list):\n"
    "    yield {'a': 1}\n"
    "    raise RuntimeError('half way')\n"
    "@python_table_udf\n"
    "def mixed(t: list): return [{'a': 1}, {'a': 'x'}]\n"
    "@python_table_udf\n"
    "def odd(t: list): return 5\n"
    "@python_table_udf\n"
    "def more(t: list): return [{'a': 1}, {'a': 2, 'b': 3}]\n"
    "@python_scalar_udf\n"
    "def plus(x: int) -> int: return x + 1\n",
    "arrows.py",
    "from sqlflow.udfs import *\n"
    "import pandas as pd, pyarrow as pa\n"
    "@python_table_udf\n"
    "def doubled(df: pd.DataFrame) -> pd.DataFrame:\n"
    "    df['y'] = df['id'] * 2\n"
    "    return df\n"
    "@python_table_udf(output_schema={'q': 'INTEGER'})\n"
    "def gaps(df: pd.DataFrame) -> pd.DataFrame: return df\n"
    "@python_table_udf(output_schema={'q': 'BIGINT'})\n"
    "def large(df: pd.DataFrame) -> pd.DataFrame: return df\n"
    "@python_table_udf(output_schema={'b': 'VARCHAR', 'a': 'DOUBLE'})\n"
    "def reordered(t: pa.Table) -> pa.Table: return t\n"
    "@python_table_udf\n"
    "def same(t: pa.Table) -> pa.Table: return t\n"
    "@python_table_udf\n"
    "def shifted(t: pa.Table) -> pa.Table: return t.slice(1777)\n"
    "@python_table_udf\n"
    "def crumbs(t: pa.Table) -> pa.Table:\n"
    "    return pa.concat_tables([t.slice(i, 7) for i in range(0, t.num_rows, 7)])\n"
    "@python_table_udf(output_schema={'a': 'BIGINT', 's': 'VARCHAR'})\n"
    "def declared(t: pa.Table) -> pa.Table:\n"
    "    texts = pa.array(['x', None], pa.large_string())\n"
    "    return pa.table({'a': [1, 2], 's': texts, 'more': [1.5, None]})\n"
    "@python_table_udf\n"
    "def twins(t: pa.Table) -> pa.Table: return pa.table([[1], [2]], names=['a', 'A'])\n"
    "sizes = []\n"
    "@python_table_udf\n"
    "def sized(r: pa.RecordBatchReader):\n"
    "    for b in r: yield b.append_column('size', pa.array([b.num_rows] * b.num_rows))\n"
    "@python_table_udf\n"
    "def through(r: pa.RecordBatchReader) -> pa.RecordBatchReader: return r\n"
    "@python_table_udf\n"
    "def first_only(r: pa.RecordBatchReader): return next(r)\n"
    "@python_table_udf\n"
    "def unhinted(t): return t.head(1)\n"
    "@python_table_udf\n"
    "def frames(df: pd.DataFrame):\n"
    "    for _ in range(3): yield df\n"
    "@python_table_udf\n"
    "def changing(df: pd.DataFrame):\n"
    "    yield df\n"
    "    yield df.rename(columns={'id': 'other'})\n",
    NULL,
};

FIXTURE_OF(files)

typedef struct Case {
    const char *sql, *expected;
} Case;

static void check(const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *got = fixture_run(&fixture, cases[i].sql);
        if (!strstr(got, cases[i].expected)) print_message("for: %s\n%s\n", cases[i].sql, got);
        assert_non_null(strstr(got, cases[i].expected));
    }
}
#define CHECK(cases) check(cases, sizeof cases / sizeof *cases)

#define THREE "(SELECT range::INTEGER id FROM range(3))"

static void takes_lists_of_dicts(void **state) {
    (void)state;
    const Case cases[] = {
        {"SELECT * FROM rows(" THREE ")", "0|0.0\n1|2.0\n2|4.0"},
        {"WITH c AS (SELECT 7 id) SELECT * FROM PYTHON_FUNC(\"plain.rows\", c, factor := 3) AS t "
         "JOIN range(8) r ON t.id = r.range",
         "7|21.0|7"},
        {"SELECT * FROM inferred(" THREE ") WHERE a = 1", "1|[1]|NULL|{'x': s}"},
        {"SELECT sum(i), count(*) FROM gen(200000)", "19999900000|200000"},
        {"SELECT x.i, y.i FROM gen(2) x JOIN gen(3) y ON y.i = x.i + 1 ORDER BY 1", "0|1\n1|2"},
        {"SELECT * FROM nobody(" THREE ")", ""},
        {"SELECT * FROM rows((SELECT plus(range) id FROM range(3)))", "1|2.0\n2|4.0\n3|6.0"},
        {"SELECT * FROM rows((SELECT a AS id FROM inferred(" THREE ")), 10)", "0|0.0\n1|10.0"},
        {"WITH x AS NOT MATERIALIZED (SELECT * FROM gen(3)) SELECT count(*) FROM x a, x b", "9"},
        {"SELECT count(*) FROM more(" THREE ") WHERE b IS NULL", "1"},
        {"SELECT sum(plus(i)) FROM gen(3000)", "4501500"},
    };
    CHECK(cases);
    assert_string_equal(fixture_run(&fixture, "SELECT * FROM nobody(" THREE ")"), "");
}

static void tells_what_is_wrong(void **state) {
    (void)state;
    const Case cases[] = {
        {"SELECT * FROM nothing(" THREE ")", "plain.nothing returned no rows and no columns"},
        {"SELECT * FROM noresult(" THREE ")", "TypeError: the function returned None"},
        {"SELECT * FROM lacks(" THREE ")", "plain.lacks returned no column 'v', which its output_"},
        {"SELECT * FROM wrong(" THREE ")",
         "plain.wrong returned a wrong value in column 'id', row 2: type str instead of INTEGER"},
        {"SELECT * FROM halfway(" THREE ")", "plain.halfway: RuntimeError: half way\nat python_udfs"
                                             "/plain.py:"},
        {"SELECT * FROM mixed(" THREE ")", "it has values of BIGINT and VARCHAR"},
        {"SELECT * FROM odd(" THREE ")", "TypeError: the function gave int; a DataFrame"},
        {"SELECT * FROM rows((SELECT 1 x))",
         "plain.rows requires the column 'id', which its input"},
        {"SELECT * FROM rows(missing_table)",
         "error: the input of plain.rows: Table with name missing_table does not exist!"},
        {"SELECT * FROM rows((SELECT error('in the input')::INTEGER id))", "in the input"},
    };
    CHECK(cases);
}

static void validates_columns(void **state) {
    (void)state;
    assert_string_equal(fixture_types(&fixture, "SELECT * FROM rows((SELECT 1 id, 'x' AS name))"),
                        "id INTEGER, v DOUBLE, name VARCHAR");
    assert_string_equal(fixture_types(&fixture, "SELECT * FROM inferred(" THREE ")"), "unknown");
    assert_non_null(strstr(fixture_types(&fixture, "SELECT * FROM rows((SELECT 1 x))"),
                           "plain.rows requires the column 'id'"));
    assert_non_null(strstr(fixture_types(&fixture, "SELECT nope FROM rows(" THREE ")"), "nope"));
}

static void needs_arrow(void) {
    assert_non_null(fixture.config.venv); /* tools/bootstrap --test brings pandas and pyarrow */
}

static void takes_frames(void **state) {
    (void)state;
    needs_arrow();
    const Case cases[] = {
        {"SELECT * FROM doubled(" THREE ")", "0|0\n1|2\n2|4"},
        {"SELECT typeof(q), q FROM gaps((SELECT unnest([1, NULL, 3]) q))",
         "INTEGER|1\nINTEGER|NULL\nINTEGER|3"},
        {"SELECT * FROM gaps((SELECT unnest([1.0::DOUBLE, NULL, 3.5]) q))",
         "column 'q': the value '3.5' does not fit INTEGER"},
        {"SELECT * FROM gaps((SELECT 1.5::DECIMAL(3,1) q))", "'1.5' does not fit INTEGER"},
        {"SELECT * FROM gaps((SELECT '1.5' q))", "'1.5' does not fit INTEGER"},
        {"SELECT * FROM large((SELECT unnest([9007199254740993, NULL]) q))",
         "9007199254740993\nNULL"},
        {"SELECT * FROM unhinted(" THREE ")", "0"},
        {"SELECT count(*) FROM frames(" THREE ")", "9"},
        {"SELECT * FROM changing(" THREE ")", "returned no column 'id'"},
    };
    CHECK(cases);
}

static void takes_arrow(void **state) {
    (void)state;
    needs_arrow();
    const Case cases[] = {
        {"SELECT * FROM same((SELECT 1 a, 'x' b, DATE '2020-01-01' c, [1, 2] d, {'e': 1} f, "
         "1.5::DECIMAL(10,2) h, 'a'::ENUM('a', 'b') i, INTERVAL 1 DAY j, NULL l))",
         "1|x|2020-01-01|[1, 2]|{'e': 1}|1.50|a|1 day|NULL"},
        {"SELECT * FROM reordered((SELECT 1 a, 2 b, 3 c))", "2|1.0|3"},
        {"SELECT count(*), sum(id) FROM through((SELECT range id FROM range(500000)))",
         "500000|124999750000"},
        {"SELECT count(*), max(size) FROM sized((SELECT range id FROM range(500000)))",
         "500000|122880"},
        {"SELECT count(*) FROM first_only((SELECT range id FROM range(500000)))", "122880"},
        {"SELECT count(*), sum(id) FROM through((SELECT plus(range) id FROM range(300000)))",
         "300000|45000150000"},
        {"SELECT count(*) FROM through((SELECT 1 id WHERE false))", "0"},
    };
    CHECK(cases);
}

/* Every type that is handed over without a conversion, with gaps, over several vectors. */
#define MANY                                                                                      \
    "(SELECT r AS id, CASE WHEN r % 7 > 0 THEN r % 3 = 0 END b, (r % 100)::TINYINT c, "           \
    "(r % 200)::UTINYINT d, r::SMALLINT e, r::USMALLINT f, r::INTEGER g, r::UINTEGER h, "         \
    "CASE WHEN r % 5 > 0 THEN r::UBIGINT END i, r::FLOAT j, r / 3 k, "                            \
    "CASE WHEN r % 11 > 0 THEN repeat('ä', r % 20) END l, DATE '2020-01-01' + r::INTEGER m, "     \
    "TIMESTAMP '2020-01-01' + INTERVAL (r) SECOND n FROM range(10000) t(r))"

static void hands_whole_tables_over(void **state) {
    (void)state;
    needs_arrow();
    const Case cases[] = {
        {"SELECT count(*) FROM same(" MANY ")", "10000"},
        {"SELECT count(*) FROM (FROM " MANY " EXCEPT ALL FROM same(" MANY "))", "0"},
        {"SELECT count(*) FROM (FROM same(" MANY ") EXCEPT ALL FROM " MANY ")", "0"},
        {"SELECT count(*) FROM shifted(" MANY ")", "8223"},
        {"SELECT count(*) FROM (FROM shifted(" MANY ") EXCEPT ALL FROM " MANY ")", "0"},
        {"SELECT count(*) FROM (FROM crumbs(" MANY ") EXCEPT ALL FROM " MANY ")", "0"},
        {"SELECT list(id) = list_sort(list(id)) FROM crumbs(" MANY ")", "true"},
        {"WITH s AS (SELECT id, l FROM same(" MANY ")) SELECT count(*), sum(a.id + b.id) "
         "FROM s a JOIN s b USING (l, id)", "9090|90890910"},
        {"SELECT * FROM declared((SELECT 1))", "1|x|1.5\n2|NULL|NULL"},
        {"SELECT count(*) FROM twins((SELECT 1))", "1"},
    };
    CHECK(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes_lists_of_dicts),
                                       cmocka_unit_test(tells_what_is_wrong),
                                       cmocka_unit_test(validates_columns),
                                       cmocka_unit_test(takes_frames),
                                       cmocka_unit_test(takes_arrow),
                                       cmocka_unit_test(hands_whole_tables_over)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
