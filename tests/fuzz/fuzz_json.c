/* Fuzzes the lenient JSON parser: any bytes end in a value or an error, and a value that the JSON
 * writer prints is read back to the same print. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "lang/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *print(Arena *arena, const char *text, size_t size) {
    Diags diags = diags_on(arena);
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    Value *value = json_parse_document(arena, source_new(arena, "fuzz", text, size), &diags);
    if ((value == NULL) != (diags.errors > 0) && diags.count == 0) abort();
    if (value == NULL || diags.errors > 0) return NULL;
    json_value(&json, NULL, value);
    return buf_text(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA arena = arena_new();
    if (memchr(data, 0, size) != NULL || utf8_invalid_at((const char *)data, size) < size) return 0;
    const char *once = print(arena, (const char *)data, size);
    if (once == NULL) return 0;
    const char *twice = print(arena, once, strlen(once));
    if (twice != NULL && strcmp(once, twice) == 0) return 0;
    fprintf(stderr, "--- once\n%s\n--- twice\n%s\n", once, twice == NULL ? "error" : twice);
    abort();
}
