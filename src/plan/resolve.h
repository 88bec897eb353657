/* What the files of resolve share: the statement at hand, and how names, connections and
 * connectors are looked up. */
#ifndef SQLFLOW_PLAN_RESOLVE_H
#define SQLFLOW_PLAN_RESOLVE_H

#include "plan/subst.h"

typedef struct Resolver {
    Arena *arena;
    const Script *script;
    const Project *project;
    Pipeline *pipeline;
    Diags *diags;
    Subst subst;
    Strings used_connections;
} Resolver;

/* What data comes from or goes to. */
typedef struct Endpoint {
    const Connector *connector;
    const char *connection; /* of the profile; NULL when none */
    Value *inherited;       /* the connection's options, expanded; NULL when none */
} Endpoint;

/* A new step at the end; the pointer is valid until the next one. */
Step *resolver_step(Resolver *resolver, StepKind kind, const Stmt *stmt);
/* The name of a table that is written or exported; false after reporting an error. */
bool resolver_table(Resolver *resolver, Text name, TableName *table);
/* False with an error for the schema of the state. */
bool resolver_may_use(Resolver *resolver, const char *schema, Span span);
/* A name of one part (column, source, assertion); NULL after reporting an error. */
const char *resolver_column(Resolver *resolver, Text name);
/* The query with its variables; a harmless one when a variable is missing. */
SqlText resolver_query(Resolver *resolver, Text query);
void resolver_mode(Resolver *resolver, const Mode *mode, Step *step);

/* By TYPE; false after reporting an unknown one. */
bool endpoint_by_type(Resolver *resolver, const char *type, Span span, Endpoint *endpoint);
/* By a connection's name; false after reporting an error. */
bool endpoint_by_connection(Resolver *resolver, const char *name, Span span, Endpoint *endpoint);
bool endpoint_of(Resolver *resolver, const Connection *connection, Endpoint *endpoint);
/* {"connection": "name"}, an older way to name one: taken out of the options; NULL when absent. */
const Value *resolver_take_connection(Value *own);
/* Fills the link, whose name, connector, connection and span are set from the endpoint. */
bool endpoint_link(Resolver *resolver, const Endpoint *endpoint, OptionUse use, const Value *own,
                   Link *link);

void resolve_source(Resolver *resolver, const Stmt *stmt);
void resolve_load(Resolver *resolver, const Stmt *stmt);
void resolve_create(Resolver *resolver, const Stmt *stmt);
void resolve_export(Resolver *resolver, const Stmt *stmt);
void resolve_assert(Resolver *resolver, const Stmt *stmt);
void resolve_sql(Resolver *resolver, const Stmt *stmt);
/* After all statements: binds LOADs to their sources, which may stand behind them. */
void resolve_load_sources(Resolver *resolver);

#endif
