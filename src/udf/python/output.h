/* Where a table function's rows go: a table of the side database. */
#ifndef SQLFLOW_UDF_PYTHON_OUTPUT_H
#define SQLFLOW_UDF_PYTHON_OUTPUT_H

#include "udf/python/arrow.h"

typedef struct Output {
    TableJob *job;
    bool created; /* the table exists; `columns` are its */
    Columns columns;
    Py_ssize_t rows; /* of the pieces so far */
} Output;

/* All on Python's thread with the GIL held; pieces come from _data.pieces. false with err filled; a
 * pending Python error is left to the caller. */
bool output_arrow(Output *output, struct ArrowArrayStream *stream, Error *err);
/* names: list of str, types: list of str or None, columns: list of lists of equal length. */
bool output_values(Output *output, PyObject *names, PyObject *types, PyObject *columns, Error *err);
/* batches.c: hands a whole pyarrow.Table over as it is. *taken is false when it cannot be: too
 * large, or with types that need a conversion. */
bool output_hand_over(Output *output, PyObject *table, bool *taken, Error *err);
/* No piece came: an empty table of the declared columns. */
bool output_finish(Output *output, Error *err);

#endif
