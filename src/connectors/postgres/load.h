/* Opens libpq when the first PostgreSQL connection is made and fills pq_api (build/gen).
 * The program is not linked against it, so that commands without a server start at once. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_LOAD_H
#define SQLFLOW_CONNECTORS_POSTGRES_LOAD_H

#include "base/error.h"

/* ERR_LIBRARY when libpq.so.5 is missing or too old. Loaded once per process. */
bool pg_load(Error *err);

#endif
