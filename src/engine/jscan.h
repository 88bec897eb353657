/* JScan: reads the JSON that DuckDB gives (parse trees, errors) into one flat array, without
 * copying. For text that a machine wrote: malformed text is refused without a position. */
#ifndef SQLFLOW_ENGINE_JSCAN_H
#define SQLFLOW_ENGINE_JSCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct JNode {
    char kind; /* '{', '[', '"' or '0' (number, true, false, null) */
    uint32_t key, key_end;   /* the member's name; equal when there is none */
    uint32_t start, end;     /* the bytes, of strings without quotes */
    uint32_t next;           /* index of the node behind this one and all below it */
} JNode;

/* Node 0 is the top. The first child of node i is i + 1 (when that is < nodes[i].next), the next
 * one is nodes[child].next. */
typedef struct JScan {
    const char *text;
    JNode *nodes;
    uint32_t count, capacity;
} JScan;

#define JSCAN_NONE UINT32_MAX

bool jscan_parse(Arena *arena, const char *text, size_t size, JScan *scan);
/* The member of an object; JSCAN_NONE when absent or `object` is JSCAN_NONE or no object. */
uint32_t jscan_find(const JScan *scan, uint32_t object, const char *key);
/* Is this node the text `text`? false for JSCAN_NONE. */
bool jscan_is(const JScan *scan, uint32_t node, const char *text);
bool jscan_key_is(const JScan *scan, uint32_t node, const char *key);
/* A string unescaped, or a number as written; NULL for JSCAN_NONE, lists and objects. */
const char *jscan_text(Arena *arena, const JScan *scan, uint32_t node);

#endif
