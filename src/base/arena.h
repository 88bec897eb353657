/* Arenas: memory that lives as long as a command or a step, freed in one go.
 * Every pointer handed out is zeroed, aligned for any type and owned by the arena.
 * Out of memory aborts the program with a message: callers never check for NULL. */
#ifndef SQLFLOW_BASE_ARENA_H
#define SQLFLOW_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
/* Frees the arena and all it handed out. NULL is allowed. */
void arena_free(Arena *arena);
/* For `AUTO_ARENA scratch = arena_new();`. */
void arena_cleanup(Arena **arena);

void *arena_alloc(Arena *arena, size_t size);
/* `count * size` bytes; aborts when the product overflows. */
void *arena_array(Arena *arena, size_t count, size_t size);
/* Copies `count` items into room for `capacity` (>= count). `items` may be NULL when count is 0. */
void *arena_grow(Arena *arena, const void *items, size_t count, size_t capacity, size_t size);

/* NUL-terminated copies. `text` may be NULL only for arena_strdup, which then returns NULL. */
char *arena_strdup(Arena *arena, const char *text);
char *arena_strndup(Arena *arena, const char *text, size_t size);
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#define AUTO_ARENA __attribute__((cleanup(arena_cleanup))) Arena *
#define ARENA_NEW(arena, Type) ((Type *)arena_alloc((arena), sizeof(Type)))
#define ARENA_ARRAY(arena, Type, count) ((Type *)arena_array((arena), (count), sizeof(Type)))

/* Appends to a `{ T *items; size_t count, capacity; }` list that lives in `arena`; yields a
 * pointer to the new, zeroed last item. */
#define LIST_PUSH(arena, list)                                                                    \
    ((list)->count == (list)->capacity                                                            \
         ? (void)((list)->capacity = (list)->capacity ? (list)->capacity * 2 : 8,                 \
                  (list)->items = arena_grow((arena), (list)->items, (list)->count,               \
                                             (list)->capacity, sizeof *(list)->items))            \
         : (void)0,                                                                               \
     &(list)->items[(list)->count++])

#endif
