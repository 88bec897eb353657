/* Fuzzes conditions: checking and evaluating agree on what is malformed, and NOT ( … ) turns the
 * result around. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lang/cond.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const Value *variable(void *context, const char *name, bool pipeline_only) {
    static Value number = {.kind = VALUE_NUMBER, .text = "10"};
    static Value text = {.kind = VALUE_STRING, .text = "prod"};
    static Value yes = {.kind = VALUE_BOOL, .boolean = true};
    static Value nothing = {.kind = VALUE_NULL};
    (void)context;
    switch (name[0]) {
        case 'n': return &number;
        case 's': return &text;
        case 't': return &yes;
        case 'z': return &nothing;
        case 'e': return pipeline_only ? NULL : &text;
        default: return NULL;
    }
}

static bool evaluate(Arena *arena, const char *text, size_t size, bool *result) {
    Diags diags = diags_on(arena);
    CondHost host = {NULL, variable};
    const SourceText *source = source_new(arena, "fuzz", text, size);
    Span span = span_of(source, 0, size);
    bool right = cond_evaluate(arena, span, &host, result, &diags);
    if (right != cond_check(arena, span, &diags)) abort();
    if (right != (diags.errors == 0)) abort();
    return right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA arena = arena_new();
    bool result = false, opposite = false;
    if (memchr(data, 0, size) != NULL || size > 4096) return 0;
    if (!evaluate(arena, (const char *)data, size, &result)) return 0;
    const char *not = arena_printf(arena, "not (%.*s\n)", (int)size, (const char *)data);
    if (evaluate(arena, not, strlen(not ), &opposite) && result == opposite) abort();
    return 0;
}
