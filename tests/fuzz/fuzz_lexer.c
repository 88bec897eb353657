/* Fuzzes the lexer: tokens lie in order inside the text, none is empty, TOKEN_END is the last. */
#include <stdint.h>
#include <stdlib.h>

#include "lang/lexer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA arena = arena_new();
    const SourceText *source = source_new(arena, "fuzz", (const char *)data, size);
    Tokens tokens = lex(arena, source, 0, source->size);
    size_t at = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        Token token = tokens.items[i];
        bool last = i + 1 == tokens.count;
        if (token.start < at || token.end > size) abort();
        if ((token.kind == TOKEN_END) != last || (token.start == token.end) != last) abort();
        if ((token.kind == TOKEN_ERROR) != (token.error != NULL)) abort();
        (void)token_text(arena, source, token);
        at = token.end;
    }
    return 0;
}
