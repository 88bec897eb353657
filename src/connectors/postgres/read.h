/* Read: schema and relation of the postgres connector. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_READ_H
#define SQLFLOW_CONNECTORS_POSTGRES_READ_H

#include "connectors/connector.h"

bool pg_read_schema(Session *session, const Link *link, Columns *columns, Error *err);
bool pg_read_relation(Session *session, const Link *link, const ReadSpec *spec,
                      Relation *relation, Error *err);

#endif
