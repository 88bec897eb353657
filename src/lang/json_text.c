/* Blanks, comments and strings of lenient JSON. See json_text.h. */
#include "lang/json_text.h"

#include <ctype.h>
#include <string.h>

#include "lang/json.h"
#include "lang/lexer.h"
#include "lang/messages.h"

char json_char(const JsonReader *json, size_t at) {
    return at < json->source->size ? json->source->text[at] : '\0';
}

bool json_is_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

bool json_is_comment(const JsonReader *json, size_t at) {
    char c = json_char(json, at), next = json_char(json, at + 1);
    return (c == '-' && next == '-') || (c == '/' && next == '*');
}

static bool skip_blanks(const SourceText *source, size_t *at) {
    Lexer lexer = {source, *at, source->size};
    bool closed = lexer_skip(&lexer);
    *at = lexer.at;
    return closed;
}

bool json_skip_blanks(JsonReader *json) {
    if (skip_blanks(json->source, &json->at)) return true;
    diag_error(json->diags, ERR_UNTERMINATED, span_of(json->source, json->at, json->at + 2),
               "this comment is never closed")
        ->hint = "close it with */; comments nest";
    json->at = json->source->size;
    return false;
}

Value *json_bad_variable(JsonReader *json, size_t start, size_t size, const char *why) {
    diag_error(json->diags, ERR_SYNTAX, span_of(json->source, start, start + size),
               MALFORMED_VARIABLE, why)
        ->hint = VARIABLE_HINT;
    json->at = start + size;
    return NULL;
}

static Value *fail(JsonReader *json, size_t start, size_t end, const char *message,
                   const char *hint) {
    diag_error(json->diags, ERR_JSON, span_of(json->source, start, end), "%s", message)->hint =
        hint;
    json->at = end;
    return NULL;
}

static bool hex4(const JsonReader *json, size_t at, unsigned *code) {
    *code = 0;
    for (size_t i = at; i < at + 4; i++) {
        char c = json_char(json, i);
        if (!isxdigit((unsigned char)c)) return false;
        int digit = isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
        *code = *code * 16 + (unsigned)digit;
    }
    return true;
}

static void put_utf8(Buf *out, unsigned code) {
    if (code < 0x80) {
        buf_putc(out, (char)code);
        return;
    }
    unsigned shift = code < 0x800 ? 6 : code < 0x10000 ? 12 : 18;
    unsigned lead = shift == 6 ? 0xc0 : shift == 12 ? 0xe0 : 0xf0;
    buf_putc(out, (char)(unsigned char)(lead | (code >> shift)));
    while (shift > 0) {
        shift -= 6;
        buf_putc(out, (char)(unsigned char)(0x80 | ((code >> shift) & 0x3f)));
    }
}

/* \uXXXX at json->at; surrogates come in pairs. */
static bool unicode_escape(JsonReader *json, Buf *out) {
    unsigned code, low;
    size_t start = json->at;
    bool right = hex4(json, start + 2, &code) && code != 0 && (code < 0xdc00 || code > 0xdfff);
    json->at += 6;
    if (right && code >= 0xd800 && code <= 0xdbff) {
        right = json_char(json, json->at) == '\\' && json_char(json, json->at + 1) == 'u' &&
                hex4(json, json->at + 2, &low) && low >= 0xdc00 && low <= 0xdfff;
        if (right) code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        json->at += 6;
    }
    if (right) {
        put_utf8(out, code);
        return true;
    }
    size_t end = start + 2;
    while (end < start + 6 && isxdigit((unsigned char)json_char(json, end))) end++;
    fail(json, start, end, "this is no character",
         "\\u takes four hexadecimal digits; characters past \\uFFFF are a pair of surrogates");
    return false;
}

static bool escape(JsonReader *json, Buf *out) {
    static const char names[] = "\"\\/'nrtbf", values[] = "\"\\/'\n\r\t\b\f";
    char c = json_char(json, json->at + 1);
    if (c == 'u') return unicode_escape(json, out);
    const char *name = c == '\0' ? NULL : strchr(names, c);
    if (name != NULL) {
        buf_putc(out, values[name - names]);
    } else if (c == '$') { /* \${ is a literal ${ for the substitution, which comes later */
        buf_puts(out, "\\$");
    } else {
        size_t end = json->at + 2;
        while (((unsigned char)json_char(json, end) & 0xc0) == 0x80) end++;
        fail(json, json->at, end, "there is no such escape",
             "write \\\\ for a backslash; the escapes are \\\" \\\\ \\/ \\n \\r \\t \\b \\f "
             "\\uXXXX");
        return false;
    }
    json->at += 2;
    return true;
}

/* Copies a ${…} as it is written. One that is malformed or holds escapes is read like any text:
 * finish_string judges the whole content. */
static void put_variable(JsonReader *json, char quote, Buf *out) {
    const char *text = json->source->text + json->at;
    size_t size = variable_inside(text, json->source->size - json->at, quote);
    if (size == 0 || memchr(text, '\\', size) != NULL) size = 2;
    buf_put(out, text, size);
    json->at += size;
}

static Value *long_text(JsonReader *json) {
    size_t start = json->at;
    const char *text = json->source->text + start + 3;
    const char *end = memmem(text, json->source->size - start - 3, "\"\"\"", 3);
    if (end == NULL)
        return fail(json, start, start + 3, "this \"\"\" is never closed", "close it with \"\"\"");
    json->at = start + 3 + (size_t)(end - text) + 3;
    return value_string(json->arena, arena_strndup(json->arena, text, (size_t)(end - text)),
                        span_of(json->source, start, json->at));
}

static Value *finish_string(JsonReader *json, size_t start, size_t quotes, const char *text) {
    BadVariable bad;
    Value *value = value_string(json->arena, text, span_of(json->source, start, json->at));
    if (!variable_malformed(text, &bad)) return value;
    /* escapes that were resolved would shift the place: then it is the whole string */
    size_t end = json->at;
    if (end - start == strlen(text) + 2 * quotes)
        json_bad_variable(json, start + quotes + bad.at, bad.size, bad.why);
    else
        json_bad_variable(json, start, end - start, bad.why);
    json->at = end;
    return NULL;
}

/* "\\${x}" has the content \${x}, which stands for a literal ${x}. */
static bool ends_in_backslash(const Buf *out) {
    return out->size > 0 && out->data[out->size - 1] == '\\';
}

Value *json_string_value(JsonReader *json) {
    size_t start = json->at;
    char quote = json_char(json, start);
    if (quote == '"' && json_char(json, start + 1) == '"' && json_char(json, start + 2) == '"') {
        Value *value = long_text(json);
        return value == NULL ? NULL : finish_string(json, start, 3, value->text);
    }
    Buf out = buf_on(json->arena);
    for (json->at++;;) {
        char c = json_char(json, json->at), next = json_char(json, json->at + 1);
        if (json->at >= json->source->size || c == '\n') {
            return fail(json, start, start + 1, "this string is not closed on its line",
                        "close it; text of several lines is written \"\"\"…\"\"\"");
        }
        if (c == quote && !(quote == '\'' && next == '\'')) break;
        if (c == '\\') {
            if (!escape(json, &out)) return NULL;
        } else if (c == '$' && next == '{' && !ends_in_backslash(&out)) {
            put_variable(json, quote, &out);
        } else {
            buf_putc(&out, c);
            json->at += c == quote ? 2 : 1;
        }
    }
    json->at++;
    return finish_string(json, start, 1, buf_text(&out));
}

/* Behind the string at `at`, or behind its quote when it is not closed on its line. */
static size_t skip_string(const SourceText *source, size_t at) {
    const char *text = source->text;
    size_t end = at + 1;
    if (source->size - at >= 3 && memcmp(text + at, "\"\"\"", 3) == 0) {
        const char *close = memmem(text + at + 3, source->size - at - 3, "\"\"\"", 3);
        return close == NULL ? at + 3 : (size_t)(close - text) + 3;
    }
    for (; end < source->size && text[end] != '\n' && text[end] != text[at]; end++)
        if (text[end] == '\\' && end + 1 < source->size && text[end + 1] != '\n') end++;
    return end < source->size && text[end] == text[at] ? end + 1 : at + 1;
}

size_t json_skip(const SourceText *source, size_t at) {
    const char *text = source->text;
    while (at < source->size && text[at] != ';') {
        if (text[at] == '"' || text[at] == '\'') {
            at = skip_string(source, at);
        } else if ((text[at] == '-' && text[at + 1] == '-') ||
                   (text[at] == '/' && text[at + 1] == '*')) {
            if (!skip_blanks(source, &at)) return source->size;
        } else {
            at++;
        }
    }
    return at;
}
