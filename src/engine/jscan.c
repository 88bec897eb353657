/* A fast reader of machine-written JSON. See jscan.h. */
#include "engine/jscan.h"

#include <string.h>

#include "base/buf.h"

enum { MAX_DEPTH = 20000 };

typedef struct Cursor {
    Arena *arena;
    JScan *scan;
    uint32_t at, size;
    unsigned depth;
} Cursor;

static bool parse_value(Cursor *cursor, uint32_t key, uint32_t key_end);

static uint32_t node_new(Cursor *cursor, char kind) {
    JScan *scan = cursor->scan;
    if (scan->count == scan->capacity) {
        uint32_t capacity = scan->capacity * 2;
        scan->nodes =
            arena_grow(cursor->arena, scan->nodes, scan->count, capacity, sizeof *scan->nodes);
        scan->capacity = capacity;
    }
    scan->nodes[scan->count] = (JNode){.kind = kind, .start = cursor->at};
    return scan->count++;
}

static char peek(Cursor *cursor) {
    const char *text = cursor->scan->text;
    while (cursor->at < cursor->size && strchr(" \t\r\n", text[cursor->at]) != NULL &&
           text[cursor->at] != '\0')
        cursor->at++;
    return cursor->at < cursor->size ? text[cursor->at] : '\0';
}

static bool take(Cursor *cursor, char c) {
    if (peek(cursor) != c) return false;
    cursor->at++;
    return true;
}

/* Over a string; [*start, *end) is what stands between the quotes. */
static bool take_string(Cursor *cursor, uint32_t *start, uint32_t *end) {
    if (!take(cursor, '"')) return false;
    const char *text = cursor->scan->text;
    *start = cursor->at;
    while (cursor->at < cursor->size && text[cursor->at] != '"')
        cursor->at += text[cursor->at] == '\\' ? 2 : 1;
    if (cursor->at >= cursor->size) return false;
    *end = cursor->at++;
    return true;
}

static bool parse_members(Cursor *cursor, char close) {
    if (take(cursor, close)) return true;
    do {
        uint32_t key = 0, key_end = 0;
        if (close == '}' && (!take_string(cursor, &key, &key_end) || !take(cursor, ':')))
            return false;
        if (!parse_value(cursor, key, key_end)) return false;
    } while (take(cursor, ','));
    return take(cursor, close);
}

static bool parse_value(Cursor *cursor, uint32_t key, uint32_t key_end) {
    char c = peek(cursor);
    if (c == '\0' || ++cursor->depth > MAX_DEPTH) return false;
    bool nested = c == '{' || c == '[';
    uint32_t index = node_new(cursor, nested || c == '"' ? c : '0');
    uint32_t start = cursor->at, end = start;
    bool ok = true;
    if (nested) {
        cursor->at++;
        ok = parse_members(cursor, c == '{' ? '}' : ']');
        end = cursor->at;
    } else if (c == '"') {
        ok = take_string(cursor, &start, &end);
    } else {
        const char *text = cursor->scan->text;
        while (end < cursor->size && strchr(",}] \t\r\n", text[end]) == NULL) end++;
        ok = end > start;
        cursor->at = end;
    }
    cursor->depth--;
    JNode *node = &cursor->scan->nodes[index];
    *node = (JNode){node->kind, key, key_end, start, end, cursor->scan->count};
    return ok;
}

bool jscan_parse(Arena *arena, const char *text, size_t size, JScan *scan) {
    if (size >= UINT32_MAX) return false;
    uint32_t capacity = (uint32_t)(size / 16 + 16);
    *scan = (JScan){.text = text, .capacity = capacity};
    scan->nodes = ARENA_ARRAY(arena, JNode, capacity);
    Cursor cursor = {.arena = arena, .scan = scan, .size = (uint32_t)size};
    return parse_value(&cursor, 0, 0) && peek(&cursor) == '\0';
}

static bool equals(const JScan *scan, uint32_t start, uint32_t end, const char *text) {
    size_t size = strlen(text);
    return end - start == size && memcmp(scan->text + start, text, size) == 0;
}

bool jscan_key_is(const JScan *scan, uint32_t node, const char *key) {
    return equals(scan, scan->nodes[node].key, scan->nodes[node].key_end, key);
}

uint32_t jscan_find(const JScan *scan, uint32_t object, const char *key) {
    if (object == JSCAN_NONE || scan->nodes[object].kind != '{') return JSCAN_NONE;
    uint32_t end = scan->nodes[object].next;
    for (uint32_t child = object + 1; child < end; child = scan->nodes[child].next)
        if (jscan_key_is(scan, child, key)) return child;
    return JSCAN_NONE;
}

bool jscan_is(const JScan *scan, uint32_t node, const char *text) {
    return node != JSCAN_NONE && equals(scan, scan->nodes[node].start, scan->nodes[node].end, text);
}

static uint32_t hex4(const char *text, const char *end) {
    uint32_t code = 0;
    for (int i = 0; i < 4 && text < end; i++, text++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, *text | 0x20);
        code = code * 16 + (at != NULL && *text != '\0' ? (uint32_t)(at - digits) : 0);
    }
    return code;
}

static void put_utf8(Buf *out, uint32_t code) {
    if (code < 0x80) {
        buf_putc(out, (char)code);
    } else if (code < 0x800) {
        buf_putc(out, (char)(0xC0 | code >> 6));
        buf_putc(out, (char)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        buf_putc(out, (char)(0xE0 | code >> 12));
        buf_putc(out, (char)(0x80 | (code >> 6 & 0x3F)));
        buf_putc(out, (char)(0x80 | (code & 0x3F)));
    } else {
        buf_putc(out, (char)(0xF0 | code >> 18));
        buf_putc(out, (char)(0x80 | (code >> 12 & 0x3F)));
        buf_putc(out, (char)(0x80 | (code >> 6 & 0x3F)));
        buf_putc(out, (char)(0x80 | (code & 0x3F)));
    }
}

/* One escape behind its backslash; returns the byte behind it. */
static const char *unescape(Buf *out, const char *at, const char *end) {
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    const char *name = *at == '\0' ? NULL : strchr(names, *at);
    if (*at != 'u') {
        buf_putc(out, name != NULL ? values[name - names] : *at);
        return at + 1;
    }
    uint32_t code = hex4(at + 1, end);
    at = end - at >= 5 ? at + 5 : end;
    if (code >= 0xD800 && code < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(at + 2, end) - 0xDC00);
        at += 6;
    }
    put_utf8(out, code);
    return at;
}

const char *jscan_text(Arena *arena, const JScan *scan, uint32_t node) {
    if (node == JSCAN_NONE) return NULL;
    const JNode *found = &scan->nodes[node];
    if (found->kind == '{' || found->kind == '[') return NULL;
    const char *at = scan->text + found->start, *end = scan->text + found->end;
    if (memchr(at, '\\', (size_t)(end - at)) == NULL)
        return arena_strndup(arena, at, (size_t)(end - at));
    Buf out = buf_on(arena);
    while (at < end) {
        if (*at != '\\' || at + 1 >= end)
            buf_putc(&out, *at++);
        else
            at = unescape(&out, at + 1, end);
    }
    return buf_text(&out);
}
