/* Wire: how a DuckDB column travels to PostgreSQL. A column goes either as the type that is
 * natural for it, or, where that loses nothing, as the type of the table's column. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_WIRE_H
#define SQLFLOW_CONNECTORS_POSTGRES_WIRE_H

#include "connectors/postgres/columns.h"
#include "duck_api.h"

typedef struct PgWire {
    const char *name;
    duckdb_type source;  /* of the vector, or of the lists' leaves */
    int depth;           /* of nested LISTs */
    int width, scale;    /* of a DECIMAL */
    PgKind kind;         /* how a leaf is written */
    uint32_t oid;        /* its type there, which arrays carry along */
    int32_t max_chars;   /* of varchar(n) and char(n); 0: any */
    const char *pg_type; /* natural type as SQL, with [] */
    const char *select;  /* what the SELECT around the query holds for it */
} PgWire;

/* The natural form of a column. Types without one go as text or json (structs, maps). */
PgWire pg_wire_natural(Arena *arena, const char *name, duckdb_logical_type type);
/* Changes the wire to the target column's own type and returns true when every value of the
 * source arrives unchanged (or is refused by a length check); else leaves it alone. */
bool pg_wire_fits(PgWire *wire, const PgColumn *target);

#endif
