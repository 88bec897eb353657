/* Time macros: @start_dt, @end_dt, @start_date, @end_date in the query of an incremental table. */
#ifndef SQLFLOW_PLAN_MACROS_H
#define SQLFLOW_PLAN_MACROS_H

#include <stdbool.h>

#include "base/buf.h"

/* The window being computed; texts are timestamps ("2024-01-31 00:00:00"). */
typedef struct Window {
    const char *start, *end;
} Window;

/* The query with the macros replaced by TIMESTAMP and DATE literals; itself when it has none.
 * Strings, quoted names and comments are left alone. */
const char *macros_expand(Arena *arena, const char *sql, const Window *window);

#endif
