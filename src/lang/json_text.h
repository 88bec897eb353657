/* The small parts of lang/json: blanks, comments and strings. Internal to the language room. */
#ifndef SQLFLOW_LANG_JSON_TEXT_H
#define SQLFLOW_LANG_JSON_TEXT_H

#include "base/diag.h"
#include "base/json.h"
#include "base/map.h"

typedef struct JsonReader {
    Arena *arena;
    const SourceText *source;
    Diags *diags;
    size_t at;
    unsigned depth;
} JsonReader;

/* '\0' past the end. */
char json_char(const JsonReader *json, size_t at);
bool json_is_word(char c); /* letters, digits, _, - and non-ASCII */
bool json_is_comment(const JsonReader *json, size_t at); /* does one start here? */
/* False with an error when a comment is never closed. */
bool json_skip_blanks(JsonReader *json);
/* The string at the reader; NULL with an error. */
Value *json_string_value(JsonReader *json);
/* Reports a malformed ${; returns NULL. */
Value *json_bad_variable(JsonReader *json, size_t start, size_t size, const char *why);

#endif
