/* A registered scalar function: shared by scalar.c (row by row) and vector.c (arrays). */
#ifndef SQLFLOW_UDF_PYTHON_CALL_H
#define SQLFLOW_UDF_PYTHON_CALL_H

#include "udf/python/host.h"

/* Used on Python's thread only, so it needs no lock. */
struct ScalarCall {
    UdfUse *use;
    UdfRun *run;
    size_t count;       /* arguments */
    PyObject *function; /* borrowed: the catalog keeps it */
    PyObject *keywords; /* names of those passed by name, or NULL */
    Reader *readers;
    bool *any; /* argument i is of any type: its reader is made for each chunk */
    Writer writer;
    Arena *scratch;          /* of messages */
    struct Vectors *vectors; /* vectorized functions; else NULL */
};

#endif
