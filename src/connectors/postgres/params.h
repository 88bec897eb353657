/* Params: a link's options as libpq's connection parameters, made once per step.
 * Read-only afterwards, so worker threads may open connections from it. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_PARAMS_H
#define SQLFLOW_CONNECTORS_POSTGRES_PARAMS_H

#include "connectors/connector.h"

enum { PG_MAX_PARAMS = 48 };

typedef struct PgParams {
    const char *keys[PG_MAX_PARAMS + 1], *values[PG_MAX_PARAMS + 1]; /* NULL-terminated */
    size_t count;
    const char *label; /* "postgres connection 'warehouse' (db.example:5432/analytics)" */
    const char *host;  /* the one to resolve; NULL: a socket, a list, or an address is given */
    const char *setup; /* the session's SET statements */
    double connect_timeout; /* seconds, > 0 */
    double timeout; /* seconds of silence that are borne; 0: no bound */
    const volatile int *stop;
    bool asking; /* of the session that asks about another one: it does not ask further */
} PgParams;

/* Options win over connection_string, this over PG* and service files, these over defaults.
 * sslmode defaults to verify-full for remote hosts and prefer for loopback and sockets. */
bool pg_params(Session *session, const Link *link, PgParams *params, Error *err);

/* True for sockets, localhost and loopback addresses; NULL and "" are the default socket. A list
 * is local when all of it is. */
bool pg_host_is_local(const char *host);

#endif
