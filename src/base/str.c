/* Small text helpers. See str.h. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

void strings_add(Arena *arena, Strings *list, const char *text) {
    *LIST_PUSH(arena, list) = text;
}

bool strings_has(const Strings *list, const char *text) {
    for (size_t i = 0; i < list->count; i++)
        if (str_ieq(list->items[i], text)) return true;
    return false;
}

bool strings_has_exact(const Strings *list, const char *text) {
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], text)) return true;
    return false;
}

bool strings_add_unique(Arena *arena, Strings *list, const char *text) {
    if (strings_has(list, text)) return false;
    strings_add(arena, list, text);
    return true;
}

const char *strings_join(Arena *arena, const Strings *list, const char *separator) {
    Buf buf = buf_on(arena);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) buf_puts(&buf, separator);
        buf_puts(&buf, list->items[i]);
    }
    return buf_text(&buf);
}

bool str_eq(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool str_ieq(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcasecmp(a, b) == 0;
}

bool str_in(const char *text, const char *const *words) {
    for (; *words != NULL; words++)
        if (str_eq(text, *words)) return true;
    return false;
}

bool str_iin(const char *text, const char *const *words) {
    for (; *words != NULL; words++)
        if (str_ieq(text, *words)) return true;
    return false;
}

bool str_ieq_n(const char *a, size_t a_size, const char *b) {
    return strlen(b) == a_size && strncasecmp(a, b, a_size) == 0;
}

size_t str_name(const char *text) {
    size_t size = 0;
    while (isalnum((unsigned char)text[size]) || text[size] == '_') size++;
    return isdigit((unsigned char)*text) ? 0 : size;
}

bool str_starts(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_istarts(const char *text, const char *prefix) {
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

bool str_iends(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcasecmp(text + n - m, suffix) == 0;
}

char *str_lower(Arena *arena, const char *text) {
    char *lower = arena_strdup(arena, text);
    for (char *c = lower; *c; c++) *c = (char)tolower((unsigned char)*c);
    return lower;
}

char *str_trim(Arena *arena, const char *text, size_t size) {
    while (size > 0 && isspace((unsigned char)text[0])) text++, size--;
    while (size > 0 && isspace((unsigned char)text[size - 1])) size--;
    return arena_strndup(arena, text, size);
}

const char *str_replace(Arena *arena, const char *text, const char *from, const char *to) {
    Buf buf = buf_on(arena);
    for (const char *at; (at = strstr(text, from)) != NULL; text = at + strlen(from)) {
        buf_put(&buf, text, (size_t)(at - text));
        buf_puts(&buf, to);
    }
    buf_puts(&buf, text);
    return buf_text(&buf);
}

bool str_is_json_number(const char *c) {
    if (*c == '-') c++;
    if (*c == '0') {
        c++;
    } else if (isdigit((unsigned char)*c)) {
        while (isdigit((unsigned char)*c)) c++;
    } else {
        return false;
    }
    if (*c == '.') {
        if (!isdigit((unsigned char)*++c)) return false;
        while (isdigit((unsigned char)*c)) c++;
    }
    if (*c == 'e' || *c == 'E') {
        c++;
        if (*c == '+' || *c == '-') c++;
        if (!isdigit((unsigned char)*c)) return false;
        while (isdigit((unsigned char)*c)) c++;
    }
    return *c == '\0';
}

bool str_to_double(const char *text, double *out) {
    if (text == NULL || *text == '\0' || isspace((unsigned char)*text)) return false;
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (*end != '\0' || !isfinite(value)) return false;
    *out = value;
    return true;
}

bool str_to_int64(const char *text, long long *out) {
    if (text == NULL || *text == '\0' || isspace((unsigned char)*text)) return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end != '\0' || errno != 0) return false;
    *out = value;
    return true;
}

static bool same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits from a to b without case, cut off at `limit + 1`; two letters that changed places are one.
 * Three rows of the usual table are enough. */
static size_t distance(const char *a, const char *b, size_t limit) {
    size_t n = strlen(a), m = strlen(b);
    if (n > 63 || m > 63 || (n > m ? n - m : m - n) > limit) return limit + 1;
    unsigned char rows[3][64] = {{0}};
    for (size_t j = 0; j <= m; j++) rows[0][j] = (unsigned char)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned char *row = rows[i % 3];
        const unsigned char *above = rows[(i - 1) % 3], *higher = rows[(i + 1) % 3];
        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = above[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0u : 1u);
            if (above[j] + 1u < best) best = above[j] + 1u;
            if (row[j - 1] + 1u < best) best = row[j - 1] + 1u;
            bool swapped = i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                           same_letter(a[i - 2], b[j - 1]);
            if (swapped && higher[j - 2] + 1u < best) best = higher[j - 2] + 1u;
            row[j] = (unsigned char)best;
        }
    }
    return rows[n % 3][m];
}

/* The one name that has `name` in it ("tier" in "transform_tier"); NULL when several have. */
static const char *holding(const char *name, const Strings *candidates) {
    const char *found = NULL;
    for (size_t i = 0; i < candidates->count; i++) {
        if (strcasestr(candidates->items[i], name) == NULL) continue;
        if (found != NULL && !str_eq(found, candidates->items[i])) return NULL;
        found = candidates->items[i];
    }
    return found;
}

const char *str_nearest(const char *name, const Strings *candidates) {
    size_t length = strlen(name);
    size_t limit = length <= 3 ? 1 : length < 9 ? 2 : 3;
    const char *nearest = NULL;
    for (size_t i = 0; i < candidates->count; i++) {
        size_t d = distance(name, candidates->items[i], limit);
        if (d > limit || (length <= 3 && d >= length)) continue;
        nearest = candidates->items[i];
        if (d == 0) return nearest;
        limit = d - 1;
    }
    return nearest == NULL && length > 3 ? holding(name, candidates) : nearest;
}

const char *str_did_you_mean(Arena *arena, const char *name, const Strings *candidates) {
    const char *nearest = str_nearest(name, candidates);
    return nearest == NULL ? "" : arena_printf(arena, " (did you mean '%s'?)", nearest);
}

/* Length of the well-formed UTF-8 sequence at `s`, or 0. */
static size_t sequence_length(const unsigned char *s, size_t size) {
    unsigned char c = s[0];
    if (c < 0x80) return 1;
    size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || n > size) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if ((c == 0xE0 && s[1] < 0xA0) || (c == 0xED && s[1] > 0x9F)) return 0;
    if ((c == 0xF0 && s[1] < 0x90) || (c == 0xF4 && s[1] > 0x8F)) return 0;
    return n;
}

size_t utf8_invalid_at(const char *text, size_t size) {
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < size;) {
        size_t n = sequence_length(s + i, size - i);
        if (n == 0) return i;
        i += n;
    }
    return size;
}

size_t utf8_length(const char *text, size_t size) {
    size_t length = 0;
    for (size_t i = 0; i < size; i++) length += ((unsigned char)text[i] & 0xC0) != 0x80;
    return length;
}

const char *str_thousands(Arena *arena, long long number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", number < 0 ? -number : number);
    Buf buf = buf_on(arena);
    if (number < 0) buf_putc(&buf, '-');
    size_t n = strlen(digits);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) buf_putc(&buf, ',');
        buf_putc(&buf, digits[i]);
    }
    return buf_text(&buf);
}

const char *str_count(Arena *arena, long long number, const char *noun) {
    return arena_printf(arena, "%s %s%s", str_thousands(arena, number), noun,
                        number == 1 ? "" : "s");
}

const char *str_bytes(Arena *arena, unsigned long long bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    if (bytes < 1000) return arena_printf(arena, "%llu B", bytes);
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof units / sizeof *units) value /= 1000, unit++;
    return arena_printf(arena, "%.1f %s", value, units[unit]);
}
