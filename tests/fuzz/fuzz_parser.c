/* Fuzzes the parser: it ends on any bytes, diagnostics can be rendered, and what is printed from a
 * right text parses to the same print. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/lang.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *print(Arena *arena, const char *text, size_t size, size_t *errors) {
    Diags diags = diags_on(arena);
    const SourceText *source = source_new(arena, "fuzz", text, size);
    Block block = lang_parse(arena, source, &diags);
    Buf rendered = buf_on(arena), out = buf_on(arena);
    for (size_t i = 0; i < diags.count && i < 8; i++)
        diag_render(&rendered, &diags.items[i], i % 2 == 0);
    lang_print(&out, &block);
    *errors = diags.errors;
    return buf_text(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA arena = arena_new();
    size_t errors, more;
    const char *once = print(arena, (const char *)data, size, &errors);
    if (errors > 0) return 0;
    const char *twice = print(arena, once, strlen(once), &more);
    if (more == 0 && strcmp(once, twice) == 0) return 0;
    fprintf(stderr, "--- once\n%s--- twice (%zu errors)\n%s", once, more, twice);
    abort();
}
