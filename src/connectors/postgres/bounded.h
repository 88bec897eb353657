/* Blocking calls with an end: name resolution and libpq's cancel know no timeout of their own, so
 * each runs in a thread that is left behind when it takes too long. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_BOUNDED_H
#define SQLFLOW_CONNECTORS_POSTGRES_BOUNDED_H

#include "base/error.h"

enum { PG_ADDRESSES_MAX = 1024 };

/* The addresses of a host, as the comma separated list that libpq's hostaddr takes; *count gets
 * their number. Errors: ERR_CONNECTION (transient unless the name is unknown), ERR_INTERRUPTED. */
bool pg_resolve(const char *host, double seconds, const volatile int *stop,
                char out[PG_ADDRESSES_MAX], int *count, Error *err);

/* Asks the server to cancel what the connection runs and waits at most 2 s for the request to be
 * delivered. `cancel` is a PGcancel, owned from now on; NULL is allowed. */
void pg_cancel(void *cancel);

#endif
