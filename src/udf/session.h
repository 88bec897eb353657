/* Inside the room: a run's (or a validation's) use of Python functions. */
#ifndef SQLFLOW_UDF_SESSION_H
#define SQLFLOW_UDF_SESSION_H

#include "udf/catalog.h"

/* As much of table functions' results stays in memory as the side database would keep there. */
enum { HELD_BYTES = 256 << 20 };
#define SIDE_MEMORY "256MB"

struct UdfSession {
    Arena *arena;
    UdfSessionConfig config;
    const PythonApi *api;
    UdfRun run;
    Duck *side;      /* outputs of table functions; NULL until the first */
    Strings modules; /* whose @on_setup ran, in that order */
    Map types;       /* type text → duckdb_logical_type */
    int64_t room;    /* bytes of results that Python may hold until the statement is done */
};

/* types.c: the logical type of a text ("DECIMAL(10,2)"), owned by the session; NULL with err. */
void *session_type(UdfSession *session, const Udf *udf, const char *type, Error *err);
void session_types_free(UdfSession *session);

/* scan.c: registers the table function that gives the rows of a call. */
bool scan_register(Duck *duck, UdfTableCall *call, Error *err);

#endif
