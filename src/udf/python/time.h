/* Dates and times between DuckDB (days, microseconds, … since 1970) and Python's datetime. */
#ifndef SQLFLOW_UDF_PYTHON_TIME_H
#define SQLFLOW_UDF_PYTHON_TIME_H

#include "udf/python/host.h"

bool time_init(void);
bool time_is(int type); /* one of DuckDB's date and time types that are known here */
/* Element `row` of a vector's data. NULL with a Python error when Python has no such value. */
PyObject *time_to_python(int type, const void *data, uint64_t row);
/* Writes element `row`. false: the value is not of the type, or `why` says why it does not fit. */
bool time_from_python(int type, void *data, uint64_t row, PyObject *value, Buf *why);

#endif
