/* PostgreSQL's numeric on the wire: to decimals and text, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "connectors/postgres/numeric.h"

typedef struct Wire {
    uint8_t data[64];
    size_t size;
} Wire;

static void put16(Wire *wire, int value)
{
    wire->data[wire->size++] = (uint8_t)((unsigned)value >> 8);
    wire->data[wire->size++] = (uint8_t)value;
}

static Wire wire_of(int weight, int sign, int display, const int *digits, int count)
{
    Wire wire = {0};
    put16(&wire, count);
    put16(&wire, weight);
    put16(&wire, sign);
    put16(&wire, display);
    for (int i = 0; i < count; i++) put16(&wire, digits[i]);
    return wire;
}
#define WIRE(weight, sign, display, ...)                                                          \
    wire_of(weight, sign, display, (const int[]){__VA_ARGS__},                                    \
            (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

static PgNumericResult decimal(const Wire *wire, int width, int scale, PgInt128 *out)
{
    return pg_numeric_decimal(wire->data, wire->size, width, scale, out);
}

static void check_decimal(Wire wire, int width, int scale, long long expected)
{
    PgInt128 value = 0;
    assert_int_equal(decimal(&wire, width, scale, &value), NUMERIC_OK);
    assert_true(value == (PgInt128)expected);
}

static void decimals(void **state)
{
    (void)state;
    check_decimal(wire_of(0, 0, 2, NULL, 0), 10, 2, 0);
    check_decimal(WIRE(0, 0, 2, 1, 5000), 10, 2, 150);
    check_decimal(WIRE(0, 0x4000, 2, 99, 9900), 4, 2, -9999);
    check_decimal(WIRE(-1, 0, 4, 1), 10, 4, 1);
    check_decimal(WIRE(-1, 0, 5, 9, 9000), 5, 5, 99);
    check_decimal(WIRE(1, 0, 0, 9, 9900), 5, 0, 99900);
    check_decimal(WIRE(2, 0, 0, 1), 12, 3, 100000000000);
    check_decimal(WIRE(2, 0, 6, 9999, 9999, 9999, 9999, 9900), 18, 6, 999999999999999999);
    /* leading and trailing zero digits are legal, if unusual */
    check_decimal(WIRE(3, 0, 0, 0, 0, 0, 7, 0, 0), 4, 0, 7);
}

static void widest_decimal(void **state)
{
    (void)state;
    Wire wire = WIRE(6, 0, 10, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9900);
    PgInt128 value = 0, expected = 0;
    for (int i = 0; i < 38; i++) expected = expected * 10 + 9;
    assert_int_equal(decimal(&wire, 38, 10, &value), NUMERIC_OK);
    assert_true(value == expected);
    assert_int_equal(decimal(&wire, 37, 9, &value), NUMERIC_TOO_BIG);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    PgInt128 value;
    Wire too_wide = WIRE(1, 0, 0, 10, 0), too_fine = WIRE(-1, 0, 4, 1);
    Wire huge = WIRE(30000, 0, 0, 1), tiny = WIRE(-30000, 0, 0, 1);
    assert_int_equal(decimal(&too_wide, 5, 0, &value), NUMERIC_TOO_BIG);
    assert_int_equal(decimal(&too_fine, 10, 3, &value), NUMERIC_TOO_BIG);
    assert_int_equal(decimal(&huge, 38, 0, &value), NUMERIC_TOO_BIG);
    assert_int_equal(decimal(&tiny, 38, 38, &value), NUMERIC_TOO_BIG);
    const int specials[] = {0xC000, 0xD000, 0xF000};
    for (int i = 0; i < 3; i++) {
        Wire wire = wire_of(0, specials[i], 0, NULL, 0);
        assert_int_equal(decimal(&wire, 38, 0, &value), NUMERIC_NOT_FINITE);
    }
}

static void malformed(void **state)
{
    (void)state;
    PgInt128 value;
    Wire good = WIRE(0, 0, 2, 1, 5000);
    for (size_t size = 0; size < good.size; size++)
        assert_int_equal(pg_numeric_decimal(good.data, size, 10, 2, &value), NUMERIC_MALFORMED);
    Wire digit = WIRE(0, 0, 0, 10000), sign = WIRE(0, 0x1234, 0, 1);
    assert_int_equal(decimal(&digit, 10, 2, &value), NUMERIC_MALFORMED);
    assert_int_equal(decimal(&sign, 10, 2, &value), NUMERIC_MALFORMED);
}

static void check_text(Wire wire, const char *expected)
{
    AUTO_ARENA arena = arena_new();
    Buf text = buf_on(arena);
    assert_int_equal(pg_numeric_text(wire.data, wire.size, &text), NUMERIC_OK);
    assert_string_equal(buf_text(&text), expected);
}

static void texts(void **state)
{
    (void)state;
    check_text(wire_of(0, 0, 0, NULL, 0), "0");
    check_text(wire_of(0, 0, 3, NULL, 0), "0.000");
    check_text(WIRE(0, 0, 2, 1, 5000), "1.50");
    check_text(WIRE(0, 0x4000, 0, 42), "-42");
    check_text(WIRE(1, 0, 0, 12, 3), "120003");
    check_text(WIRE(2, 0, 0, 1), "100000000");
    check_text(WIRE(-1, 0, 1, 5000), "0.5");
    check_text(WIRE(-3, 0, 12, 1), "0.000000000001");
    check_text(WIRE(0, 0xC000, 0, 0), "NaN");
    check_text(wire_of(0, 0xD000, 0, NULL, 0), "Infinity");
    check_text(wire_of(0, 0xF000, 0, NULL, 0), "-Infinity");
}

static void round_trip(PgInt128 value, int scale)
{
    uint8_t data[PG_NUMERIC_MAX];
    PgInt128 again = 0;
    size_t size = pg_numeric_encode(value, scale, data);
    assert_true(size <= sizeof data);
    assert_int_equal(pg_numeric_decimal(data, size, 38, scale, &again), NUMERIC_OK);
    assert_true(again == value);
}

static void round_trips(void **state)
{
    (void)state;
    for (int scale = 0; scale <= 38; scale++) {
        PgInt128 power = 1;
        for (int digits = 0; digits < 38; digits++, power *= 10) {
            round_trip(power, scale);
            round_trip(-power, scale);
            round_trip(power - 1, scale);
            round_trip(power / 7 * 3 + 1, scale);
        }
        round_trip(power - 1, scale);
        round_trip(1 - power, scale);
    }
}

static void encodes_as_the_server_does(void **state)
{
    (void)state;
    uint8_t data[PG_NUMERIC_MAX];
    Wire expected = WIRE(0, 0x4000, 2, 1, 5000);
    assert_int_equal(pg_numeric_encode(-150, 2, data), expected.size);
    assert_memory_equal(data, expected.data, expected.size);
    Wire zero = wire_of(0, 0, 5, NULL, 0);
    assert_int_equal(pg_numeric_encode(0, 5, data), zero.size);
    assert_memory_equal(data, zero.data, zero.size);
    Wire million = WIRE(1, 0, 0, 100);
    assert_int_equal(pg_numeric_encode(1000000, 0, data), million.size);
    assert_memory_equal(data, million.data, million.size);
}

static void hugeint_extremes(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    uint8_t data[PG_NUMERIC_MAX];
    PgInt128 lowest = (PgInt128)1 << 126;
    lowest = -lowest - lowest;
    Buf text = buf_on(arena);
    size_t size = pg_numeric_encode(lowest, 0, data);
    assert_int_equal(pg_numeric_text(data, size, &text), NUMERIC_OK);
    assert_string_equal(buf_text(&text), "-170141183460469231731687303715884105728");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals),
        cmocka_unit_test(widest_decimal),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(malformed),
        cmocka_unit_test(texts),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(encodes_as_the_server_does),
        cmocka_unit_test(hugeint_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
