/* Conversions of PostgreSQL's numeric. The format is numeric_send's: int16 count of digits, weight
 * of the first, sign, display scale, then the digits, each 0 to 9999. */
#include "connectors/postgres/numeric.h"

enum { SIGN_POSITIVE = 0x0000, SIGN_NEGATIVE = 0x4000, SIGN_NAN = 0xC000, SIGN_INFINITY = 0xD000,
       SIGN_MINUS_INFINITY = 0xF000 };

typedef struct Parts {
    int count, weight, sign, display;
    const uint8_t *digits;
} Parts;

static int unsigned16(const uint8_t *p) { return p[0] << 8 | p[1]; }
static int digit(const Parts *parts, int i) { return unsigned16(parts->digits + 2 * i); }

static bool take_apart(const uint8_t *data, size_t size, Parts *parts)
{
    if (size < 8) return false;
    parts->count = unsigned16(data);
    parts->weight = (int16_t)unsigned16(data + 2);
    parts->sign = unsigned16(data + 4);
    parts->display = unsigned16(data + 6);
    parts->digits = data + 8;
    if (size != 8 + 2 * (size_t)parts->count || parts->display > 0x3fff) return false;
    if (parts->sign != SIGN_POSITIVE && parts->sign != SIGN_NEGATIVE && parts->sign != SIGN_NAN &&
        parts->sign != SIGN_INFINITY && parts->sign != SIGN_MINUS_INFINITY)
        return false;
    for (int i = 0; i < parts->count; i++)
        if (digit(parts, i) > 9999) return false;
    return true;
}

static PgInt128 power_of_ten(int exponent)
{
    static const uint64_t small[] = {1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull, 1000000ull,
                                     10000000ull, 100000000ull, 1000000000ull, 10000000000ull,
                                     100000000000ull, 1000000000000ull, 10000000000000ull,
                                     100000000000000ull, 1000000000000000ull,
                                     10000000000000000ull, 100000000000000000ull,
                                     1000000000000000000ull, 10000000000000000000ull};
    return exponent < 20 ? (PgInt128)small[exponent]
                         : (PgInt128)small[19] * (PgInt128)small[exponent - 19];
}

/* The common case: at most four digits and a width of 18, all in 64 bits. */
static PgNumericResult decimal64(const Parts *parts, int width, int exponent, PgInt128 *out)
{
    uint64_t value = 0, limit = (uint64_t)power_of_ten(width);
    for (int i = 0; i < parts->count; i++) value = value * 10000 + (uint64_t)digit(parts, i);
    if (exponent < 0) {
        uint64_t divisor = (uint64_t)power_of_ten(-exponent);
        if (value % divisor != 0) return NUMERIC_TOO_BIG;
        value /= divisor;
    } else if (exponent > 18 ||
               __builtin_mul_overflow(value, (uint64_t)power_of_ten(exponent), &value)) {
        return NUMERIC_TOO_BIG;
    }
    if (value >= limit) return NUMERIC_TOO_BIG;
    *out = parts->sign == SIGN_NEGATIVE ? -(PgInt128)value : (PgInt128)value;
    return NUMERIC_OK;
}

static PgNumericResult decimal128(const Parts *parts, int width, int exponent, PgInt128 *out)
{
    PgInt128 limit = power_of_ten(width), value = 0;
    for (int i = 0; i < parts->count; i++) {
        PgInt128 unit = digit(parts, i), step = 10000;
        if (i == parts->count - 1 && exponent < 0) {
            PgInt128 divisor = power_of_ten(-exponent);
            if (unit % divisor != 0) return NUMERIC_TOO_BIG;
            unit /= divisor;
            step /= divisor;
        }
        if (value > limit / step) return NUMERIC_TOO_BIG;
        value = value * step + unit;
    }
    for (; exponent > 0; exponent--) {
        if (value > limit / 10) return NUMERIC_TOO_BIG;
        value *= 10;
    }
    if (value >= limit) return NUMERIC_TOO_BIG;
    *out = parts->sign == SIGN_NEGATIVE ? -value : value;
    return NUMERIC_OK;
}

PgNumericResult pg_numeric_decimal(const uint8_t *data, size_t size, int width, int scale,
                                   PgInt128 *out)
{
    Parts parts;
    if (!take_apart(data, size, &parts)) return NUMERIC_MALFORMED;
    if (parts.sign >= SIGN_NAN) return NUMERIC_NOT_FINITE;
    while (parts.count > 0 && digit(&parts, parts.count - 1) == 0) parts.count--;
    while (parts.count > 0 && digit(&parts, 0) == 0) {
        parts.digits += 2;
        parts.count--;
        parts.weight--;
    }
    *out = 0;
    if (parts.count == 0) return NUMERIC_OK;
    if (parts.weight > 9 || parts.count > 20) return NUMERIC_TOO_BIG;
    /* Exponent of the last digit's unit once the value is scaled; below 0 it must divide. */
    int exponent = scale + 4 * (parts.weight - parts.count + 1);
    if (exponent <= -4) return NUMERIC_TOO_BIG;
    if (width <= 18 && parts.count <= 4) return decimal64(&parts, width, exponent, out);
    return decimal128(&parts, width, exponent, out);
}

PgNumericResult pg_numeric_text(const uint8_t *data, size_t size, Buf *out)
{
    Parts parts;
    if (!take_apart(data, size, &parts)) return NUMERIC_MALFORMED;
    if (parts.sign >= SIGN_NAN) {
        buf_puts(out, parts.sign == SIGN_NAN        ? "NaN"
                      : parts.sign == SIGN_INFINITY ? "Infinity"
                                                    : "-Infinity");
        return NUMERIC_OK;
    }
    if (parts.sign == SIGN_NEGATIVE) buf_putc(out, '-');
    if (parts.weight < 0) buf_putc(out, '0');
    for (int i = 0; i <= parts.weight; i++)
        buf_printf(out, i ? "%04d" : "%d", i < parts.count ? digit(&parts, i) : 0);
    if (parts.display == 0) return NUMERIC_OK;
    buf_putc(out, '.');
    int left = parts.display;
    for (int i = parts.weight + 1; left > 0; i++, left -= 4) {
        int unit = i >= 0 && i < parts.count ? digit(&parts, i) : 0;
        char text[4] = {(char)('0' + unit / 1000), (char)('0' + unit / 100 % 10),
                        (char)('0' + unit / 10 % 10), (char)('0' + unit % 10)};
        buf_put(out, text, left < 4 ? (size_t)left : 4);
    }
    return NUMERIC_OK;
}

static void put16(uint8_t *out, int value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

size_t pg_numeric_encode(PgInt128 value, int scale, uint8_t out[PG_NUMERIC_MAX])
{
    bool negative = value < 0;
    unsigned __int128 rest = negative ? -(unsigned __int128)value : (unsigned __int128)value;
    int fraction_digits = (scale + 3) / 4, pad = fraction_digits * 4 - scale;
    static const unsigned factors[] = {1, 10, 100, 1000};
    uint16_t units[14];
    int count = 0;
    /* The lowest unit is filled up with zeros behind the scale's last digit. */
    if (pad > 0) {
        unsigned part = factors[4 - pad];
        units[count++] = (uint16_t)((unsigned)(rest % part) * factors[pad]);
        rest /= part;
    }
    while (rest > UINT64_MAX) {
        units[count++] = (uint16_t)(rest % 10000);
        rest /= 10000;
    }
    for (uint64_t low = (uint64_t)rest; low > 0; low /= 10000)
        units[count++] = (uint16_t)(low % 10000);
    int lowest = 0, weight = count - 1 - fraction_digits;
    while (count > 0 && units[count - 1] == 0) {
        count--;
        weight--;
    }
    while (lowest < count && units[lowest] == 0) lowest++;
    int sent = count - lowest;
    put16(out, sent);
    put16(out + 2, sent ? weight : 0);
    put16(out + 4, negative ? SIGN_NEGATIVE : SIGN_POSITIVE);
    put16(out + 6, scale);
    for (int i = 0; i < sent; i++) put16(out + 8 + 2 * i, units[count - 1 - i]);
    return 8 + 2 * (size_t)sent;
}
