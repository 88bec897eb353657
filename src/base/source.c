/* Source texts and spans. See source.h. */
#include "base/source.h"

#include <string.h>

#include "base/str.h"

/* Diagnostics and plans ask for many positions: the lines are looked for once. */
static void index_lines(Arena *arena, SourceText *source) {
    size_t count = 1;
    const char *end = source->text + source->size;
    for (const char *at = source->text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        count++;
    uint32_t *lines = ARENA_ARRAY(arena, uint32_t, count);
    size_t line = 1;
    for (const char *at = source->text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        lines[line++] = (uint32_t)(at + 1 - source->text);
    source->lines = lines;
    source->line_count = count;
}

SourceText *source_new(Arena *arena, const char *name, const char *text, size_t size) {
    SourceText *source = ARENA_NEW(arena, SourceText);
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, size -= 3;
    *source = (SourceText){.name = arena_strdup(arena, name),
                           .text = arena_strndup(arena, text, size), .size = size};
    index_lines(arena, source);
    return source;
}

Span span_of(const SourceText *source, size_t start, size_t end) {
    return (Span){source, (uint32_t)start, (uint32_t)end};
}

Span span_join(Span first, Span last) {
    if (first.source == NULL) return last;
    if (last.source != first.source) return first;
    return (Span){first.source, first.start, last.end > first.end ? last.end : first.end};
}

Position span_position(Span span) {
    if (span.source == NULL) return (Position){0, 0};
    const SourceText *source = span.source;
    size_t low = 0, high = source->line_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->lines[middle] <= span.start)
            low = middle;
        else
            high = middle;
    }
    uint32_t line_start = source->lines[low];
    size_t column = utf8_length(source->text + line_start, span.start - line_start) + 1;
    return (Position){(uint32_t)low + 1, (uint32_t)column};
}

char *span_text(Arena *arena, Span span) {
    if (span.source == NULL) return arena_strdup(arena, "");
    return arena_strndup(arena, span.source->text + span.start, span.end - span.start);
}
