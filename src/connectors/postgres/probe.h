/* Probe: `connect test` for postgres, stage by stage. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_PROBE_H
#define SQLFLOW_CONNECTORS_POSTGRES_PROBE_H

#include "connectors/connector.h"

bool pg_probe(Session *session, const Link *link, ProbeReport *report, Error *err);

#endif
