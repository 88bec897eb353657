/* The content of strings and quoted names: quotes taken off, doubled quotes and escapes resolved,
 * variables left as they are written. */
#include <string.h>

#include "base/buf.h"
#include "lang/lexer.h"

static bool has_quoted_default(const char *variable, size_t size) {
    const char *bar = memchr(variable, '|', size);
    if (bar == NULL) return false;
    do bar++;
    while (*bar == ' ' || *bar == '\t');
    return *bar == '\'' || *bar == '"';
}

static char escaped(char c) {
    switch (c) {
        case 'n': return '\n';
        case 't': return '\t';
        case 'r': return '\r';
        case 'b': return '\b';
        case 'f': return '\f';
        default: return c;
    }
}

static const char *resolve(Arena *arena, const char *text, size_t size, bool backslash) {
    Buf out = buf_on(arena);
    char quote = text[0];
    for (size_t i = 1, end = size - 1; i < end; i++) {
        size_t variable = text[i] == '$' ? variable_inside(text + i, end - i, quote) : 0;
        if (variable > 0 && has_quoted_default(text + i, variable)) {
            buf_put(&out, text + i, variable);
            i += variable - 1;
        } else if (text[i] == '\\' && text[i + 1] == '$') {
            buf_put(&out, text + i++, 2);
        } else if (text[i] == '\\' && backslash) {
            buf_putc(&out, escaped(text[++i]));
        } else {
            if (text[i] == quote) i++;
            buf_putc(&out, text[i]);
        }
    }
    return buf_text(&out);
}

static const char *dollar(Arena *arena, const char *text, size_t size) {
    size_t tag = (size_t)((const char *)memchr(text + 1, '$', size - 1) - text) + 1;
    return arena_strndup(arena, text + tag, size - 2 * tag);
}

const char *token_text(Arena *arena, const SourceText *source, Token token) {
    const char *text = source->text + token.start;
    size_t size = token.end - token.start;
    switch (token.kind) {
        case TOKEN_QUOTED:
        case TOKEN_STRING: return resolve(arena, text, size, false);
        case TOKEN_ESTRING: return resolve(arena, text + 1, size - 1, true);
        case TOKEN_DOLLAR: return dollar(arena, text, size);
        case TOKEN_END:
        case TOKEN_WORD:
        case TOKEN_NUMBER:
        case TOKEN_VARIABLE:
        case TOKEN_SYMBOL:
        case TOKEN_ERROR: break;
    }
    return arena_strndup(arena, text, size);
}
