/* PIVOT without IN is several statements to DuckDB (it first asks for the values), which its
 * serializer refuses. For reading tables and functions out of it, any values will do. */
#ifndef SQLFLOW_ENGINE_SQLINFO_PIVOT_H
#define SQLFLOW_ENGINE_SQLINFO_PIVOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct PivotInsert {
    size_t at;   /* offset in the original text */
    size_t size; /* bytes that were put in there */
} PivotInsert;

typedef struct PivotRewrite {
    const char *sql;
    struct {
        PivotInsert *items;
        size_t count, capacity;
    } inserts; /* ascending */
} PivotRewrite;

/* Gives every `ON x` of a PIVOT without IN the form `ON ((x)) IN (0)`. false when there is none. */
bool pivot_rewrite(Arena *arena, const char *sql, PivotRewrite *rewrite);
/* An offset in the rewritten text as one in the original; -1 stays. */
int64_t pivot_offset(const PivotRewrite *rewrite, int64_t offset);

#endif
