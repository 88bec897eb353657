/* Finds calls of Python functions in SQL text and turns them into calls that DuckDB knows. Works on
 * tokens, so it serves every statement, also those DuckDB cannot parse before. */
#include "udf/rewrite.h"

#include <stdlib.h>
#include <string.h>

static void walk(Rewrite *rewrite, size_t from, size_t to);

Error *rewrite_issue(Rewrite *rewrite, size_t from, size_t to, ErrorCode code, const char *format,
                     ...) {
    UdfIssue *issue = LIST_PUSH(rewrite->arena, &rewrite->out->issues);
    issue->start = rewrite->tokens.items[from].start;
    issue->end = to > from ? rewrite->tokens.items[to - 1].end : issue->start;
    issue->severity = SEVERITY_ERROR;
    va_list args;
    va_start(args, format);
    error_set(&issue->error, code, SPAN_NONE, "%s", arena_vprintf(rewrite->arena, format, args));
    va_end(args);
    return &issue->error;
}

void rewrite_edit(Rewrite *rewrite, size_t start, size_t end, const char *text) {
    *LIST_PUSH(rewrite->arena, &rewrite->out->edits) = (UdfEdit){start, end, text};
}

static int by_start(const void *a, const void *b) {
    const UdfEdit *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

const char *rewrite_render(const Rewrite *rewrite, size_t start, size_t end) {
    const UdfRewrite *out = rewrite->out;
    if (out->edits.count)
        qsort(out->edits.items, out->edits.count, sizeof *out->edits.items, by_start);
    Buf text = buf_on(rewrite->arena);
    size_t at = start;
    for (size_t i = 0; i < out->edits.count; i++) {
        const UdfEdit *edit = &out->edits.items[i];
        if (edit->start < at || edit->end > end) continue;
        buf_put(&text, rewrite->sql + at, edit->start - at);
        buf_puts(&text, edit->text);
        at = edit->end;
    }
    buf_put(&text, rewrite->sql + at, end - at);
    return buf_text(&text);
}

/* -- recognising calls ----------------------------------------------------------------------- */

static bool is_name(const Rewrite *rewrite, size_t i) {
    SqlTokenKind kind = rewrite->tokens.items[i].kind;
    return kind == SQL_WORD || kind == SQL_QUOTED;
}

static const char *text_at(const Rewrite *rewrite, size_t i) {
    return sql_token_text(rewrite->arena, rewrite->sql, rewrite->tokens.items[i]);
}

static bool is(const Rewrite *rewrite, size_t i, const char *text) {
    return sql_is(rewrite->sql, &rewrite->tokens, i, text);
}

/* The word AS before token i begins the body of CREATE MACRO name (parameters) AS …. */
static bool begins_macro(const Rewrite *rewrite, size_t i) {
    size_t open = 0;
    while (open < i && !is(rewrite, open, "(")) open++;
    bool is_macro = false;
    for (size_t at = 1; at < open && at < 5; at++)
        is_macro = is_macro || is(rewrite, at, "MACRO") || is(rewrite, at, "FUNCTION");
    return is_macro && is(rewrite, 0, "CREATE") && is(rewrite, i - 1, "AS") &&
           sql_closing(rewrite->sql, &rewrite->tokens, open) + 2 == i;
}

/* Behind these words, `name (` is a table with columns, not a call. */
static bool names_a_table(const Rewrite *rewrite, size_t i) {
    static const char *const words[] = {"INTO",       "TABLE",  "UPDATE", "AS",    "WITH",
                                        "RECURSIVE",  "EXISTS", "VIEW",   "MACRO", "FUNCTION",
                                        "REFERENCES", "OVER",   "WINDOW", ")",     NULL};
    return i != 0 && sql_in(rewrite->sql, &rewrite->tokens, i - 1, words) &&
           !begins_macro(rewrite, i);
}

/* `name (columns) AS (` in a WITH list. */
static bool names_a_cte(const Rewrite *rewrite, size_t close) {
    if (!is(rewrite, close + 1, "AS")) return false;
    size_t i = close + 2;
    i += is(rewrite, i, "NOT");
    i += is(rewrite, i, "MATERIALIZED");
    return is(rewrite, i, "(");
}

static bool is_folder(const Rewrite *rewrite, const char *name) {
    catalog_scan(rewrite->udfs);
    return str_ieq(name, "python_udfs") || strings_has(&rewrite->udfs->packages, name);
}

/* Bare name of a function that a file defines and DuckDB does not. */
static bool is_bare_call(Rewrite *rewrite, size_t i, size_t close) {
    const char *name = text_at(rewrite, i);
    if (names_a_table(rewrite, i) || names_a_cte(rewrite, close)) return false;
    if (!catalog_may_define(rewrite->udfs, name))
        return rewrite->udfs->has_computed &&
               catalog_builtin(rewrite->udfs, rewrite->duck, name) == BUILTIN_NONE &&
               catalog_computes(rewrite->udfs, name);
    Builtin builtin = catalog_builtin(rewrite->udfs, rewrite->duck, name);
    bool quoted = rewrite->tokens.items[i].kind == SQL_QUOTED;
    if (builtin == BUILTIN_NONE || (builtin == BUILTIN_WORD && quoted)) return true;
    rewrite_issue(rewrite, i, i + 1, ERR_UDF_DEFINITION,
                  "%s() is DuckDB's own function here, not the Python function of that name", name);
    UdfIssue *issue = &rewrite->out->issues.items[rewrite->out->issues.count - 1];
    issue->severity = SEVERITY_WARNING;
    error_hint(&issue->error, "PYTHON_FUNC(\"module.%s\", …) calls the Python function", name);
    return false;
}

/* Recognises a call at token i and fills all but udf and args. PYTHON_FUNC without a name gives an
 * issue and written NULL. */
static bool call_at(Rewrite *rewrite, size_t i, Call *call) {
    const SqlTokens *tokens = &rewrite->tokens;
    size_t last = i;
    if (!is_name(rewrite, i) || (i && is(rewrite, i - 1, "."))) return false;
    while (is(rewrite, last + 1, ".") && is_name(rewrite, last + 2)) last += 2;
    if (!is(rewrite, last + 1, "(")) return false;
    *call = (Call){.first = i, .open = last + 1, .args_from = last + 2};
    call->close = sql_closing(rewrite->sql, tokens, call->open);
    if (call->close == SIZE_MAX) return false;
    if (last > i) {
        if (!is_folder(rewrite, text_at(rewrite, i))) return false;
        Buf name = buf_on(rewrite->arena);
        for (size_t part = i; part <= last; part += 2)
            buf_printf(&name, "%s%s", part > i ? "." : "", text_at(rewrite, part));
        call->written = buf_text(&name);
        return true;
    }
    if (!is(rewrite, i, "PYTHON_FUNC")) {
        call->is_bare = is_bare_call(rewrite, i, call->close);
        call->written = text_at(rewrite, i);
        return call->is_bare;
    }
    size_t name = call->args_from;
    SqlTokenKind kind = tokens->items[name].kind;
    bool ends = is(rewrite, name + 1, ",") || name + 1 == call->close;
    if ((kind == SQL_STRING || kind == SQL_QUOTED) && ends) {
        call->written = text_at(rewrite, name);
        call->args_from = name + 1 + (name + 1 < call->close);
    } else {
        error_hint(rewrite_issue(rewrite, i, call->close + 1, ERR_QUERY,
                                 "PYTHON_FUNC needs the function's name in quotes first"),
                   "PYTHON_FUNC(\"module.function\", argument, …)");
    }
    return true;
}

static void split_arguments(Rewrite *rewrite, Call *call) {
    size_t from = call->args_from, depth = 0;
    for (size_t i = from; i <= call->close; i++) {
        bool at_end = i == call->close || (!depth && is(rewrite, i, ","));
        if (at_end && i > from) {
            bool named = i > from + 2 && is_name(rewrite, from) &&
                         (is(rewrite, from + 1, ":=") || is(rewrite, from + 1, "=>"));
            *LIST_PUSH(rewrite->arena, &call->args) =
                (Argument){named ? from + 2 : from, i, from, named ? text_at(rewrite, from) : NULL};
        }
        if (at_end) from = i + 1;
        if (is(rewrite, i, "(") || is(rewrite, i, "[") || is(rewrite, i, "{"))
            depth++;
        else if (depth && (is(rewrite, i, ")") || is(rewrite, i, "]") || is(rewrite, i, "}")))
            depth--;
    }
}

/* -- scalar functions ------------------------------------------------------------------------ */

static const char *use_name(Rewrite *rewrite, const Udf *udf, const size_t *params, size_t count,
                            size_t positional) {
    Udfs *udfs = rewrite->udfs;
    struct {
        UdfFile **items;
        size_t count;
    } *files = map_get(&udfs->defined, udf->name);
    bool unique = files && files->count == 1 &&
                  catalog_builtin(udfs, rewrite->duck, udf->name) == BUILTIN_NONE;
    const char *base = unique ? udf->name : udf->full_name;
    if (count == positional) return base;
    Buf name = buf_on(udfs->arena);
    buf_printf(&name, "%s(", base);
    for (size_t i = 0; i < count; i++)
        buf_printf(&name, "%s%s", i ? "," : "",
                   params[i] == SIZE_MAX ? "*" : udf->params.items[params[i]].name);
    buf_puts(&name, ")");
    return buf_text(&name);
}

static const UdfUse *use_of(Rewrite *rewrite, const Call *call, const size_t *params) {
    Udfs *udfs = rewrite->udfs;
    size_t count = call->args.count, positional = 0;
    while (positional < count && !call->args.items[positional].name) positional++;
    for (size_t i = 0; i < udfs->uses.count; i++) {
        const UdfUse *use = udfs->uses.items[i];
        if (use->udf == call->udf && use->param_count == count && use->positional == positional &&
            (!count || memcmp(use->params, params, count * sizeof *params) == 0))
            return use;
    }
    UdfUse *use = ARENA_NEW(udfs->arena, UdfUse);
    use->udf = call->udf;
    use->params = arena_grow(udfs->arena, params, count, count + 1, sizeof *params);
    use->param_count = count;
    use->positional = positional;
    use->sql_name = use_name(rewrite, call->udf, params, count, positional);
    *LIST_PUSH(udfs->arena, &udfs->uses) = use;
    return use;
}

static void rewrite_scalar(Rewrite *rewrite, const Call *call) {
    const SqlToken *tokens = rewrite->tokens.items;
    size_t *params = ARENA_ARRAY(rewrite->arena, size_t, call->args.count + 1);
    if (!rewrite_match(rewrite, call, 0, params)) return;
    const UdfUse *use = use_of(rewrite, call, params);
    size_t end =
        call->args_from > call->open + 1 ? tokens[call->args_from].start : tokens[call->open].end;
    if (!call->is_bare || !str_ieq(use->sql_name, call->written))
        rewrite_edit(rewrite, tokens[call->first].start, end,
                     arena_printf(rewrite->arena, "%s(", sql_ident(rewrite->arena, use->sql_name)));
    for (size_t i = 0; i < call->args.count; i++) {
        const Argument *arg = &call->args.items[i];
        if (arg->name) rewrite_edit(rewrite, tokens[arg->whole].start, tokens[arg->from].start, "");
    }
}

/* -- the walk -------------------------------------------------------------------------------- */

static bool stands_in_from(const Rewrite *rewrite, size_t i) {
    return i && (is(rewrite, i - 1, "FROM") || is(rewrite, i - 1, "JOIN") ||
                 is(rewrite, i - 1, "LATERAL"));
}

static void rewrite_call(Rewrite *rewrite, Call *call) {
    size_t first = call->first, close = call->close;
    Error err = {0};
    if (call->written) call->udf = udfs_find(rewrite->udfs, call->written, &err);
    split_arguments(rewrite, call);
    for (size_t i = 0; i < call->args.count; i++)
        walk(rewrite, call->args.items[i].from, call->args.items[i].to);
    if (!call->written) return;
    if (!call->udf) {
        Error *issue = rewrite_issue(rewrite, first, close + 1, err.code, "%s", err.message);
        if (err.hint[0]) error_hint(issue, "%s", err.hint);
        return;
    }
    strings_add_unique(rewrite->arena, &rewrite->out->functions, call->udf->full_name);
    if (call->udf->kind == UDF_TABLE) {
        rewrite_table(rewrite, call);
    } else if (stands_in_from(rewrite, first)) {
        error_hint(rewrite_issue(rewrite, first, close + 1, ERR_QUERY,
                                 "%s gives one value, no table, so it cannot stand in FROM",
                                 call->udf->full_name),
                   "decorate it with @python_table_udf, or call it in the SELECT list");
    } else {
        rewrite_scalar(rewrite, call);
    }
}

static void walk(Rewrite *rewrite, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        Call call;
        if (!call_at(rewrite, i, &call)) continue;
        rewrite_call(rewrite, &call);
        i = call.close;
    }
}

void udf_rewrite(Udfs *udfs, Duck *duck, const char *sql, UdfRewrite *out) {
    *out = (UdfRewrite){.sql = sql};
    catalog_scan(udfs);
    if (!udfs->files.count && !strcasestr(sql, "python_func") && !strcasestr(sql, "python_udfs"))
        return;
    Rewrite rewrite = {udfs, duck, udfs->arena, sql, {0}, out};
    rewrite.tokens = sqlscan(udfs->arena, sql);
    walk(&rewrite, 0, rewrite.tokens.count - 1);
    if (out->edits.count) out->sql = rewrite_render(&rewrite, 0, strlen(sql));
}
