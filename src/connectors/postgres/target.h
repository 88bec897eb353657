/* Target: the table that an export writes, and how its columns meet the query's. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_TARGET_H
#define SQLFLOW_CONNECTORS_POSTGRES_TARGET_H

#include "connectors/postgres/wire.h"

typedef enum PgMode { PG_REPLACE, PG_APPEND, PG_UPSERT } PgMode;

typedef struct PgTarget {
    PgMode mode;
    Strings keys;         /* of an upsert, as the table names them */
    PgTable table;        /* oid 0 until it is made */
    const char *schema, *name; /* of the table, there or to be made */
    const char *label;    /* "table public.orders" */
    PgColumns columns;    /* the table's */
    const PgColumn **pairs; /* for each wire its column */
    PgWire *wires;
    size_t count;
    bool plain;           /* no view, rule, policy or row trigger, which may turn rows away */
    bool direct;          /* COPY goes into the table itself, not into a stage */
} PgTarget;

/* Mode and keys of the link; finds the table (oid 0: missing) or at least its schema. */
bool pg_target_find(Session *session, const Link *link, PgConn *conn, const char *destination,
                    PgTarget *target, Error *err);
/* Makes the table when it is missing and create_table allows it. */
bool pg_target_make(Session *session, const Link *link, PgConn *conn, PgTarget *target,
                    Error *err);
/* Pairs the wires with the table's columns by name and decides whether to copy directly. */
bool pg_target_match(Arena *arena, PgConn *conn, PgTarget *target, Error *err);

/* -- merge.c: from the stage into the table */
bool pg_stage_create(PgConn *conn, const PgTarget *target, Error *err);
/* Values must survive the cast to the table's types; keys must be there and be unique. */
bool pg_stage_check(PgConn *conn, const PgTarget *target, Error *err);
/* *written: rows that the server says it has inserted and updated. */
bool pg_stage_merge(PgConn *conn, const PgTarget *target, int64_t *written, Error *err);
/* The rows that a replace takes away; locks out other writers first. */
bool pg_target_clear(PgConn *conn, const PgTarget *target, Error *err);
/* COPY … FROM STDIN into the table or the stage. */
const char *pg_copy_sql(Arena *arena, const PgTarget *target);

#endif
