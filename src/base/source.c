/* Source texts and spans. See source.h. */
#include "base/source.h"

#include "base/str.h"

SourceText *source_new(Arena *arena, const char *name, const char *text, size_t size) {
    SourceText *source = ARENA_NEW(arena, SourceText);
    *source = (SourceText){arena_strdup(arena, name), arena_strndup(arena, text, size), size};
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
    const char *text = span.source->text;
    uint32_t line = 1, line_start = 0;
    for (uint32_t i = 0; i < span.start && i < span.source->size; i++)
        if (text[i] == '\n') line++, line_start = i + 1;
    size_t column = utf8_length(text + line_start, span.start - line_start) + 1;
    return (Position){line, (uint32_t)column};
}

char *span_text(Arena *arena, Span span) {
    if (span.source == NULL) return arena_strdup(arena, "");
    return arena_strndup(arena, span.source->text + span.start, span.end - span.start);
}
