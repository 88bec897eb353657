/* Scalar functions end to end: every type both ways, NULLs, defaults, errors, hooks, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "udf/udf_fixture.h"

/* DuckDB's and Python's threads keep a few objects of their own until the process ends. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return 1; }

static const char *const files[] = {
    "types.py",
    "import datetime, decimal, uuid\n"
    "from typing import Optional, TypedDict\n"
    "from sqlflow.udfs import *\n"
    "class Point(TypedDict):\n"
    "    a: int\n"
    "    b: list[str]\n"
    "udf = python_scalar_udf\n"
    "@udf\n"
    "def same_int(x: int) -> int: return x\n"
    "@udf\n"
    "def same_float(x: float) -> float: return x\n"
    "@udf\n"
    "def same_str(x: str) -> str: return x\n"
    "@udf\n"
    "def same_bool(x: bool) -> bool: return x\n"
    "@udf\n"
    "def same_bytes(x: bytes) -> bytes: return x\n"
    "@udf\n"
    "def same_date(x: datetime.date) -> datetime.date: return x\n"
    "@udf\n"
    "def same_dt(x: datetime.datetime) -> datetime.datetime: return x\n"
    "@udf\n"
    "def same_time(x: datetime.time) -> datetime.time: return x\n"
    "@udf\n"
    "def same_delta(x: datetime.timedelta) -> datetime.timedelta: return x\n"
    "@udf\n"
    "def same_dec(x: decimal.Decimal) -> decimal.Decimal: return x\n"
    "@udf\n"
    "def same_uuid(x: uuid.UUID) -> uuid.UUID: return x\n"
    "@udf\n"
    "def same_list(x: list[Optional[int]]) -> list[Optional[int]]: return x\n"
    "@udf\n"
    "def same_point(x: Point) -> Point: return x\n"
    "@udf(return_type='MAP(VARCHAR, INTEGER)')\n"
    "def same_map(x: dict[str, int]): return x\n"
    "@udf\n"
    "def point(n: int) -> Point: return {'a': n, 'b': ['x'] * n}\n"
    "@udf\n"
    "def shown(x) -> str: return repr(x)\n"
    "@udf(return_type='HUGEINT')\n"
    "def powers(x: int): return 2 ** x if x >= 0 else -2 ** -x\n"
    "@udf(return_type='TIMESTAMPTZ')\n"
    "def same_tz(x): return x\n"
    "@udf(return_type='INTEGER[3]')\n"
    "def triple(x: int): return [x] * 3 if x else [1]\n"
    "@udf(return_type=\"ENUM('a', 'b')\")\n"
    "def letter(x: str): return x\n"
    "@udf(return_type='DECIMAL(4,2)')\n"
    "def third(x: int): return decimal.Decimal(x) / 3\n"
    "@udf(arg_types={'x': 'UTINYINT'}, return_type='UTINYINT')\n"
    "def byte(x): return x + 1\n",
    "calls.py",
    "from sqlflow.udfs import python_scalar_udf, on_setup, on_teardown\n"
    "from typing import Optional\n"
    "log = []\n"
    "@on_setup\n"
    "def open_(): log.append('setup')\n"
    "@on_teardown\n"
    "def close(): log.append('teardown')\n"
    "@python_scalar_udf\n"
    "def read_log() -> str: return ','.join(log)\n"
    "@python_scalar_udf\n"
    "def taxed(price: float, rate: float = 0.5, *, extra: float = 0.0) -> float:\n"
    "    return price * (1 + rate) + extra\n"
    "@python_scalar_udf\n"
    "def total(*xs: int) -> int: return sum(xs)\n"
    "@python_scalar_udf(null_handling='special')\n"
    "def is_none(x: Optional[int]) -> bool: return x is None\n"
    "@python_scalar_udf(deterministic=False)\n"
    "def counter() -> int:\n"
    "    global n\n"
    "    n += 1\n"
    "    return n\n"
    "n = 0\n"
    "@python_scalar_udf\n"
    "def wrong(x: int) -> float: return str(x)\n"
    "@python_scalar_udf\n"
    "def boom(x: int, password: str = '') -> int:\n"
    "    def inner():\n"
    "        raise ValueError('no ' + str(x))\n"
    "    return inner() if x == 3000 else x\n"
    "@python_scalar_udf(on_error='null')\n"
    "def soft(x: int) -> int: return 10 // x if x < 5 else 'x'\n"
    "@python_scalar_udf\n"
    "def leave(x: int) -> int: raise SystemExit(3)\n"
    "@python_scalar_udf\n"
    "def loud(x: int) -> int:\n"
    "    print('hidden from stdout')\n"
    "    return x\n"
    "@python_scalar_udf\n"
    "def surrogate(x: int) -> str: return chr(0xD800)\n"
    "@python_scalar_udf\n"
    "def long_text(x: int) -> str: return '\\u00e9' * x\n"
    "@python_scalar_udf(return_type='NOTYPE')\n"
    "def badtype(x: int): return x\n",
    NULL,
};

FIXTURE_OF(files)

typedef struct Case {
    const char *sql, *expected;
} Case;

static void check(const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *got = fixture_run(&fixture, cases[i].sql);
        if (strcmp(got, cases[i].expected) != 0) print_message("for: %s\n", cases[i].sql);
        assert_string_equal(got, cases[i].expected);
    }
}
#define CHECK(cases) check(cases, sizeof cases / sizeof *cases)

static void passes_every_type(void **state) {
    (void)state;
    const Case cases[] = {
        {"SELECT same_int(-9223372036854775808), same_int(NULL)", "-9223372036854775808|NULL"},
        {"SELECT same_float(1.5), same_float(2), same_float('nan'::DOUBLE)", "1.5|2.0|nan"},
        {"SELECT same_str(''), same_str('exactly12byt'), same_str('thirteen char'), same_str('né')",
         "|exactly12byt|thirteen char|né"},
        {"SELECT same_bool(true), same_bool(false)", "true|false"},
        {"SELECT same_bytes('\\x00\\xFFa'::BLOB)", "\\x00\\xFFa"},
        {"SELECT same_date(DATE '0001-01-01'), same_date(DATE '9999-12-31'), "
         "same_date(DATE '1970-01-01')",
         "0001-01-01|9999-12-31|1970-01-01"},
        {"SELECT same_dt(TIMESTAMP '1969-12-31 23:59:59.999999'), same_dt(DATE '2024-02-29')",
         "1969-12-31 23:59:59.999999|2024-02-29 00:00:00"},
        {"SELECT same_time(TIME '23:59:59.000001')", "23:59:59.000001"},
        {"SELECT same_delta(INTERVAL '-25 hours'), same_delta(INTERVAL '3 days 1 microsecond')",
         "-1 day -01:00:00|3 days 00:00:00.000001"},
        {"SELECT same_dec(-1.5), same_dec(0.0000000001::DECIMAL(38,10))",
         "-1.5000000000|0.0000000001"},
        {"SELECT same_uuid('00000000-0000-0000-0000-000000000001'), "
         "same_uuid('ffffffff-ffff-ffff-ffff-ffffffffffff')",
         "00000000-0000-0000-0000-000000000001|ffffffff-ffff-ffff-ffff-ffffffffffff"},
        {"SELECT same_list([1, NULL, 3]), same_list([]), same_list(NULL)", "[1, NULL, 3]|[]|NULL"},
        {"SELECT same_point({'a': 1, 'b': ['x', NULL]})", "{'a': 1, 'b': [x, NULL]}"},
        {"SELECT same_map(MAP {'k': 1, 'l': NULL})", "{k=1, l=NULL}"},
        {"SELECT powers(100), powers(-127)",
         "1267650600228229401496703205376|-170141183460469231731687303715884105728"},
        {"SELECT same_tz(TIMESTAMPTZ '2024-01-01 00:00:00+02') = "
         "TIMESTAMPTZ '2023-12-31 22:00:00+00'",
         "true"},
        {"SELECT triple(7), letter('b'), third(2), third(-2)", "[7, 7, 7]|b|0.67|-0.67"},
        {"SELECT byte(254::UTINYINT)", "255"},
        {"SELECT sum(len((point(i % 4)).b)), count(*) FROM range(10000) t(i)", "15000|10000"},
        {"SELECT sum(strlen(long_text(i % 50))) FROM range(5000) t(i)", "245000"},
    };
    CHECK(cases);
}

static void shows_any_type(void **state) {
    (void)state;
    const Case cases[] = {
        {"SELECT shown(1::TINYINT), shown(65535::USMALLINT), shown(1::HUGEINT)", "1|65535|1"},
        {"SELECT shown(340282366920938463463374607431768211455::UHUGEINT)",
         "340282366920938463463374607431768211455"},
        {"SELECT shown(0.1::FLOAT), shown(123.45::DECIMAL(5,2)), shown(0::DECIMAL(4,4))",
         "0.10000000149011612|Decimal('123.45')|Decimal('0.0000')"},
        {"SELECT shown('a'::ENUM('b', 'a')), shown(union_value(k := 1))", "'a'|1"},
        {"SELECT shown({'d': DATE '2020-01-01', 'l': [[1], []]})",
         "{'d': datetime.date(2020, 1, 1), 'l': [[1], []]}"},
        {"SELECT shown(MAP {1: 'x'}), shown([1, 2]::INTEGER[2])", "{1: 'x'}|[1, 2]"},
        {"SELECT shown('12:00:00+02'::TIMETZ)",
         "datetime.time(12, 0, tzinfo=datetime.timezone(datetime.timedelta(seconds=7200)))"},
        {"SELECT shown(TIMESTAMPTZ '2024-01-01 00:00:00+00')",
         "datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)"},
        {"SELECT shown('{\"a\": 1}'::JSON)", "'{\"a\": 1}'"},
        {"SELECT shown(TIMESTAMP_S '2024-01-01 00:00:01'), shown(TIMESTAMP_MS '1969-12-31')",
         "datetime.datetime(2024, 1, 1, 0, 0, 1)|datetime.datetime(1969, 12, 31, 0, 0)"},
    };
    CHECK(cases);
}

static void refuses_what_python_lacks(void **state) {
    (void)state;
    const char *got = fixture_run(&fixture, "SELECT shown('infinity'::DATE)");
    assert_non_null(strstr(got, "types.shown: ValueError: a date outside of the years 1 to 9999"));
    got = fixture_run(&fixture, "SELECT shown(INTERVAL 1 MONTH)");
    assert_non_null(strstr(got, "an interval of months or years has no counterpart"));
    got = fixture_run(&fixture, "SELECT shown(TIMESTAMP_NS '2024-01-01 00:00:00.000000001')");
    assert_non_null(strstr(got, "a fraction of a microsecond has no counterpart"));
}

static void refuses_wrong_results(void **state) {
    (void)state;
    static const Case cases[] = {
        {"SELECT wrong(1)", "calls.wrong returned a wrong value: type str instead of DOUBLE"},
        {"SELECT powers(127)", "does not fit HUGEINT"},
        {"SELECT byte(255::UTINYINT)", "the int 256 does not fit UTINYINT"},
        {"SELECT triple(0)", "a list of 1 does not fit an array of 3"},
        {"SELECT letter('c')", "'c' is no value of the ENUM"},
        {"SELECT third(300)", "does not fit DECIMAL(4,2)"},
        {"SELECT surrogate(1)", "the text has a lone surrogate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = fixture_run(&fixture, cases[i].sql);
        if (!strstr(got, cases[i].expected)) print_message("%s: %s\n", cases[i].sql, got);
        assert_non_null(strstr(got, cases[i].expected));
        assert_int_equal(fixture.err.code, ERR_UDF);
    }
    const char *got = fixture_run(&fixture, "SELECT badtype(1)");
    assert_non_null(strstr(got, "badtype has the type 'NOTYPE'"));
    assert_int_equal(fixture.err.code, ERR_UDF_DEFINITION);
}

static void takes_arguments(void **state) {
    (void)state;
    const Case cases[] = {
        {"SELECT taxed(10), taxed(10, 1), taxed(10, rate := 0), taxed(10, extra := 1)",
         "15.0|20.0|10.0|16.0"},
        {"SELECT taxed(extra := 1, price := 2, rate := 0)", "3.0"},
        {"SELECT total(), total(1), total(1, 2, 3)", "0|1|6"},
        {"SELECT is_none(NULL), is_none(3), is_none(i) FROM (VALUES (1)) t(i)", "true|false|false"},
        {"SELECT count(*) FROM (SELECT DISTINCT counter() FROM range(3000))", "3000"},
        {"SELECT sum(same_int(i)) FROM (SELECT CASE WHEN range % 2 = 0 THEN range END i FROM "
         "range(100000))",
         "2499950000"},
        {"SELECT loud(1)", "1"},
    };
    CHECK(cases);
}

static void tells_of_exceptions(void **state) {
    (void)state;
    const char *got = fixture_run(&fixture, "SELECT boom(i, 'hunter2') FROM range(5000) t(i)");
    assert_string_equal(got,
                        "error: calls.boom: ValueError: no 3000\n"
                        "at python_udfs/calls.py:28\n"
                        "called with x = 3000, password = ***\n"
                        "  python_udfs/calls.py:29 in boom: return inner() if x == 3000 else x\n"
                        "  python_udfs/calls.py:28 in inner: raise ValueError('no ' + str(x))");
    assert_int_equal(fixture.err.code, ERR_UDF);
    got = fixture_run(&fixture, "SELECT leave(1)");
    assert_non_null(strstr(got, "calls.leave: SystemExit: 3"));
}

static void counts_errors_as_null(void **state) {
    (void)state;
    assert_string_equal(fixture_run(&fixture, "SELECT soft(i) FROM range(7) t(i)"),
                        "NULL\n10\n5\n3\n2\nNULL\nNULL");
    assert_int_equal(fixture.diags.count, 1);
    assert_int_equal(fixture.diags.items[0].severity, SEVERITY_WARNING);
    assert_non_null(strstr(fixture.diags.items[0].message, "calls.soft: 3 errors became NULL"));
}

static void runs_hooks_once(void **state) {
    (void)state;
    const char *log = fixture_run(&fixture, "SELECT any_value(read_log()) FROM range(2)");
    const char *again = fixture_run(&fixture, "SELECT read_log()");
    assert_memory_equal(again, log, strlen(log));
    assert_string_equal(again + strlen(log), ",teardown,setup");
    fixture_run(&fixture, "SELECT wrong(1), read_log()");
    assert_string_equal(fixture_run(&fixture, "SELECT read_log()") + strlen(log),
                        ",teardown,setup,teardown,setup,teardown,setup");
}

static void validates_without_running(void **state) {
    (void)state;
    const char *before = fixture_run(&fixture, "SELECT read_log()");
    assert_string_equal(fixture_types(&fixture, "SELECT leave(1) a, point(2) b, same_dec(3) c"),
                        "a BIGINT, b STRUCT(a BIGINT, b VARCHAR[]), c DECIMAL(38,10)");
    const char *got = fixture_types(&fixture, "SELECT same_int('x' || 'y')");
    assert_non_null(strstr(got, "same_int(VARCHAR)"));
    const char *after = fixture_run(&fixture, "SELECT read_log()");
    assert_string_equal(after + strlen(before), ",teardown,setup");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_every_type),
                                       cmocka_unit_test(shows_any_type),
                                       cmocka_unit_test(refuses_what_python_lacks),
                                       cmocka_unit_test(refuses_wrong_results),
                                       cmocka_unit_test(takes_arguments),
                                       cmocka_unit_test(tells_of_exceptions),
                                       cmocka_unit_test(counts_errors_as_null),
                                       cmocka_unit_test(runs_hooks_once),
                                       cmocka_unit_test(validates_without_running)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
