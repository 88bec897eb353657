/* Inside the room: a run's (or a validation's) use of Python functions. */
#ifndef SQLFLOW_UDF_SESSION_H
#define SQLFLOW_UDF_SESSION_H

#include "udf/catalog.h"

struct UdfSession {
    Arena *arena;
    UdfSessionConfig config;
    const PythonApi *api;
    UdfRun run;
    Duck *side;      /* outputs of table functions; NULL until the first */
    Strings modules; /* whose @on_setup ran, in that order */
    Map types;       /* type text → duckdb_logical_type */
    int64_t memory;  /* bytes that the side database may keep, and Python of results not there */
    int64_t room;    /* of the latter, what is left for the statement's further calls */
};

/* types.c: the logical type of a text ("DECIMAL(10,2)"), owned by the session; NULL with err. */
void *session_type(UdfSession *session, const Udf *udf, const char *type, Error *err);
void session_types_free(UdfSession *session);

/* scan.c: registers the table function that gives the rows of a call. */
bool scan_register(Duck *duck, UdfTableCall *call, Error *err);

#endif
