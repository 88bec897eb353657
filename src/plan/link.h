/* A Link from what _sqlflow.exports keeps of it: for exports that an earlier run left pending. */
#ifndef SQLFLOW_PLAN_LINK_H
#define SQLFLOW_PLAN_LINK_H

#include "connectors/connector.h"
#include "project/project.h"

typedef struct LinkRecord {
    const char *connector, *connection; /* connection may be NULL */
    const char *options;                /* JSON object without secrets; may be NULL */
} LinkRecord;

/* Fills `link`; secrets come from the profile's connection. */
bool link_restore(Arena *arena, const Project *project, const LinkRecord *record, Link *link,
                  Error *err);

#endif
