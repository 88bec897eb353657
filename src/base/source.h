/* Source texts and spans: where in which file something stands.
 * A SourceText is kept as long as anything that points into it (the command's arena). */
#ifndef SQLFLOW_BASE_SOURCE_H
#define SQLFLOW_BASE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct SourceText {
    const char *name; /* as shown to the user: the path as given */
    const char *text; /* NUL-terminated; a BOM is not part of it */
    size_t size;
    const uint32_t *lines; /* offset of each line's first byte */
    size_t line_count;     /* at least 1 */
} SourceText;

/* Half-open byte range [start, end) of a source; source == NULL means "nowhere". */
typedef struct Span {
    const SourceText *source;
    uint32_t start, end;
} Span;

#define SPAN_NONE ((Span){0})

typedef struct Position {
    uint32_t line, column; /* from 1; column in characters */
} Position;

/* Leaves a BOM out. */
SourceText *source_new(Arena *arena, const char *name, const char *text, size_t size);
Span span_of(const SourceText *source, size_t start, size_t end);
/* From the start of `first` to the end of `last` (same source). */
Span span_join(Span first, Span last);
Position span_position(Span span);
/* The bytes of the span as an arena string ("" for nowhere). */
char *span_text(Arena *arena, Span span);

#endif
