/* Links outside of a run: connections of the profile, and sources and exports of a plan, asked
 * whether they answer. */
#ifndef SQLFLOW_CLI_LINKS_H
#define SQLFLOW_CLI_LINKS_H

#include "cli/context.h"

/* The profile's connection of that name; NULL with err, which names those that there are. */
const Connection *connection_named(Context *context, const char *name, Error *err);
/* The connection's options, expanded and checked. Problems go to context->diags. */
bool link_of_connection(Context *context, const Connection *connection, Link *link);
/* A session on an in-memory database of its own; close it with session_close. */
bool session_open(Context *context, Session *session);
void session_close(Session *session);
/* Asks every source for its columns and probes every connection that is exported to. */
bool links_check_live(Context *context, const Plan *plan);

#endif
