/* Query text: what a user's SELECT needs to stand in parentheses. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_QUERYTEXT_H
#define SQLFLOW_CONNECTORS_POSTGRES_QUERYTEXT_H

#include <stddef.h>

/* Length of the query without the semicolons, blanks and comments behind its last word. */
size_t pg_query_end(const char *query);

#endif
