/* Publish: an export into a table, as one transaction of the server. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_PUBLISH_H
#define SQLFLOW_CONNECTORS_POSTGRES_PUBLISH_H

#include "connectors/connector.h"

bool pg_publish(Session *session, const Link *link, const WriteSpec *spec, const Staged *staged,
                Receipt *receipt, Error *err);

#endif
