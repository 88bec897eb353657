/* Lenient JSON: a recursive descent over the bytes of a statement. See json.h. */
#include "lang/json.h"

#include <ctype.h>
#include <string.h>

#include "base/redact.h"
#include "lang/json_text.h"
#include "lang/lexer.h"

enum { DEPTH_MAX = 200 };

static Value *parse_value(JsonReader *json);

static Value *fail(JsonReader *json, size_t start, size_t end, const char *message,
                   const char *hint) {
    Span span = span_of(json->source, start, end);
    diag_error(json->diags, ERR_JSON, span, "%s", message)->hint = hint;
    return NULL;
}

/* What stands at the reader, for messages: a word, or one character. */
static size_t found_end(const JsonReader *json) {
    size_t end = json->at;
    char quote = json_char(json, end);
    if (quote == '"' || quote == '\'') {
        const char *text = json->source->text + end + 1;
        const char *close = text + strcspn(text, quote == '"' ? "\"\n" : "'\n");
        if (*close == quote) return end + 2 + (size_t)(close - text);
    }
    while (json_is_word(json_char(json, end))) end++;
    if (end == json->at && end < json->source->size) end++;
    while (((unsigned char)json_char(json, end) & 0xc0) == 0x80) end++;
    return end;
}

static Value *unexpected(JsonReader *json, const char *wanted, const char *hint) {
    size_t end = found_end(json);
    const char *found = json->at >= json->source->size
                            ? "the end of the file"
                            : arena_printf(json->arena, "`%.*s`", (int)(end - json->at),
                                           json->source->text + json->at);
    return fail(json, json->at, end,
                arena_printf(json->arena, "expected %s, found %s", wanted, found), hint);
}

/* Bytes of a bare key or value. A comment ends them: `1-- so`. */
static bool is_bare(const JsonReader *json, size_t at) {
    return json_is_word(json_char(json, at)) && !json_is_comment(json, at) &&
           unicode_blank(json->source->text + at) == 0;
}

static bool is_one_of(const JsonReader *json, size_t at, const char *chars) {
    char c = json_char(json, at);
    return c != '\0' && strchr(chars, c) != NULL && !json_is_comment(json, at);
}

static Value *word_value(JsonReader *json) {
    size_t start = json->at, end = start;
    while (is_bare(json, end) || is_one_of(json, end, "+./:")) end++;
    const char *word = arena_strndup(json->arena, json->source->text + start, end - start);
    Span span = span_of(json->source, start, end);
    json->at = end;
    if (str_ieq(word, "null")) return value_new(json->arena, VALUE_NULL, span);
    if (str_ieq(word, "true") || str_ieq(word, "false")) {
        Value *value = value_new(json->arena, VALUE_BOOL, span);
        value->boolean = str_ieq(word, "true");
        return value;
    }
    if (str_is_json_number(word)) {
        Value *value = value_new(json->arena, VALUE_NUMBER, span);
        value->text = word;
        return value;
    }
    json->at = start;
    bool number = isdigit((unsigned char)*word) || strchr("+-.", *word) != NULL;
    return fail(json, start, end,
                arena_printf(json->arena, "`%s` is neither a number, true, false nor null", word),
                number ? "numbers are written as in JSON: 10, -1.5, 1e6; quote what is text"
                       : arena_printf(json->arena, "quote text: \"%s\"", word));
}

/* ${v}, ${v|default} and $v as a bare value. */
static Value *variable_value(JsonReader *json) {
    const char *text = json->source->text + json->at;
    size_t start = json->at, size = 1, extent = 0;
    const char *why = NULL;
    if (text[1] == '{') {
        size = variable_size(text, json->source->size - start, &why, &extent);
        if (size == 0) return json_bad_variable(json, start, extent, why);
    } else {
        size += str_name(text + 1);
        if (size == 1)
            return unexpected(json, "a value", "a variable is written ${name} or $name");
    }
    Value *value =
        value_new(json->arena, VALUE_VARIABLE, span_of(json->source, start, start + size));
    value->text = text[1] == '{' ? arena_strndup(json->arena, text, size)
                                 : arena_printf(json->arena, "${%.*s}", (int)size - 1, text + 1);
    json->at += size;
    if (is_bare(json, json->at) || is_one_of(json, json->at, "$/.:"))
        return fail(json, start, found_end(json), "a variable inside other text needs quotes",
                    "write \"…${name}…\"");
    return value;
}

static bool parse_key(JsonReader *json, const char **key, Span *span) {
    size_t start = json->at;
    char c = json_char(json, start);
    if (c == '"' || c == '\'') {
        Value *text = json_string_value(json);
        if (text == NULL) return false;
        *key = text->text;
    } else if (json_is_word(c)) {
        while (is_bare(json, json->at) || is_one_of(json, json->at, ".")) json->at++;
        *key = arena_strndup(json->arena, json->source->text + start, json->at - start);
    } else {
        unexpected(json, json->source->size == start ? "`}`" : "a key or `}`",
                   "PARAMS and OPTIONS hold {\"key\": value, …}");
        return false;
    }
    *span = span_of(json->source, start, json->at);
    return true;
}

static bool parse_member(JsonReader *json, Value *object, Map *keys) {
    const char *key;
    Span span;
    if (!parse_key(json, &key, &span) || !json_skip_blanks(json)) return false;
    if (json_char(json, json->at) != ':') {
        unexpected(json, arena_printf(json->arena, "`:` after the key \"%s\"", key),
                   "a key and its value are written \"key\": value");
        return false;
    }
    json->at++;
    if (!json_skip_blanks(json)) return false;
    Value *value = parse_value(json);
    if (value == NULL) return false;
    /* An error of another statement may quote the line before the options are looked at. */
    if (json->depth == 1 && redact_is_secret_option(key) && value->kind == VALUE_STRING &&
        strstr(value->text, "${") == NULL)
        redact_add(value->text);
    if (map_has(keys, key)) {
        diag_error(json->diags, ERR_DUPLICATE_KEY, span, "the key \"%s\" is given twice", key)
            ->hint = "remove one of them";
        return true; /* only the first is looked at: the error is told once */
    }
    map_set(keys, key, value);
    value_add(json->arena, object, key, span, value);
    return true;
}

/* Behind a member or item: takes a comma, or leaves the closing bracket; false on anything else. */
static bool take_comma(JsonReader *json, char close, size_t open) {
    if (!json_skip_blanks(json)) return false;
    char c = json_char(json, json->at);
    if (c == ',') {
        json->at++;
        return json_skip_blanks(json);
    }
    if (c == close) return true;
    if (json->at >= json->source->size || c == ';') {
        fail(json, open, open + 1,
             close == '}' ? "this `{` is never closed" : "this `[` is never closed",
             close == '}' ? "close it with `}` before the `;`" : "close it with `]`");
    } else {
        unexpected(json, close == '}' ? "`,` or `}`" : "`,` or `]`",
                   close == '}' ? "members are separated by commas: {\"a\": 1, \"b\": 2}"
                                : "items are separated by commas: [1, 2]");
    }
    return false;
}

static Value *parse_nested(JsonReader *json, char close) {
    size_t open = json->at++;
    Value *value = value_new(json->arena, close == '}' ? VALUE_OBJECT : VALUE_ARRAY, SPAN_NONE);
    Map keys = map_on(json->arena);
    if (++json->depth > DEPTH_MAX)
        return fail(json, open, open + 1, "lists and objects are nested more than 200 deep", "");
    if (!json_skip_blanks(json)) return NULL;
    while (json_char(json, json->at) != close) {
        if (json->at >= json->source->size || json_char(json, json->at) == ';') {
            take_comma(json, close, open);
            return NULL;
        }
        if (close == '}') {
            if (!parse_member(json, value, &keys)) return NULL;
        } else {
            Value *item = parse_value(json);
            if (item == NULL) return NULL;
            value_add(json->arena, value, NULL, SPAN_NONE, item);
        }
        if (!take_comma(json, close, open)) return NULL;
    }
    json->depth--;
    value->span = span_of(json->source, open, ++json->at);
    return value;
}

static Value *parse_value(JsonReader *json) {
    char c = json_char(json, json->at);
    if (c == '{') return parse_nested(json, '}');
    if (c == '[') return parse_nested(json, ']');
    if (c == '"' || c == '\'') return json_string_value(json);
    if (c == '$') return variable_value(json);
    if (json_is_word(c) || c == '.' || c == '+') return word_value(json);
    return unexpected(json, "a value",
                      "a value is text in quotes, a number, true, false, null, "
                      "[…] or {…}");
}

Value *json_parse(Arena *arena, const SourceText *source, size_t *at, Diags *diags) {
    JsonReader json = {.arena = arena, .source = source, .diags = diags, .at = *at};
    size_t start = *at;
    Value *value = parse_value(&json);
    *at = value == NULL ? json_skip(source, json.at) : json.at;
    if (value == NULL) redact_add_named(source->text + start, *at - start);
    return value;
}

Value *json_parse_document(Arena *arena, const SourceText *source, Diags *diags) {
    JsonReader json = {.arena = arena, .source = source, .diags = diags};
    if (!json_skip_blanks(&json)) return NULL;
    Value *value = parse_value(&json);
    if (value == NULL) redact_add_named(source->text, source->size);
    if (value == NULL || !json_skip_blanks(&json)) return NULL;
    if (json.at < source->size) return unexpected(&json, "nothing behind the value", "");
    return value;
}
