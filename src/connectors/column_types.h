/* The option column_types: DuckDB types that take the place of a source's own. */
#ifndef SQLFLOW_CONNECTORS_COLUMN_TYPES_H
#define SQLFLOW_CONNECTORS_COLUMN_TYPES_H

#include "base/buf.h"
#include "connectors/connector.h"

/* Text that can be a type and nothing else. */
bool column_type_is(const char *text);
/* The error about an option that names a column which is not there; returns false. */
bool column_is_missing(const Link *link, const Columns *columns, const char *option,
                       const char *name, Error *err);
/* DuckDB's own name of a type that may be written in several ways; an error at the value for what
 * is no type. */
bool column_type_name(Session *session, const Value *type, const char **name, Error *err);
/* All columns of column_types are there, and the types look like some. */
bool column_types_check(const Link *link, const Columns *columns, Error *err);
/* Appends " REPLACE (…)", for a SELECT * over `columns`, that casts what column_types names and
 * fails on a value that would change; nothing without the option. The columns get the types. */
bool column_types_put(Session *session, const Link *link, Columns *columns, Buf *out, Error *err);

#endif
