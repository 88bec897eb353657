/* JSON: the Value tree and the writer of documents. See json.h. Reading is lang/json's business. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

Value *value_new(Arena *arena, ValueKind kind, Span span) {
    Value *value = ARENA_NEW(arena, Value);
    value->kind = kind;
    value->span = span;
    return value;
}

Value *value_string(Arena *arena, const char *text, Span span) {
    Value *value = value_new(arena, VALUE_STRING, span);
    value->text = arena_strdup(arena, text);
    return value;
}

void value_add(Arena *arena, Value *parent, const char *key, Span key_span, Value *child) {
    if (parent->count == parent->capacity) {
        parent->capacity = parent->capacity ? parent->capacity * 2 : 4;
        parent->members =
            arena_grow(arena, parent->members, parent->count, parent->capacity, sizeof(Member));
    }
    parent->members[parent->count++] = (Member){key, key_span, child};
}

Value *value_get(const Value *object, const char *key) {
    if (object == NULL || object->kind != VALUE_OBJECT) return NULL;
    for (size_t i = 0; i < object->count; i++)
        if (str_ieq(object->members[i].key, key)) return object->members[i].value;
    return NULL;
}

const char *value_text(const Value *value) {
    switch (value->kind) {
        case VALUE_NULL: return "";
        case VALUE_BOOL: return value->boolean ? "true" : "false";
        case VALUE_NUMBER:
        case VALUE_STRING:
        case VALUE_VARIABLE: return value->text;
        case VALUE_ARRAY:
        case VALUE_OBJECT: break;
    }
    return NULL;
}

const char *value_kind_name(ValueKind kind) {
    static const char *const names[] = {
        [VALUE_NULL] = "null",           [VALUE_BOOL] = "true or false",
        [VALUE_NUMBER] = "a number",     [VALUE_STRING] = "a string",
        [VALUE_ARRAY] = "a list",        [VALUE_OBJECT] = "an object",
        [VALUE_VARIABLE] = "a variable",
    };
    return names[kind];
}

JsonWriter json_writer(Buf *out, bool indent) { return (JsonWriter){.out = out, .indent = indent}; }

static void new_line(JsonWriter *json) {
    if (!json->indent) return;
    buf_putc(json->out, '\n');
    for (unsigned i = 0; i < json->depth; i++) buf_puts(json->out, "  ");
}

/* Text with escapes, invalid UTF-8 replaced. */
static void put_text(Buf *out, const char *text) {
    size_t size = strlen(text);
    while (size > 0) {
        size_t valid = utf8_invalid_at(text, size);
        for (size_t i = 0; i < valid; i++) {
            static const char names[] = "\"\\nrtbf", values[] = "\"\\\n\r\t\b\f";
            const char *value = strchr(values, text[i]);
            if (value != NULL)
                buf_printf(out, "\\%c", names[value - values]);
            else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                buf_printf(out, "\\u%04x", (unsigned)(unsigned char)text[i]);
            else
                buf_putc(out, text[i]);
        }
        if (valid < size) buf_puts(out, "\xef\xbf\xbd");
        valid += valid < size;
        text += valid;
        size -= valid;
    }
}

static void put_quoted(Buf *out, const char *text) {
    buf_putc(out, '"');
    put_text(out, text);
    buf_putc(out, '"');
}

/* What comes before a value: the comma, the line, the key. */
static void begin(JsonWriter *json, const char *key) {
    if (json->depth > 0) {
        if (json->open[json->depth - 1].filled) buf_puts(json->out, json->indent ? "," : ", ");
        json->open[json->depth - 1].filled = true;
        new_line(json);
    }
    if (key == NULL) return;
    put_quoted(json->out, key);
    buf_puts(json->out, ": ");
}

static void open_nested(JsonWriter *json, const char *key, bool array) {
    begin(json, key);
    buf_putc(json->out, array ? '[' : '{');
    if (json->depth == sizeof json->open / sizeof *json->open) {
        fputs("sqlflow: a JSON document is nested too deep\n", stderr);
        abort();
    }
    json->open[json->depth].array = array;
    json->open[json->depth++].filled = false;
}

void json_object(JsonWriter *json, const char *key) { open_nested(json, key, false); }
void json_array(JsonWriter *json, const char *key) { open_nested(json, key, true); }

void json_end(JsonWriter *json) {
    json->depth--;
    if (json->open[json->depth].filled) new_line(json);
    buf_putc(json->out, json->open[json->depth].array ? ']' : '}');
    if (json->depth == 0 && json->indent) buf_putc(json->out, '\n');
}

void json_string(JsonWriter *json, const char *key, const char *text) {
    begin(json, key);
    if (text == NULL)
        buf_puts(json->out, "null");
    else
        put_quoted(json->out, text);
}

void json_int(JsonWriter *json, const char *key, long long number) {
    begin(json, key);
    buf_printf(json->out, "%lld", number);
}

void json_double(JsonWriter *json, const char *key, double number) {
    begin(json, key);
    if (isfinite(number))
        buf_printf(json->out, "%.15g", number);
    else
        buf_puts(json->out, "null");
}

void json_seconds(JsonWriter *json, const char *key, double seconds) {
    json_double(json, key, (double)(long long)(seconds * 1e6 + 0.5) / 1e6);
}

void json_bool(JsonWriter *json, const char *key, bool value) {
    begin(json, key);
    buf_puts(json->out, value ? "true" : "false");
}

void json_null(JsonWriter *json, const char *key) { json_string(json, key, NULL); }

void json_raw(JsonWriter *json, const char *key, const char *json_text) {
    begin(json, key);
    buf_puts(json->out, json_text);
}

void json_value(JsonWriter *json, const char *key, const Value *value) {
    switch (value->kind) {
        case VALUE_NULL: json_null(json, key); break;
        case VALUE_BOOL: json_bool(json, key, value->boolean); break;
        case VALUE_NUMBER: json_raw(json, key, value->text); break;
        case VALUE_STRING:
        case VALUE_VARIABLE: json_string(json, key, value->text); break;
        case VALUE_ARRAY:
        case VALUE_OBJECT:
            open_nested(json, key, value->kind == VALUE_ARRAY);
            for (size_t i = 0; i < value->count; i++)
                json_value(json, value->members[i].key, value->members[i].value);
            json_end(json);
            break;
    }
}
