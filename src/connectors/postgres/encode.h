/* Encode: chunks of DuckDB vectors to COPY BINARY. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_ENCODE_H
#define SQLFLOW_CONNECTORS_POSTGRES_ENCODE_H

#include "connectors/postgres/wire.h"

/* Bytes that grow; freed by pg_bytes_free. */
typedef struct PgBytes {
    uint8_t *data;
    size_t size, capacity;
} PgBytes;

typedef struct PgEncoder {
    const PgWire *wires;
    size_t count;
    PgBytes out;  /* emptied by the caller between chunks */
    int64_t rows; /* encoded so far */
} PgEncoder;

void pg_encode_header(PgEncoder *encoder);
void pg_encode_trailer(PgEncoder *encoder);
/* Rows [first, …) of a chunk until `out` holds `enough` bytes; returns the next row in *first.
 * Errors: ERR_REMOTE_DATA naming column and row. */
bool pg_encode_rows(PgEncoder *encoder, duckdb_data_chunk chunk, idx_t *first, size_t enough,
                    Error *err);
void pg_encoder_free(PgEncoder *encoder);

#endif
