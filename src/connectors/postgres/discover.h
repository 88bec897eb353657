/* Discover: the tables and views that the connection's role can read. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_DISCOVER_H
#define SQLFLOW_CONNECTORS_POSTGRES_DISCOVER_H

#include "connectors/connector.h"

bool pg_discover(Session *session, const Link *link, Objects *objects, Error *err);

#endif
