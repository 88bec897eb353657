/* PgConn: one libpq connection whose every wait is bounded and ends at once on an interrupt.
 * Used by one thread at a time; owns nothing but the connection, so any thread may close it. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_CONN_H
#define SQLFLOW_CONNECTORS_POSTGRES_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "connectors/postgres/fail.h"
#include "connectors/postgres/params.h"
#include "pq_api.h"

typedef struct PgConn {
    PGconn *pq; /* NULL when closed */
    const char *label;
    const PgParams *params; /* to ask about this session over another; NULL: do not */
    const volatile int *stop;
    double timeout;
    int version; /* 150020 for 15.20 */
} PgConn;

/* Reached stages are told to `trace` (may be NULL), in order; the one that fails is not. */
typedef struct PgTrace {
    void *context;
    void (*reached)(void *context, PgStage stage, const char *detail);
    PgStage failed; /* set when pg_open fails */
} PgTrace;

/* Connects and makes the session's settings. */
bool pg_open(const PgParams *params, PgConn *conn, PgTrace *trace, Error *err);
/* Closes; a statement that still runs is cancelled on the server first. */
void pg_close(PgConn *conn);
void pg_conn_cleanup(PgConn *conn);
#define AUTO_PGCONN __attribute__((cleanup(pg_conn_cleanup))) PgConn
void pg_result_cleanup(PGresult **result);
#define AUTO_PGRESULT __attribute__((cleanup(pg_result_cleanup))) PGresult *

/* Runs statements (several only without parameters) to the end; *result (may be NULL) gets the
 * last one's. A COPY result is returned as it starts. Errors carry SQLSTATE, hint, transience. */
bool pg_exec(PgConn *conn, const char *sql, PGresult **result, Error *err);
bool pg_execf(PgConn *conn, Error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One statement with text parameters; NULL is SQL NULL. */
typedef struct PgArgs {
    int count;
    const char *const *values;
} PgArgs;
bool pg_exec_args(PgConn *conn, const char *sql, PgArgs args, PGresult **result, Error *err);
/* Columns of a statement without running it. */
bool pg_describe(PgConn *conn, const char *sql, PGresult **result, Error *err);

/* COPY TO: the next message in *data (to be freed with PQfreemem), its size as return value; 0
 * at the end, -1 on error. */
int pg_copy_get(PgConn *conn, char **data, Error *err);
/* COPY FROM: sends; waits until all of it is on its way. */
bool pg_copy_put(PgConn *conn, const void *data, size_t size, Error *err);
/* Ends COPY FROM; *rows gets the server's count. */
bool pg_copy_end(PgConn *conn, int64_t *rows, Error *err);

/* Text of a field; NULL for NULL. */
const char *pg_field(const PGresult *result, int row, int column);
int64_t pg_field_int(const PGresult *result, int row, int column);

#endif
