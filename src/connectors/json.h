/* What the files of the json connector share. */
#ifndef SQLFLOW_CONNECTORS_JSON_H
#define SQLFLOW_CONNECTORS_JSON_H

#include "connectors/files.h"

/* How read_json is called: read_json([…]<options>). */
typedef struct JsonCall {
    const FileCall *files;
    const char *paths;   /* "['a', 'b']" */
    const char *format;  /* ", format = 'array'" or "" */
    const char *packing; /* compression and size of objects: how bytes become objects */
    const char *options; /* all the rest */
    Columns columns;     /* as the reader gives them */
} JsonCall;

/* DuckDB reads numbers past 64 bits and fractions as DOUBLE, which changes long ones. The call,
 * with checks around it that fail with DUCK_INEXACT on a number that may have been changed;
 * *guarded says whether there are any. */
const char *json_guarded(const JsonCall *call, const char *reader, bool *guarded);
/* Looks at the numbers as they are written. Columns that would change get a type that keeps them,
 * in call->columns and as ", columns = …" appended to `out`; where there is none it fails. */
bool json_keep_numbers(JsonCall *call, long long limit, Buf *out, Error *err);

/* See FileFormat.checked (json_write.c). */
bool json_checked(Session *session, const Link *link, const char *query, const char **checked,
                  Error *err);

#endif
