/* Substitution: ${variables} become values, by the place where they stand (language.md, section 3).
 * Happens after parsing and once: a value's own ${…} stays text, and no value can end a statement.
 *
 *   Script's texts + Vars → final texts; SQL keeps the way back to the file (SqlText)
 */
#ifndef SQLFLOW_PLAN_SUBST_H
#define SQLFLOW_PLAN_SUBST_H

#include "lang/lexer.h"
#include "plan/pipeline.h"

/* A variable that has no value, and where it is used. */
typedef struct Unknown {
    const char *name;
    bool reported; /* its own error was given already */
    struct {
        Span *items;
        size_t count, capacity;
    } uses;
} Unknown;

typedef struct Subst {
    Arena *arena;
    const Vars *vars;
    Diags *diags;
    size_t missing; /* references without a value so far; callers compare before and after */
    Map unknown;    /* name → Unknown * */
    Map without;    /* names of SETs whose value needs a variable that is unknown */
    Map aliased;    /* "alias.name" of INCLUDE … AS alias */
    Map aliases;    /* alias → IncludeAlias *, for names that hold variables */
} Subst;

/* `script` gives the aliases of its INCLUDEs; NULL: none. */
Subst subst_new(Arena *arena, const Vars *vars, const Script *script, Diags *diags);

/* What a reference stands for. */
typedef struct Found {
    const Value *value; /* never NULL; null when missing */
    VarOrigin origin;   /* VAR_NONE: the reference's default */
    bool missing;
} Found;
/* A reference without value and default is noted for subst_finish. */
Found subst_lookup(Subst *subst, const VariableRef *ref, Span span);

/* Paths, URIs, connection names: the text with each ${v} (and $v when `dollar`) verbatim; \${ is
 * a literal ${. `text` is the content of `span`, quotes resolved. */
const char *subst_text(Subst *subst, const char *text, Span span, bool dollar);
/* PARAMS and OPTIONS: a copy with strings substituted and bare variables made JSON values. NULL
 * gives NULL. */
Value *subst_value(Subst *subst, const Value *value);
/* The value of SET name = …. When it cannot be known, uses of the name are missing, too, but not
 * told: the error stands at the SET. */
Value *subst_set(Subst *subst, const char *name, Text value);
Value *subst_set_unknown(Subst *subst, const char *name);
/* A (qualified) name → its unquoted parts; false after reporting an error. */
bool subst_name(Subst *subst, Text name, Strings *parts);
/* Drops the alias of `alias.name`, when the included file defines that name, and those of the files
 * that it includes itself. */
void subst_drop_alias(Subst *subst, Strings *parts);
/* A query or statement. */
SqlText subst_sql(Subst *subst, Span sql);

/* Reports the variables without value: one error each, with all the places that use it. */
void subst_finish(Subst *subst);

/* For subst_sql. Adjacent names, numbers and variables: one word. */
typedef struct Run {
    size_t count;        /* tokens; 0 when none starts here */
    bool has_name, has_quoted, ident; /* ident: a variable said :ident */
    bool is_number;      /* every piece is a number or the value of one */
    size_t variables;
    Found found;         /* of the last variable */
    const char *text;    /* the pieces joined, quotes resolved */
} Run;
/* The word that starts at tokens[0] of `source`. `pasting`: :literal and :raw end it. */
Run subst_run(Subst *subst, const SourceText *source, const Token *tokens, bool pasting);
bool subst_is_aliased(Subst *subst, const char *alias, const char *name);

#endif
