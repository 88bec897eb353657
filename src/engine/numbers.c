/* Numbers as JSON writes them. See numbers.h. */
#include "engine/numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No double needs more digits; so many always survive. */
enum { MOST_DIGITS = 767, SURE_DIGITS = 15, SHORT_TEXT = 64 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The significant digits of the mantissa, into a buffer of MOST_DIGITS + 1 bytes. Returns their
 * count, which may be more than there is room for. */
static size_t significant(const char *text, size_t size, char *digits) {
    size_t count = 0, last = 0;
    for (size_t i = 0; i < size && text[i] != 'e' && text[i] != 'E'; i++) {
        if (!is_digit(text[i]) || (count == 0 && text[i] == '0')) continue;
        if (count < MOST_DIGITS) digits[count] = text[i];
        count++;
        if (text[i] != '0') last = count;
    }
    return last;
}

static double value_of(const char *text, size_t size) {
    char copy[SHORT_TEXT];
    if (size < sizeof copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
        return strtod(copy, NULL);
    }
    char *whole = strndup(text, size);
    if (whole == NULL) abort();
    double value = strtod(whole, NULL);
    free(whole);
    return value;
}

/* The double, written with as many digits, has the same ones. */
static bool has_digits(double value, const char *digits, size_t count) {
    char written[MOST_DIGITS + 32], again[MOST_DIGITS + 1];
    if (!isfinite(value) || count > MOST_DIGITS) return false;
    int size = snprintf(written, sizeof written, "%.*e", (int)count - 1, value);
    return significant(written, (size_t)size, again) == count &&
           memcmp(digits, again, count) == 0;
}

bool number_read(const char *text, size_t size, Number *number) {
    size_t first = size > 0 && *text == '-';
    if (first >= size || !is_digit(text[first])) return false;
    char digits[MOST_DIGITS + 1];
    *number = (Number){.value = value_of(text, size), .whole = true};
    for (size_t i = first; i < size; i++) number->whole = number->whole && is_digit(text[i]);
    number->digits = significant(text, size, digits);
    number->kept = number->digits == 0 || has_digits(number->value, digits, number->digits);
    return true;
}

/* Behind the string whose first quote is at `i`. */
static size_t skip_string(const char *json, size_t size, size_t i) {
    for (i++; i < size && json[i] != '"'; i++)
        if (json[i] == '\\') i++;
    return i + 1;
}

bool number_is_past_exact(const char *json, size_t size) {
    for (size_t i = 0; i < size;) {
        if (json[i] == '"') {
            i = skip_string(json, size, i);
            continue;
        }
        if (!is_digit(json[i])) {
            i++;
            continue;
        }
        size_t start = i;
        bool whole = true, power = false;
        for (; i < size && (is_digit(json[i]) || strchr(".eE+-", json[i]) != NULL); i++) {
            power = power || json[i] == 'e' || json[i] == 'E';
            whole = whole && is_digit(json[i]);
        }
        if (whole || (!power && i - start <= SURE_DIGITS)) continue;
        if (value_of(json + start, i - start) >= NUMBER_PAST_EXACT) return true;
    }
    return false;
}
