/* Vectorized functions: Arrow, NumPy and pandas arrays, NULLs, wrong lengths and types. */
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
    "vec.py",
    "from sqlflow.udfs import python_scalar_udf as udf\n"
    "import numpy as np, pandas as pd, pyarrow.compute as pc\n"
    "@udf(vectorized=True, arg_types=['BIGINT', 'BIGINT'], return_type='BIGINT')\n"
    "def vadd(a, b): return pc.add(a, b)\n"
    "@udf(vectorized=True)\n"
    "def vlen(s: str) -> int: return [len(x) for x in s.to_pylist()]\n"
    "@udf(vectorized=True)\n"
    "def vbad(x: int) -> int: return ['x'] * len(x)\n"
    "@udf(vectorized=True)\n"
    "def vshort(x: int) -> int: return [1]\n"
    "@udf(vectorized=True)\n"
    "def vscalar(x: int) -> int: return 1\n"
    "@udf(vectorized=True)\n"
    "def vlist(x: int) -> list[int]: return [[v.as_py()] for v in x]\n"
    "@udf(vectorized=True, null_handling='special')\n"
    "def vnull(x: int) -> bool: return x.is_null()\n"
    "@udf(vectorized=True)\n"
    "def vfrac(x: int) -> int: return [1.5] * len(x)\n"
    "@udf(vectorized=True, on_error='null')\n"
    "def vsoft(x: int) -> int: return 1 / 0\n"
    "@udf(vectorized=True, arg_types=['DOUBLE'], return_type='DOUBLE')\n"
    "def nsq(x: np.ndarray): return np.sqrt(x)\n"
    "@udf(vectorized=True, arg_types=['DOUBLE', 'DOUBLE'], return_type='DOUBLE')\n"
    "def psum(x: pd.Series, plus: pd.Series): return x + plus\n"
    "@udf(vectorized=True)\n"
    "def vcast(s: str, token: str) -> int:\n"
    "    return pc.cast(s, 'int64')\n"
    "@udf(vectorized=True)\n"
    "def velement(x: int) -> list[int]: return [['x'] for v in x]\n",
    NULL,
};

FIXTURE_OF(files)

static void passes_arrays(void **state) {
    (void)state;
    assert_non_null(fixture.config.venv); /* tools/bootstrap --test brings pandas and pyarrow */
    static const char *const cases[][2] = {
        {"SELECT sum(vadd(i, i)) FROM range(100000) t(i)", "9999900000"},
        {"SELECT vadd(unnest([1, NULL, 3]), 1)", "2\nNULL\n4"},
        {"SELECT vadd(b := 1, a := 2)", "3"},
        {"SELECT vlen(unnest(['a', 'bcd', NULL]))", "1\n3\nNULL"},
        {"SELECT vlist(i) FROM range(3) t(i)", "[0]\n[1]\n[2]"},
        {"SELECT vnull(unnest([1, NULL]))", "false\ntrue"},
        {"SELECT nsq(unnest([4.0, NULL, 9.0]))", "2.0\nNULL\n3.0"},
        {"SELECT psum(i, plus := 1) FROM range(3) t(i)", "1.0\n2.0\n3.0"},
        {"SELECT vsoft(i) FROM range(3) t(i)", "NULL\nNULL\nNULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(fixture_run(&fixture, cases[i][0]), cases[i][1]);
    assert_non_null(strstr(fixture.diags.items[0].message, "vec.vsoft: 3 errors became NULL"));
}

static void refuses_wrong_arrays(void **state) {
    (void)state;
    assert_non_null(fixture.config.venv); /* tools/bootstrap --test brings pandas and pyarrow */
    static const char *const cases[][2] = {
        {"SELECT vbad(1)", "the function returned string, its return type is int64"},
        {"SELECT vshort(i) FROM range(3) t(i)", "was given 3 rows and returned 1"},
        {"SELECT vscalar(1)", "a vectorized function returns an array, not int"},
        {"SELECT vfrac(1)", "Float value 1.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_non_null(strstr(fixture_run(&fixture, cases[i][0]), cases[i][1]));
        assert_int_equal(fixture.err.code, ERR_UDF);
    }
}

/* Where it happened and with what: the user's file and line, and some of the arguments. */
static void tells_place_and_arguments(void **state) {
    (void)state;
    static const struct {
        const char *sql, *place, *arguments;
    } cases[] = {
        {"SELECT vbad(i) FROM range(2) t(i)", "\nat python_udfs/vec.py:7\n",
         "\ncalled with x = [0, 1]"},
        {"SELECT vfrac(i) FROM range(5) t(i)", "\nat python_udfs/vec.py:17\n",
         "\ncalled with 3 of 5 rows: x = [0, 1, 2]"},
        {"SELECT vshort(unnest([1, NULL, 3]))", "\nat python_udfs/vec.py:9\n",
         "\ncalled with x = [1, 3]"},
        {"SELECT vcast('ab', token := 'hidden' || i) FROM range(2) t(i)",
         "\nat python_udfs/vec.py:27\n", "\ncalled with s = ['ab', 'ab'], token = ***"},
        {"SELECT velement(i) FROM range(3) t(i)", "\nat python_udfs/vec.py:28\n",
         "\ncalled with x = 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = fixture_run(&fixture, cases[i].sql);
        bool told = strstr(text, cases[i].place) != NULL &&
                    strstr(text, cases[i].arguments) != NULL && strstr(text, ".pxi") == NULL &&
                    strstr(text, "hidden") == NULL;
        if (!told) fail_msg("%s: %s", cases[i].sql, text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_arrays),
                                       cmocka_unit_test(refuses_wrong_arrays),
                                       cmocka_unit_test(tells_place_and_arguments)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
