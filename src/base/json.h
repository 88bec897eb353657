/* JSON: the Value tree that the lenient parser (lang/json) and the YAML reader (project) produce,
 * and a writer for the documents that commands print. */
#ifndef SQLFLOW_BASE_JSON_H
#define SQLFLOW_BASE_JSON_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/source.h"

typedef enum ValueKind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_NUMBER, /* text is the number as written */
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
    VALUE_VARIABLE, /* text is an unquoted ${…}, before substitution only */
} ValueKind;

typedef struct Value Value;
typedef struct Member Member;

struct Value {
    ValueKind kind;
    bool boolean;
    const char *text; /* of numbers, strings, variables; NUL-terminated */
    Span span;
    Member *members; /* of arrays (key NULL) and objects, in order */
    size_t count, capacity;
};

struct Member {
    const char *key;
    Span key_span;
    Value *value;
};

Value *value_new(Arena *arena, ValueKind kind, Span span);
Value *value_string(Arena *arena, const char *text, Span span);
/* Appends to an array (key NULL) or object. */
void value_add(Arena *arena, Value *parent, const char *key, Span key_span, Value *child);
/* Member of an object by key, without case; NULL when absent or not an object. */
Value *value_get(const Value *object, const char *key);
/* A scalar as text: strings as they are, numbers as written, true/false, "" for null; NULL for
 * arrays and objects. */
const char *value_text(const Value *value);
const char *value_kind_name(ValueKind kind); /* "a string", "a list", … */

/* Writer. Commas and nesting are its job; keys and values are escaped; text that is not UTF-8 is
 * written with U+FFFD. `indent` gives a document of several lines. */
typedef struct JsonWriter {
    Buf *out;
    bool indent;
    unsigned depth; /* of open objects and arrays; past 255 the program aborts */
    struct {
        bool array, filled;
    } open[256];
} JsonWriter;

JsonWriter json_writer(Buf *out, bool indent);
void json_object(JsonWriter *json, const char *key); /* key NULL inside arrays and at the top */
void json_array(JsonWriter *json, const char *key);
void json_end(JsonWriter *json); /* closes the innermost; which kind is remembered */
void json_string(JsonWriter *json, const char *key, const char *text); /* NULL writes null */
void json_int(JsonWriter *json, const char *key, long long number);
void json_double(JsonWriter *json, const char *key, double number); /* not finite writes null */
/* To microseconds: they are enough, and shorter to read. */
void json_seconds(JsonWriter *json, const char *key, double seconds);
void json_bool(JsonWriter *json, const char *key, bool value);
void json_null(JsonWriter *json, const char *key);
void json_raw(JsonWriter *json, const char *key, const char *json_text);
void json_value(JsonWriter *json, const char *key, const Value *value);

#endif
