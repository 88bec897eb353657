/* Numeric on the wire: base-10000 digits with weight, sign and display scale, to and from
 * integers of a fixed scale, doubles and text. Pure; checks every byte it is given. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_NUMERIC_H
#define SQLFLOW_CONNECTORS_POSTGRES_NUMERIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef __int128 PgInt128;

typedef enum PgNumericResult {
    NUMERIC_OK,
    NUMERIC_MALFORMED,
    NUMERIC_NOT_FINITE, /* NaN or an infinity */
    NUMERIC_TOO_BIG,    /* more digits than the width, or than the scale */
} PgNumericResult;

/* The value times 10^scale, exactly; its magnitude is below 10^width (width <= 38). */
PgNumericResult pg_numeric_decimal(const uint8_t *data, size_t size, int width, int scale,
                                   PgInt128 *out);
/* Appends the text PostgreSQL would show, NaN and Infinity included. */
PgNumericResult pg_numeric_text(const uint8_t *data, size_t size, Buf *out);

enum { PG_NUMERIC_MAX = 8 + 2 * 14 }; /* bytes that pg_numeric_encode writes at most */
/* Writes value / 10^scale; returns the number of bytes. */
size_t pg_numeric_encode(PgInt128 value, int scale, uint8_t out[PG_NUMERIC_MAX]);

#endif
