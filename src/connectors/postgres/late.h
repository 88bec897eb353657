/* Late commits: which watermark is safe when writers take their cursor values early and commit
 * late (behaviour.md 8.3). Also the cursor's expression and literals, both ways. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_LATE_H
#define SQLFLOW_CONNECTORS_POSTGRES_LATE_H

#include "connectors/postgres/columns.h"

typedef struct PgLate {
    const char *safe_upper; /* DuckDB literal; below every value for a first read that stays */
    const char *token;      /* the first snapshot, as text */
    const char *now;        /* see Relation.now */
    bool stays;             /* the watermark must not move */
} PgLate;

/* "cursor >= bound" for a DuckDB literal, NULLs let through when asked for. */
bool pg_cursor_bound(Session *session, const PgSource *source, const ReadSpec *spec,
                     const char **sql, Error *err);

/* Takes the first snapshot, then waits until every transaction that was open in it has ended, at
 * most late_wait seconds. The connection must not be in a transaction. `filter` is " WHERE …" or
 * "". */
typedef struct PgLateSpec {
    const PgSource *source;
    const ReadSpec *read;
    const char *filter;
    double wait; /* seconds */
    Span span;   /* for the warning */
} PgLateSpec;
bool pg_late_wait(Session *session, PgConn *conn, const PgLateSpec *spec, PgLate *late,
                  Error *err);

/* Texts of dates before Christ, which the two write differently. Other texts stay as they are. */
const char *pg_bc_to_postgres(Arena *arena, const char *duck_text);
const char *pg_bc_to_duck(Arena *arena, const char *pg_text);

#endif
