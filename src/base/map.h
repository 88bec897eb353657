/* Map: text keys (kept as written; ASCII case is ignored unless the map is exact) to pointers, in
 * insertion order. */
#ifndef SQLFLOW_BASE_MAP_H
#define SQLFLOW_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

typedef struct MapEntry {
    const char *key;
    void *value;
} MapEntry;

typedef struct Map {
    Arena *arena;
    MapEntry *entries; /* in insertion order; `count` of them */
    size_t count, capacity;
    size_t *slots; /* index + 1 into entries, 0 = empty */
    size_t slot_count;
    bool exact; /* keys that differ in case are two keys */
} Map;

Map map_on(Arena *arena);
/* For keys that are no names: paths, values, options as given. */
Map map_exact_on(Arena *arena);
/* Sets or replaces. The key is copied; the value is not and may be NULL. */
void map_set(Map *map, const char *key, void *value);
/* The value, or NULL when the key is not there (use map_has to tell a NULL value). */
void *map_get(const Map *map, const char *key);
bool map_has(const Map *map, const char *key);

#endif
