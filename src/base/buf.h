/* Buf: text that grows, in an arena. Used for SQL, reports and documents.
 * Every buffer has a maximum; passing it aborts, like being out of memory. */
#ifndef SQLFLOW_BASE_BUF_H
#define SQLFLOW_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/arena.h"

typedef struct Buf {
    Arena *arena;
    char *data; /* NUL-terminated once anything was written; use buf_text() */
    size_t size, capacity;
} Buf;

enum { BUF_MAX = 1 << 30 };

Buf buf_on(Arena *arena);
/* The text so far, NUL-terminated, never NULL. Valid until the next write. */
const char *buf_text(const Buf *buf);
void buf_put(Buf *buf, const char *data, size_t size);
void buf_puts(Buf *buf, const char *text);
void buf_putc(Buf *buf, char c);
void buf_printf(Buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The only two ways in which names and values may be joined into SQL: a quoted identifier
 * ("a ""b""") and a string literal ('it''s'). */
void buf_ident(Buf *buf, const char *name);
void buf_literal(Buf *buf, const char *text);
void buf_literal_n(Buf *buf, const char *text, size_t size);

/* "ident" and 'literal' as arena strings. */
const char *sql_ident(Arena *arena, const char *name);
const char *sql_literal(Arena *arena, const char *text);

#endif
