/* Substitution in SQL: copies the bytes of a statement and replaces what holds a variable, so that
 * everything else reaches DuckDB as written. Where a variable stands decides what becomes of it;
 * subst_place.c tells tables from values. */
#include <string.h>

#include "lang/name.h"
#include "plan/subst.h"
#include "plan/subst_place.h"

/* The SQL being written. */
typedef struct Out {
    Subst *subst;
    const SourceText *source;
    Tokens tokens;
    Place place;
    Buf sql;
    uint32_t copied; /* the file's bytes are written up to here */
    struct {
        struct SqlSegment *items;
        size_t count, capacity;
    } segments;
} Out;

static void add_segment(Out *out, uint32_t file_start, bool substituted) {
    *LIST_PUSH(out->subst->arena, &out->segments) =
        (struct SqlSegment){(uint32_t)out->sql.size, file_start, substituted};
}

static void copy_to(Out *out, uint32_t end) {
    if (end <= out->copied) return;
    add_segment(out, out->copied, false);
    buf_put(&out->sql, out->source->text + out->copied, end - out->copied);
    out->copied = end;
}

/* Bytes [start, end) of the file become `text`. */
static void replace(Out *out, uint32_t start, uint32_t end, const char *text) {
    copy_to(out, start);
    if (*text != '\0') {
        add_segment(out, start, true);
        buf_puts(&out->sql, text);
    }
    out->copied = end;
}

static Span token_span(const Out *out, Token token) {
    return span_of(out->source, token.start, token.end);
}

static const char *doubled(Arena *arena, const char *text, char quote, bool backslash) {
    Buf buf = buf_on(arena);
    for (; *text; text++) {
        if (*text == quote || (backslash && *text == '\\')) buf_putc(&buf, *text);
        buf_putc(&buf, *text);
    }
    return buf_text(&buf);
}

/* A default without quotes of its own is written by the rules of the text it stands in. */
static void undouble(Arena *arena, VariableRef *ref, char quote) {
    if (ref->fallback == NULL || ref->fallback_quoted) return;
    const char pair[] = {quote, quote, '\0'}, single[] = {quote, '\0'};
    ref->fallback = str_replace(arena, ref->fallback, pair, single);
}

/* 'text', E'text' and "name": each ${…} in it becomes its text, with the quotes doubled. */
static void quoted_token(Out *out, Token token) {
    const char *text = out->source->text;
    char quote = token.kind == TOKEN_QUOTED ? '"' : '\'';
    for (uint32_t at = token.start; at < token.end; at++) {
        if (text[at] == '\\' && text[at + 1] == '$' && text[at + 2] == '{') {
            replace(out, at, at + 1, "");
            at += 2;
        } else if (text[at] == '$' && text[at + 1] == '{') {
            VariableRef ref;
            const char *why;
            if (!variable_ref(out->subst->arena, text + at, token.end - at, &ref, &why)) continue;
            undouble(out->subst->arena, &ref, quote);
            uint32_t end = at + (uint32_t)ref.size;
            Found found = subst_lookup(out->subst, &ref, span_of(out->source, at, end));
            replace(out, at, end,
                    doubled(out->subst->arena, value_text(found.value), quote,
                            token.kind == TOKEN_ESTRING));
            at = end - 1;
        } else if (text[at] == '\\' && token.kind == TOKEN_ESTRING) {
            at++;
        }
    }
}

static bool is_piece(Token token, const char *text) {
    return token.kind == TOKEN_WORD || token.kind == TOKEN_QUOTED ||
           token.kind == TOKEN_VARIABLE ||
           (token.kind == TOKEN_NUMBER && text[token.start] != '.');
}

static void add_variable(Subst *subst, const SourceText *source, Token token, Run *run, Buf *text) {
    VariableRef ref;
    const char *why;
    if (!variable_ref(subst->arena, source->text + token.start, token.end - token.start, &ref,
                      &why))
        return;
    run->found = subst_lookup(subst, &ref, span_of(source, token.start, token.end));
    run->variables++;
    run->ident = run->ident || ref.form == 'i';
    run->is_number = run->is_number && run->found.value->kind == VALUE_NUMBER;
    buf_puts(text, value_text(run->found.value));
}

static bool is_pasted(Subst *subst, const SourceText *source, Token token) {
    VariableRef ref;
    const char *why;
    return token.kind == TOKEN_VARIABLE &&
           variable_ref(subst->arena, source->text + token.start, token.end - token.start, &ref,
                        &why) &&
           (ref.form == 'l' || ref.form == 'r');
}

/* Tokens of the word that starts at tokens[0]; *variable tells whether one is a variable. */
static size_t run_length(Subst *subst, const SourceText *source, const Token *tokens,
                         bool *variable) {
    size_t count = 0;
    *variable = false;
    for (const Token *token = tokens; is_piece(*token, source->text); token++, count++) {
        if (token > tokens && token->start != token[-1].end) break;
        if (is_pasted(subst, source, *token)) break;
        *variable = *variable || token->kind == TOKEN_VARIABLE;
    }
    return count;
}

Run subst_run(Subst *subst, const SourceText *source, const Token *tokens, bool pasting) {
    Run run = {.is_number = true};
    Buf text = buf_on(subst->arena);
    for (const Token *token = tokens; is_piece(*token, source->text); token++, run.count++) {
        if (token > tokens && token->start != token[-1].end) break;
        if (pasting && is_pasted(subst, source, *token)) break;
        if (token->kind == TOKEN_VARIABLE) {
            add_variable(subst, source, *token, &run, &text);
            continue;
        }
        const char *piece = token_text(subst->arena, source, *token);
        if (token->kind == TOKEN_QUOTED)
            piece = subst_text(subst, piece, span_of(source, token->start, token->end), false);
        run.has_name = run.has_name || token->kind != TOKEN_NUMBER;
        run.has_quoted = run.has_quoted || token->kind == TOKEN_QUOTED;
        buf_puts(&text, piece);
    }
    run.text = buf_text(&text);
    run.is_number = run.is_number && !run.has_name && str_is_json_number(run.text);
    return run;
}

/* Is the token a dot between names (and not the point of a number)? */
static bool is_name_dot(const Out *out, size_t index) {
    const Token *token = &out->tokens.items[index];
    if (!token_is(out->source, *token, ".")) return false;
    return index == 0 || token[-1].kind != TOKEN_NUMBER || token[-1].end != token->start;
}

static bool is_identifier(const Out *out, size_t index, const Run *run) {
    size_t next = index + run->count;
    return run->has_name || run->ident || out->place.table ||
           (index > 0 && is_name_dot(out, index - 1)) || is_name_dot(out, next);
}

static const char *identifier(Out *out, const Run *run, Span span) {
    Arena *arena = out->subst->arena;
    if (*run->text == '\0') {
        if (!run->found.missing)
            diag_error(out->subst->diags, ERR_QUERY, span,
                       "the variable is empty where a name is wanted")
                ->hint = "give it a value, or a default: ${name|default}";
        return "\"\"";
    }
    return run->has_quoted ? sql_ident(arena, run->text) : name_quote_if_needed(arena, run->text);
}

/* Operators that bind tighter than a sign, which is part of the value here. */
static bool binds_tighter(const Out *out, Token token) {
    static const char *const symbols[] = {"::", "*", "^", "[", "!"};
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        if (!token_is(out->source, token, symbols[i])) continue;
        /* `*` alone does not, `**` does. */
        return *symbols[i] != '*' || out->source->text[token.end] == '*';
    }
    return false;
}

static const char *number(const Out *out, const char *text, Token next) {
    Arena *arena = out->subst->arena;
    if (*text != '-') return text;
    if (binds_tighter(out, next)) return arena_printf(arena, "(%s)", text);
    bool behind_minus = out->place.before.kind == TOKEN_SYMBOL &&
                        out->source->text[out->place.before.end - 1] == '-';
    return behind_minus ? arena_printf(arena, " %s", text) : text; /* `--` starts a comment */
}

static const char *literal(const Out *out, const Run *run, Token next) {
    Arena *arena = out->subst->arena;
    if (run->is_number) return number(out, run->text, next);
    if (run->variables == 1 && run->count == 1) {
        if (run->found.value->kind == VALUE_NULL) return "NULL";
        if (run->found.value->kind == VALUE_BOOL)
            return run->found.value->boolean ? "TRUE" : "FALSE";
    }
    return sql_literal(arena, run->text);
}

static bool is_string(Token token) {
    return token.kind == TOKEN_STRING || token.kind == TOKEN_ESTRING;
}

/* Would the value run into the token that touches it? 'a''b' is one string, a letter in front of a
 * string is its prefix (e'…'), and $ goes on within a word. */
static bool sticks(const Out *out, Token token, bool before) {
    if (token.kind == TOKEN_END || token.kind == TOKEN_VARIABLE) return false;
    bool dollar = out->source->text[token.start] == '$';
    return is_string(token) || dollar || (before && token.kind == TOKEN_WORD);
}

static const char *apart(const Out *out, size_t index, size_t count, const char *text) {
    const Token *first = &out->tokens.items[index], *next = first + count;
    bool before = index > 0 && first[-1].end == first->start && sticks(out, first[-1], true);
    bool behind = next[-1].end == next->start && sticks(out, *next, false);
    if (!before && !behind) return text;
    return arena_printf(out->subst->arena, "%s%s%s", before ? " " : "", text, behind ? " " : "");
}

static void warn_constant(const Out *out, size_t index, const Run *run) {
    Token token = out->tokens.items[index], next = out->tokens.items[index + run->count];
    if (!out->place.item || run->count != 1 || run->found.missing ||
        run->found.value->kind != VALUE_STRING || !place_ends_item(out->source, next))
        return;
    VariableRef ref;
    const char *why;
    variable_ref(out->subst->arena, out->source->text + token.start, token.end - token.start, &ref,
                 &why);
    diag_warning(out->subst->diags, WARN_TEXT_CONSTANT, token_span(out, token),
                 "${%s} is the text constant %s here, not a column", ref.name,
                 sql_literal(out->subst->arena, value_text(run->found.value)))
        ->hint = arena_printf(out->subst->arena,
                              "write ${%s:ident} to name a column, ${%s:literal} if the constant "
                              "is meant",
                              ref.name, ref.name);
}

/* ${x:literal} and ${x:raw}. */
static void pasted_variable(Out *out, size_t index) {
    Subst *subst = out->subst;
    Token token = out->tokens.items[index];
    VariableRef ref;
    const char *why;
    variable_ref(subst->arena, out->source->text + token.start, token.end - token.start, &ref,
                 &why);
    Found found = subst_lookup(subst, &ref, token_span(out, token));
    const char *text = value_text(found.value);
    if (ref.form == 'l') {
        text = found.value->kind == VALUE_NULL ? "NULL" : sql_literal(subst->arena, text);
        replace(out, token.start, token.end, apart(out, index, 1, text));
        return;
    }
    replace(out, token.start, token.end, text);
    bool outside = found.origin == VAR_COMMAND_LINE || found.origin == VAR_ENVIRONMENT ||
                   found.origin == VAR_DOTENV;
    if (!outside) return;
    diag_warning(subst->diags, WARN_RAW_VARIABLE, token_span(out, token),
                 "${%s:raw} pastes a value of the %s into the SQL unquoted", ref.name,
                 found.origin == VAR_DOTENV ? ".env file" : var_origin_name(found.origin))
        ->hint = arena_printf(subst->arena,
                              "write ${%s:ident} for a name, ${%s:literal} for a text", ref.name,
                              ref.name);
}

static void run_of_tokens(Out *out, size_t index, const Run *run) {
    Token first = out->tokens.items[index], last = out->tokens.items[index + run->count - 1];
    Token next = out->tokens.items[index + run->count];
    Span span = span_of(out->source, first.start, last.end);
    if (is_identifier(out, index, run)) {
        replace(out, first.start, last.end,
                apart(out, index, run->count, identifier(out, run, span)));
        return;
    }
    warn_constant(out, index, run);
    replace(out, first.start, last.end,
            apart(out, index, run->count, literal(out, run, next)));
}

/* Does the word at `index` stand for `alias` in alias.name? The name may be qualified itself. */
static bool is_alias(const Out *out, size_t index) {
    Arena *arena = out->subst->arena;
    const Token *dot = &out->tokens.items[index + 1];
    const char *alias = token_text(arena, out->source, out->tokens.items[index]), *path = NULL;
    if (!is_name_dot(out, index + 1) || !map_has(&out->subst->aliases, alias)) return false;
    while (token_is(out->source, *dot, ".")) {
        Run name = subst_run(out->subst, out->source, dot + 1, true);
        if (name.count == 0) return false;
        path = path == NULL ? name.text : arena_printf(arena, "%s.%s", path, name.text);
        if (subst_is_aliased(out->subst, alias, path)) return true;
        dot += 1 + name.count;
    }
    return false;
}

/* How many tokens from `index` on are aliases with their dots, which are left out. */
static size_t alias_tokens(const Out *out, size_t index) {
    size_t count = 0;
    if (out->subst->aliases.count == 0 || (index > 0 && is_name_dot(out, index - 1))) return 0;
    while (is_alias(out, index + count)) count += 2;
    return count;
}

/* Handles the tokens from `index` on that belong together; how many they are. */
static size_t take(Out *out, size_t index) {
    Token token = out->tokens.items[index];
    if (is_pasted(out->subst, out->source, token)) {
        pasted_variable(out, index);
        return 1;
    }
    if (is_string(token)) quoted_token(out, token);
    if (token_is(out->source, token, "\\${"))
        replace(out, token.start, token.start + 1, "");
    bool variable;
    size_t count = run_length(out->subst, out->source, &out->tokens.items[index], &variable);
    if (variable) {
        Run run = subst_run(out->subst, out->source, &out->tokens.items[index], true);
        run_of_tokens(out, index, &run);
        return count;
    }
    size_t aliases = count == 1 ? alias_tokens(out, index) : 0;
    if (aliases > 0) {
        replace(out, token.start, out->tokens.items[index + aliases].start, "");
        return aliases;
    }
    for (size_t i = 0; i < count; i++)
        if (out->tokens.items[index + i].kind == TOKEN_QUOTED)
            quoted_token(out, out->tokens.items[index + i]);
    return count == 0 ? 1 : count;
}

static bool has_nothing_to_do(const Subst *subst, Span sql) {
    return subst->aliases.count == 0 &&
           memmem(sql.source->text + sql.start, sql.end - sql.start, "${", 2) == NULL;
}

SqlText subst_sql(Subst *subst, Span sql) {
    if (has_nothing_to_do(subst, sql)) {
        struct SqlSegment *whole = ARENA_NEW(subst->arena, struct SqlSegment);
        *whole = (struct SqlSegment){.file_start = sql.start};
        return (SqlText){span_text(subst->arena, sql), sql, whole, 1};
    }
    Out out = {.subst = subst,
               .source = sql.source,
               .tokens = lex(subst->arena, sql.source, sql.start, sql.end),
               .place = place_new(subst->arena, sql.source),
               .sql = buf_on(subst->arena),
               .copied = sql.start};
    for (size_t i = 0; out.tokens.items[i].kind != TOKEN_END;) {
        size_t count = take(&out, i);
        for (; count > 0 && out.tokens.items[i].kind != TOKEN_END; count--)
            place_step(&out.place, out.tokens.items[i++]);
    }
    copy_to(&out, sql.end);
    return (SqlText){.sql = buf_text(&out.sql),
                     .span = sql,
                     .segments = out.segments.items,
                     .segment_count = out.segments.count};
}
