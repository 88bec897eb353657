/* Buf: an arena-backed growing text. See buf.h. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Buf buf_on(Arena *arena) { return (Buf){.arena = arena}; }

const char *buf_text(const Buf *buf) { return buf->data == NULL ? "" : buf->data; }

static void reserve(Buf *buf, size_t more) {
    size_t needed = buf->size + more + 1;
    if (needed > BUF_MAX) {
        fprintf(stderr, "sqlflow: a text grew past %d bytes\n", BUF_MAX);
        abort();
    }
    if (needed <= buf->capacity) return;
    size_t capacity = buf->capacity ? buf->capacity * 2 : 128;
    while (capacity < needed) capacity *= 2;
    buf->data = arena_grow(buf->arena, buf->data, buf->size, capacity, 1);
    buf->capacity = capacity;
}

void buf_put(Buf *buf, const char *data, size_t size) {
    reserve(buf, size);
    if (size > 0) memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void buf_puts(Buf *buf, const char *text) { buf_put(buf, text, strlen(text)); }

void buf_putc(Buf *buf, char c) { buf_put(buf, &c, 1); }

void buf_printf(Buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size > 0) {
        reserve(buf, (size_t)size);
        vsnprintf(buf->data + buf->size, (size_t)size + 1, format, args);
        buf->size += (size_t)size;
    }
    va_end(args);
}

static void quoted(Buf *buf, const char *text, size_t size, char quote) {
    buf_putc(buf, quote);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == quote) buf_putc(buf, quote);
        buf_putc(buf, text[i]);
    }
    buf_putc(buf, quote);
}

void buf_ident(Buf *buf, const char *name) { quoted(buf, name, strlen(name), '"'); }
void buf_literal(Buf *buf, const char *text) { quoted(buf, text, strlen(text), '\''); }
void buf_literal_n(Buf *buf, const char *text, size_t size) { quoted(buf, text, size, '\''); }

const char *sql_ident(Arena *arena, const char *name) {
    Buf buf = buf_on(arena);
    buf_ident(&buf, name);
    return buf_text(&buf);
}

const char *sql_literal(Arena *arena, const char *text) {
    Buf buf = buf_on(arena);
    buf_literal(&buf, text);
    return buf_text(&buf);
}
