/* Small text helpers: comparison without case, prefixes, nearest names, UTF-8. */
#ifndef SQLFLOW_BASE_STR_H
#define SQLFLOW_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* A growing list of strings in an arena. */
typedef struct Strings {
    const char **items;
    size_t count, capacity;
} Strings;

void strings_add(Arena *arena, Strings *list, const char *text);
/* Adds unless an equal text (without case) is there; true when added. */
bool strings_add_unique(Arena *arena, Strings *list, const char *text);
bool strings_has(const Strings *list, const char *text); /* without case */
bool strings_has_exact(const Strings *list, const char *text);
const char *strings_join(Arena *arena, const Strings *list, const char *separator);

/* ASCII case only, as DuckDB compares names. NULL equals only NULL. */
bool str_eq(const char *a, const char *b);
bool str_ieq(const char *a, const char *b);
/* Is it one of the words, the last of which is followed by NULL? */
bool str_in(const char *text, const char *const *words);
bool str_iin(const char *text, const char *const *words); /* without case */
bool str_ieq_n(const char *a, size_t a_size, const char *b);
bool str_starts(const char *text, const char *prefix);
bool str_istarts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
bool str_iends(const char *text, const char *suffix);
/* Bytes of the name that the text begins with, [A-Za-z_][A-Za-z0-9_]*; 0 when it is none. */
size_t str_name(const char *text);
char *str_lower(Arena *arena, const char *text);
/* Without blanks at both ends. */
char *str_trim(Arena *arena, const char *text, size_t size);
/* Every `from` in `text` replaced by `to`. `from` is not empty. */
const char *str_replace(Arena *arena, const char *text, const char *from, const char *to);

/* A number as JSON writes it: -? int frac? exp?, without leading zeros. */
bool str_is_json_number(const char *text);
/* Parses all of `text` as a number of the given kind; false leaves *out alone. */
bool str_to_double(const char *text, double *out);
bool str_to_int64(const char *text, long long *out);

/* The name nearest to `name` by edit distance (without case; letters that changed places are one
 * edit), else the only one that has `name` in it; NULL when none is near enough to be meant (a
 * third of its length, at most 3 edits). */
const char *str_nearest(const char *name, const Strings *candidates);
/* " (did you mean 'x'?)" or "". */
const char *str_did_you_mean(Arena *arena, const char *name, const Strings *candidates);

/* Offset of the first byte that is not valid UTF-8, or `size` when all is. NUL is valid here. */
size_t utf8_invalid_at(const char *text, size_t size);
/* Number of characters in `size` bytes of valid UTF-8. */
size_t utf8_length(const char *text, size_t size);
/* 1,234,567 */
const char *str_thousands(Arena *arena, long long number);
/* "1 row", "1,234 rows" */
const char *str_count(Arena *arena, long long number, const char *noun);
/* 1.1 kB, 3.0 MB, … */
const char *str_bytes(Arena *arena, unsigned long long bytes);

#endif
