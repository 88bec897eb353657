/* Places: follows the tokens of a statement and tells what stands next: the name of a table, or an
 * item of a SELECT list, GROUP BY or ORDER BY. A small automaton, no parser: it knows clauses and
 * brackets and nothing of expressions. */
#ifndef SQLFLOW_PLAN_SUBST_PLACE_H
#define SQLFLOW_PLAN_SUBST_PLACE_H

#include "lang/lexer.h"

typedef enum Clause {
    CLAUSE_OTHER,
    CLAUSE_SELECT,
    CLAUSE_FROM,
    CLAUSE_GROUP,
    CLAUSE_ORDER,
} Clause;

/* One level of brackets. */
typedef struct Level {
    Clause clause;
    bool from_is_operator; /* inside EXTRACT(…), TRIM(…), SUBSTRING(…) */
} Level;

typedef struct Place {
    Arena *arena;
    const SourceText *source;
    struct {
        Level *items;
        size_t count, capacity;
    } levels;
    Token first, before, before_that; /* TOKEN_END when there is none */
    bool table; /* a table's name stands next */
    bool item;  /* an item of a list of constants or columns starts next */
} Place;

Place place_new(Arena *arena, const SourceText *source);
void place_step(Place *place, Token token);
/* May the token follow a whole item (so it is no operator)? */
bool place_ends_item(const SourceText *source, Token token);

#endif
