/* Errors of PostgreSQL: SQLSTATE to code, transience and hint; messages without secrets. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_FAIL_H
#define SQLFLOW_CONNECTORS_POSTGRES_FAIL_H

#include "base/error.h"

typedef struct PgState {
    ErrorCode code;
    bool transient;
    const char *hint; /* "" when there is nothing to say */
} PgState;

/* What a SQLSTATE means (behaviour.md 8.4: 08, 40, 53, 57P, 55P03 and timeouts are transient).
 * NULL or "" stands for an error without one: the connection broke. */
PgState pg_state(const char *sqlstate);

/* Where a connection attempt failed, as the stages of `connect test` are named. */
typedef enum PgStage {
    PG_STAGE_RESOLVE,
    PG_STAGE_CONNECT,
    PG_STAGE_TLS,
    PG_STAGE_AUTHENTICATE,
    PG_STAGE_DATABASE,
} PgStage;

/* Fills err from the text libpq gives for a failed attempt (verbose form, so that the server's
 * SQLSTATE is in it); returns the stage that failed. `label` names the connection. */
PgStage pg_connect_failure(const char *label, const char *libpq_text, Error *err);

/* Sets err with libpq's or the server's words: whitespace trimmed, secrets masked. */
bool pg_error_text(Error *err, ErrorCode code, const char *label, const char *text);

#endif
