/* Inside the room: a statement being rewritten. */
#ifndef SQLFLOW_UDF_REWRITE_H
#define SQLFLOW_UDF_REWRITE_H

#include "udf/catalog.h"
#include "udf/sqlscan.h"

typedef struct Rewrite {
    Udfs *udfs;
    Duck *duck;
    Arena *arena;
    const char *sql;
    SqlTokens tokens;
    UdfRewrite *out;
} Rewrite;

/* Tokens [from, to) of one argument; `name` is that of `name := …`, else NULL. */
typedef struct Argument {
    size_t from, to;
    size_t whole; /* first token with the name */
    const char *name;
} Argument;

typedef struct Arguments {
    Argument *items;
    size_t count, capacity;
} Arguments;

/* A call as written: tokens first … close (its bracket). */
typedef struct Call {
    const Udf *udf;
    const char *written;
    size_t first, open, close;
    size_t args_from; /* first token behind the bracket, or behind PYTHON_FUNC's name */
    bool is_bare;
    Arguments args;
} Call;

/* Adds an error at tokens [from, to); returns its Error for a hint. */
Error *rewrite_issue(Rewrite *rewrite, size_t from, size_t to, ErrorCode code, const char *format,
                     ...) __attribute__((format(printf, 5, 6)));
void rewrite_edit(Rewrite *rewrite, size_t start, size_t end, const char *text);
/* The SQL of bytes [start, end) with the edits made so far. */
const char *rewrite_render(const Rewrite *rewrite, size_t start, size_t end);

/* rewrite_args.c: which parameter each argument is for: params[i], SIZE_MAX for the table and for
 * further arguments. Arguments from `skip` on. false when issues were added. */
bool rewrite_match(Rewrite *rewrite, const Call *call, size_t skip, size_t *params);
/* rewrite_table.c: replaces a call in FROM. Its arguments were rewritten before. */
void rewrite_table(Rewrite *rewrite, const Call *call);

#endif
