/* Time macros. See macros.h. */
#include "plan/macros.h"

#include <string.h>

#include "lang/lexer.h"

static const struct {
    const char *name;
    bool end, date;
} macros[] = {{"start_dt", false, false},
              {"end_dt", true, false},
              {"start_date", false, true},
              {"end_date", true, true}};

static void put_literal(Buf *out, size_t macro, const Window *window) {
    const char *value = macros[macro].end ? window->end : window->start;
    size_t size = macros[macro].date && strlen(value) > 10 ? 10 : strlen(value);
    buf_puts(out, macros[macro].date ? "DATE " : "TIMESTAMP ");
    buf_literal_n(out, value, size);
}

const char *macros_expand(Arena *arena, const char *sql, const Window *window) {
    if (strchr(sql, '@') == NULL) return sql;
    SourceText *source = source_new(arena, "query", sql, strlen(sql));
    Tokens tokens = lex(arena, source, 0, source->size);
    Buf out = buf_on(arena);
    uint32_t copied = 0;
    for (size_t i = 0; i + 1 < tokens.count; i++) {
        Token at = tokens.items[i], word = tokens.items[i + 1];
        if (!token_is(source, at, "@") || word.kind != TOKEN_WORD || word.start != at.end) continue;
        for (size_t m = 0; m < sizeof macros / sizeof *macros; m++) {
            if (!token_is(source, word, macros[m].name)) continue;
            buf_put(&out, sql + copied, at.start - copied);
            put_literal(&out, m, window);
            copied = word.end;
        }
    }
    buf_puts(&out, sql + copied);
    return buf_text(&out);
}
