/* Cursors: the typed values by which increments are read. */
#ifndef SQLFLOW_RUN_CURSOR_H
#define SQLFLOW_RUN_CURSOR_H

#include "run/context.h"

/* CAST('value' AS type) */
const char *cursor_literal(Arena *arena, const char *value, const char *type);
/* Is the type usable as a cursor? ERR_CURSOR_TYPE tells what to do else. */
bool cursor_check_type(StepContext *ctx, const char *column, const char *type, bool text_allowed,
                       Span span, Error *err);
/* The literal of watermark − lookback, NULL when every value lies above it; `lookback` NULL: the
 * watermark itself. */
bool cursor_lower(StepContext *ctx, const Watermark *watermark, const char *lookback,
                  const char **lower, Error *err);
/* max(column) of a relation as text; *value NULL when there are no rows. */
bool cursor_max(StepContext *ctx, const char *relation, const char *column, const char **value,
                Error *err);
/* ERR_FUTURE_CURSOR when the highest value of a column is a date or time more than an hour ahead of
 * now. `now` as in Relation; NULL: this machine's UTC or, for types without a zone, its local time
 * when that is later. */
typedef struct CursorHighest {
    const char *column, *value, *type, *now;
} CursorHighest;
bool cursor_check_future(StepContext *ctx, const CursorHighest *highest, Error *err);
/* ERR_NULL_CURSOR with a count when rows of the relation have NULL in the column. */
bool cursor_check_nulls(StepContext *ctx, const char *relation, const char *column, Error *err);
/* -1, 0, 1: how two values of a type compare. */
bool cursor_compare(StepContext *ctx, const char *a, const char *b, const char *type, int *order,
                    Error *err);
/* Can a watermark of `stored` type bound a cursor of `type`? Times with and without a zone are two
 * things: only the source knows which zone those without one are in. */
bool cursor_type_fits(const char *stored, const char *type);
/* ERR_STATE_MISMATCH when the stored watermark was taken by another cursor, type or key. */
bool cursor_check_state(StepContext *ctx, const StateKey *key, const Watermark *stored,
                        const char *type, const char *fingerprint, Error *err);
/* The key under which this step remembers how far it came; that it does is noted in the run. */
StateKey step_state_key(StepContext *ctx, const char *source, const char *cursor);
/* Does the target hold rows of before the run? */
bool target_had_rows(StepContext *ctx, bool *had, Error *err);
/* ERR_NO_WATERMARK: appending to a filled table that no watermark belongs to. */
bool refuse_append(StepContext *ctx, const StateKey *key, Error *err);
/* run/anew.c: ctx->anew tells whether a load builds its target anew: by its mode, because there is
 * none, or as the first step to write it in a --full-refresh. Then all that loads remember of it
 * goes. */
bool begin_load(StepContext *ctx, ModeKind mode, Error *err);
/* The table's rows go: what loads remember of having brought them goes, too, so that none leaves
 * rows out that are no longer there. Warns of loads that do not run now. */
bool forget_loads(StepContext *ctx, const TableName *table, Error *err);

/* A target that is built anew from no file at all: its rows go, the columns stay, since nothing
 * tells others. No target is none afterwards. */
bool load_nothing(StepContext *ctx, Error *err);

/* run/ parts that use them */
bool load_by_cursor(StepContext *ctx, ModeKind mode, Error *err);
bool load_by_file(StepContext *ctx, ModeKind mode, Error *err);
/* INCREMENTAL BY: of a query with time macros, or of a source (then `query` is NULL). */
bool incremental_by(StepContext *ctx, Error *err);

/* Opens a source for reading, with its retries: *query is "SELECT * FROM …". The relation must be
 * kept open, and where it is, while the query runs. */
bool source_open(StepContext *ctx, const ReadSpec *spec, Relation *relation, const char **query,
                 Error *err);
void source_close(StepContext *ctx, Relation *relation);

#endif
