/* A table function in FROM: the call becomes a function without arguments, whose rows are made
 * before the statement runs; its input becomes a query of its own. */
#include <stdint.h>
#include <string.h>

#include "udf/rewrite.h"

static bool is(const Rewrite *rewrite, size_t i, const char *text) {
    return sql_is(rewrite->sql, &rewrite->tokens, i, text);
}

static size_t start_of(const Rewrite *rewrite, size_t i) { return rewrite->tokens.items[i].start; }
static size_t end_of(const Rewrite *rewrite, size_t i) { return rewrite->tokens.items[i].end; }

/* -- WITH: an input may be a CTE of the statement around it ----------------------------------- */

/* One bracket level that is open at the call: the WITH list whose body or members it stands in. */
typedef struct Scope {
    size_t list; /* first token behind WITH [RECURSIVE]; 0: none */
    size_t end;  /* token behind the last complete member; 0: none yet */
    bool recursive;
    Strings names; /* of the complete members */
} Scope;

typedef struct Scopes {
    Scope *items;
    size_t count, capacity;
} Scopes;

/* `name [(columns)] AS [NOT] [MATERIALIZED] (`: the index of the last bracket, or 0. */
static size_t member_body(const Rewrite *rewrite, size_t i) {
    SqlTokenKind kind = rewrite->tokens.items[i].kind;
    if (kind != SQL_WORD && kind != SQL_QUOTED) return 0;
    size_t at = i + 1;
    if (is(rewrite, at, "(")) {
        at = sql_closing(rewrite->sql, &rewrite->tokens, at);
        if (at == SIZE_MAX) return 0;
        at++;
    }
    if (!is(rewrite, at, "AS")) return 0;
    at++;
    at += is(rewrite, at, "NOT");
    at += is(rewrite, at, "MATERIALIZED");
    return is(rewrite, at, "(") ? at : 0;
}

/* Reads the members from token `at` on that are complete before `limit`. Returns where reading
 * goes on: in the body that holds the limit, or behind the list. */
static size_t read_members(const Rewrite *rewrite, Scope *scope, size_t at, size_t limit) {
    for (;;) {
        size_t body = member_body(rewrite, at);
        if (!body) return at;
        size_t close = sql_closing(rewrite->sql, &rewrite->tokens, body);
        if (close == SIZE_MAX || close >= limit) return body;
        strings_add(rewrite->arena, &scope->names,
                    sql_token_text(rewrite->arena, rewrite->sql, rewrite->tokens.items[at]));
        scope->end = close + 1;
        if (!is(rewrite, close + 1, ",")) return close + 1;
        at = close + 2;
    }
}

static Scopes scopes_at(const Rewrite *rewrite, size_t limit) {
    Scopes scopes = {0};
    LIST_PUSH(rewrite->arena, &scopes);
    for (size_t i = 0; i < limit;) {
        if (is(rewrite, i, "WITH")) {
            Scope *scope = &scopes.items[scopes.count - 1];
            bool recursive = is(rewrite, i + 1, "RECURSIVE");
            size_t list = i + 1 + recursive;
            if (member_body(rewrite, list)) {
                *scope = (Scope){.list = list, .recursive = recursive};
                i = read_members(rewrite, scope, list, limit);
                continue;
            }
        } else if (is(rewrite, i, "(")) {
            LIST_PUSH(rewrite->arena, &scopes);
        } else if (is(rewrite, i, ")") && scopes.count > 1) {
            scopes.count--;
        }
        i++;
    }
    return scopes;
}

/* "WITH a AS (…), b AS (…) " of all that the call can see, or "". */
static const char *with_prefix(const Rewrite *rewrite, size_t call, const char *only) {
    Scopes scopes = scopes_at(rewrite, call);
    Buf out = buf_on(rewrite->arena);
    bool recursive = false, wanted = !only;
    for (size_t i = 0; i < scopes.count; i++) {
        const Scope *scope = &scopes.items[i];
        if (!scope->list || !scope->end) continue;
        recursive = recursive || scope->recursive;
        wanted = wanted || strings_has(&scope->names, only);
        if (out.size) buf_puts(&out, ", ");
        buf_puts(&out, rewrite_render(rewrite, start_of(rewrite, scope->list),
                                      end_of(rewrite, scope->end - 1)));
    }
    if (!out.size || !wanted) return "";
    return arena_printf(rewrite->arena, "WITH %s%s ", recursive ? "RECURSIVE " : "",
                        buf_text(&out));
}

/* -- the input and the other arguments --------------------------------------------------------- */

static const char *input_query(const Rewrite *rewrite, const Call *call, const Argument *arg) {
    static const char *const queries[] = {"SELECT", "WITH",    "FROM", "VALUES",
                                          "PIVOT",  "UNPIVOT", NULL};
    size_t from = arg->from;
    bool is_query = sql_in(rewrite->sql, &rewrite->tokens, from, queries);
    if (is(rewrite, from, "TABLE") && from + 1 < arg->to) from++;
    const char *text =
        rewrite_render(rewrite, start_of(rewrite, from), end_of(rewrite, arg->to - 1));
    bool is_one_name = arg->to == from + 1;
    const char *name =
        is_one_name ? sql_token_text(rewrite->arena, rewrite->sql, rewrite->tokens.items[from])
                    : NULL;
    const char *with = with_prefix(rewrite, call->first, name);
    return arena_printf(rewrite->arena, is_query ? "%sSELECT * FROM (%s)" : "%sSELECT * FROM %s",
                        with, text);
}

static const char *other_arguments(Rewrite *rewrite, const Call *call, size_t skip,
                                   const size_t *params, Strings *names) {
    Buf sql = buf_on(rewrite->arena);
    for (size_t i = skip; i < call->args.count; i++) {
        const Argument *arg = &call->args.items[i];
        const char *value =
            rewrite_render(rewrite, start_of(rewrite, arg->from), end_of(rewrite, arg->to - 1));
        buf_printf(&sql, "%s(%s)", sql.size ? ", " : "SELECT ", value);
        strings_add(rewrite->arena, names,
                    params[i] == SIZE_MAX ? "" : call->udf->params.items[params[i]].name);
    }
    return sql.size ? buf_text(&sql) : NULL;
}

/* Does an alias stand behind the call? Only then is the function's own name not its alias. */
static bool has_alias(const Rewrite *rewrite, size_t i) {
    static const char *const clauses[] = {"WHERE",     "GROUP",  "HAVING",  "ORDER",  "LIMIT",
                                          "OFFSET",    "WINDOW", "QUALIFY", "UNION",  "EXCEPT",
                                          "INTERSECT", "JOIN",   "INNER",   "LEFT",   "RIGHT",
                                          "FULL",      "CROSS",  "NATURAL", "ASOF",   "POSITIONAL",
                                          "SEMI",      "ANTI",   "ON",      "USING",  "TABLESAMPLE",
                                          "SAMPLE",    "PIVOT",  "UNPIVOT", "SELECT", "SET",
                                          "RETURNING", "WHEN",   "FETCH",   "FOR",    "WITH",
                                          NULL};
    SqlTokenKind kind = rewrite->tokens.items[i].kind;
    if (kind == SQL_QUOTED) return true;
    return kind == SQL_WORD && !sql_in(rewrite->sql, &rewrite->tokens, i, clauses);
}

static bool stands_in_expression(const Rewrite *rewrite, size_t i) {
    static const char *const before[] = {"FROM", "JOIN", ",", "LATERAL", "(", "USING", "TABLE",
                                         NULL};
    return i != 0 && !sql_in(rewrite->sql, &rewrite->tokens, i - 1, before);
}

static void drop_edits(Rewrite *rewrite, size_t start, size_t end) {
    UdfRewrite *out = rewrite->out;
    size_t kept = 0;
    for (size_t i = 0; i < out->edits.count; i++)
        if (out->edits.items[i].end <= start || out->edits.items[i].start >= end)
            out->edits.items[kept++] = out->edits.items[i];
    out->edits.count = kept;
}

void rewrite_table(Rewrite *rewrite, const Call *call) {
    Udfs *udfs = rewrite->udfs;
    const Udf *udf = call->udf;
    size_t skip = udf->input != UDF_INPUT_NONE;
    if (stands_in_expression(rewrite, call->first)) {
        error_hint(rewrite_issue(rewrite, call->first, call->close + 1, ERR_QUERY,
                                 "%s gives a table, so it stands in FROM", udf->full_name),
                   "SELECT … FROM %s(table)", udf->name);
        return;
    }
    if (skip && (!call->args.count || call->args.items[0].name)) {
        error_hint(rewrite_issue(rewrite, call->first, call->close + 1, ERR_QUERY,
                                 "%s needs a table as its first argument", udf->full_name),
                   "its signature is %s", udf_signature(rewrite->arena, udf));
        return;
    }
    size_t *params = ARENA_ARRAY(rewrite->arena, size_t, call->args.count + 1);
    if (!rewrite_match(rewrite, call, skip, params)) return;
    UdfTableCall *table = ARENA_NEW(udfs->arena, UdfTableCall);
    table->udf = udf;
    table->sql_name = arena_printf(udfs->arena, TABLE_CALL_PREFIX "%zu", udfs->calls.count + 1);
    table->input_sql = skip ? input_query(rewrite, call, &call->args.items[0]) : NULL;
    table->args_sql = other_arguments(rewrite, call, skip, params, &table->arg_names);
    *LIST_PUSH(udfs->arena, &udfs->calls) = table;
    size_t start = start_of(rewrite, call->first), end = end_of(rewrite, call->close);
    drop_edits(rewrite, start, end);
    bool aliased = has_alias(rewrite, call->close + 1);
    rewrite_edit(rewrite, start, end,
                 arena_printf(rewrite->arena, aliased ? "%s()" : "%s() AS %s", table->sql_name,
                              sql_ident(rewrite->arena, udf->name)));
}
