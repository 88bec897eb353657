/* Decode: COPY BINARY messages straight into DuckDB vectors.
 * A Decoder belongs to one thread and one scan; it is given the columns in the order in which
 * they were selected, then a chunk, then messages until the chunk is full. It never reads past a
 * message's end, whatever is in it. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_DECODE_H
#define SQLFLOW_CONNECTORS_POSTGRES_DECODE_H

#include "base/error.h"
#include "connectors/postgres/types.h"
#include "duck_api.h"

typedef struct PgField {
    const char *name; /* for messages */
    PgScalar scalar;
    int dims;         /* 0: a scalar; else the depth of the LISTs */
    bool check_utf8;  /* the server does not promise valid UTF-8 */
} PgField;

/* A vector that is being filled: a column of the chunk, or the child of a LIST. */
typedef struct PgVector {
    PgKind kind;
    const PgField *field;
    duckdb_vector vector;
    void *data;
    uint64_t *validity; /* NULL until the first NULL */
    struct PgVector *child;
    idx_t size, capacity; /* of a LIST's child */
} PgVector;

typedef struct PgDecoder {
    Arena *arena; /* the decoder's own: texts of numerics, the tree of vectors */
    const PgField *fields;
    size_t count;
    PgVector *columns;
    idx_t rows, capacity; /* in the chunk */
    int64_t row;          /* in the COPY, for messages: rows decoded before this one */
    bool header_seen, ended;
} PgDecoder;

void pg_decoder_init(PgDecoder *decoder, Arena *arena, const PgField *fields, size_t count);
/* A new COPY begins. */
void pg_decoder_restart(PgDecoder *decoder);
/* Rows go to `chunk` from its first on; column i of the COPY to its vector slots[i]. */
void pg_decoder_begin(PgDecoder *decoder, duckdb_data_chunk chunk, const size_t *slots);
/* Decodes one message (at most one row, and the header before it or the trailer). Must not be
 * called when the chunk is full. Errors: ERR_REMOTE_DATA naming column and row. */
bool pg_decoder_feed(PgDecoder *decoder, const uint8_t *data, size_t size, Error *err);
/* Sets the chunk's size and those of its lists. */
void pg_decoder_end(PgDecoder *decoder, duckdb_data_chunk chunk);

/* -- between decode.c and decode_value.c */
bool pg_decode_value(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data, size_t size,
                     Error *err);
bool pg_decode_list(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data, size_t size,
                    Error *err);
void pg_vector_null(PgVector *to, idx_t at);
/* "column 'x', row 12: …" */
bool pg_decode_fail(const PgDecoder *decoder, const PgField *field, Error *err, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));

static inline uint32_t pg_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t pg_u64(const uint8_t *p)
{
    return (uint64_t)pg_u32(p) << 32 | pg_u32(p + 4);
}
static inline uint16_t pg_u16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

#endif
