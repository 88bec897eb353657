/* Map: open addressing over an insertion-ordered array. See map.h. */
#include "base/map.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

Map map_on(Arena *arena) { return (Map){.arena = arena}; }

Map map_exact_on(Arena *arena) { return (Map){.arena = arena, .exact = true}; }

static size_t hash(const char *key) {
    size_t h = 1469598103934665603u;
    for (; *key; key++) h = (h ^ (size_t)tolower((unsigned char)*key)) * 1099511628211u;
    return h ^ (h >> 29);
}

static bool is_key(const Map *map, size_t slot, const char *key) {
    const char *there = map->entries[map->slots[slot] - 1].key;
    return map->exact ? str_eq(there, key) : str_ieq(there, key);
}

/* The slot that holds `key`, or the empty one where it would go. */
static size_t find_slot(const Map *map, const char *key) {
    size_t slot = hash(key) & (map->slot_count - 1);
    while (map->slots[slot] != 0 && !is_key(map, slot, key))
        slot = (slot + 1) & (map->slot_count - 1);
    return slot;
}

static void rehash(Map *map) {
    map->slot_count = map->slot_count ? map->slot_count * 2 : 16;
    map->slots = ARENA_ARRAY(map->arena, size_t, map->slot_count);
    for (size_t i = 0; i < map->count; i++) map->slots[find_slot(map, map->entries[i].key)] = i + 1;
}

void map_set(Map *map, const char *key, void *value) {
    if ((map->count + 1) * 2 > map->slot_count) rehash(map);
    size_t slot = find_slot(map, key);
    if (map->slots[slot] != 0) {
        map->entries[map->slots[slot] - 1].value = value;
        return;
    }
    if (map->count == map->capacity) {
        map->capacity = map->capacity ? map->capacity * 2 : 8;
        map->entries =
            arena_grow(map->arena, map->entries, map->count, map->capacity, sizeof(MapEntry));
    }
    map->entries[map->count++] = (MapEntry){arena_strdup(map->arena, key), value};
    map->slots[slot] = map->count;
}

bool map_has(const Map *map, const char *key) {
    return map->slot_count > 0 && map->slots[find_slot(map, key)] != 0;
}

void *map_get(const Map *map, const char *key) {
    if (map->slot_count == 0) return NULL;
    size_t index = map->slots[find_slot(map, key)];
    return index == 0 ? NULL : map->entries[index - 1].value;
}
