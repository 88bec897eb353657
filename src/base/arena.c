/* Arenas: a list of growing chunks; large requests get a chunk of their own.
 * Nothing is freed before the arena is. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Chunk {
    struct Chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
} Chunk;

struct Arena {
    Chunk *chunks;
    size_t next_size;
};

enum { FIRST_CHUNK = 8 * 1024, LARGEST_CHUNK = 1024 * 1024 };

static _Noreturn void out_of_memory(size_t size) {
    fprintf(stderr, "sqlflow: out of memory (asked for %zu bytes)\n", size);
    abort();
}

Arena *arena_new(void) {
    Arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL) out_of_memory(sizeof *arena);
    arena->next_size = FIRST_CHUNK;
    return arena;
}

void arena_free(Arena *arena) {
    if (arena == NULL) return;
    for (Chunk *chunk = arena->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

void arena_cleanup(Arena **arena) { arena_free(*arena); }

static Chunk *chunk_new(size_t size) {
    if (size > SIZE_MAX / 2) out_of_memory(size);
    Chunk *chunk = calloc(1, sizeof *chunk + size);
    if (chunk == NULL) out_of_memory(size);
    chunk->size = size;
    return chunk;
}

void *arena_alloc(Arena *arena, size_t size) {
    if (size > SIZE_MAX / 2) out_of_memory(size);
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    Chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < rounded) {
        size_t wanted = rounded > arena->next_size ? rounded : arena->next_size;
        chunk = chunk_new(wanted);
        chunk->next = arena->chunks;
        arena->chunks = chunk;
        if (arena->next_size < LARGEST_CHUNK) arena->next_size *= 2;
    }
    void *memory = chunk->data + chunk->used;
    chunk->used += rounded;
    return memory;
}

void *arena_array(Arena *arena, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) out_of_memory(SIZE_MAX);
    return arena_alloc(arena, total);
}

void *arena_grow(Arena *arena, const void *items, size_t count, size_t capacity, size_t size) {
    void *grown = arena_array(arena, capacity, size);
    if (count > 0) memcpy(grown, items, count * size);
    return grown;
}

char *arena_strndup(Arena *arena, const char *text, size_t size) {
    char *copy = arena_alloc(arena, size + 1);
    if (size > 0) memcpy(copy, text, size);
    return copy;
}

char *arena_strdup(Arena *arena, const char *text) {
    return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(Arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0) out_of_memory(0);
    char *text = arena_alloc(arena, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, args);
    return text;
}

char *arena_printf(Arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}
