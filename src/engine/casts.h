/* Casts that keep the value or fail: which type changes are exact, and the SQL that checks the
 * others row by row. */
#ifndef SQLFLOW_ENGINE_CASTS_H
#define SQLFLOW_ENGINE_CASTS_H

#include "base/buf.h"
#include "engine/duck.h"

typedef enum CastKind {
    CAST_EXACT,      /* every value is kept: a plain cast */
    CAST_CHECKED,    /* each value must be checked */
    CAST_IMPOSSIBLE, /* the types do not mix */
} CastKind;

/* A list, array, struct, map or union. */
bool type_is_nested(const char *type);
CastKind cast_kind(const char *from, const char *to);
/* True where a cast needs no check, or its way back would not be the same one (JSON, intervals and
 * the like). */
bool cast_is_plain(const char *from, const char *to);
/* Writes the expression that casts column `name` (of type `from`) to `to`. A checked one calls
 * error() with a message that cast_error_read understands; it needs `row` (an SQL expression for
 * the row's number, '' when there is none). */
void cast_expression(Buf *out, const Column *from, const char *to, const char *row);
/* The condition under which text `x`, an SQL expression, can be cast to `to` and keeps its
 * value. */
const char *cast_text_check(Arena *arena, const char *x, const char *to);
/* `x` cast to `to` where the condition holds or it is NULL; else `failure`, which calls error(). */
const char *cast_if(Arena *arena, const char *condition, const char *x, const char *to,
                    const char *failure);
/* Turns the message of a failed check into ERR_CAST; false when it is some other error. */
bool cast_error_read(Error *err);

#endif
