/* Conditions: a recursive descent that evaluates while it reads, so that checking and evaluating
 * cannot differ. Without a host every variable is null and only the syntax counts. See cond.h. */
#include "lang/cond.h"

#include <string.h>

#include "lang/cond_value.h"
#include "lang/lexer.h"

enum { DEPTH_MAX = 200 };

#define COND_FORM "compare with == != < <= > >=, IN (…), LIKE or IS NULL; join with AND, OR, NOT"

typedef struct Cond {
    Arena *arena;
    const SourceText *source;
    Tokens tokens;
    size_t at;
    const CondHost *host;
    Diags *diags;
    unsigned depth;
    bool failed;
} Cond;

static bool parse_or(Cond *cond);

static Token peek(const Cond *cond, size_t ahead) {
    size_t last = cond->tokens.count - 1, index = cond->at + ahead;
    return cond->tokens.items[index < last ? index : last];
}

static bool is_symbol(const Cond *cond, size_t ahead, const char *text) {
    Token token = peek(cond, ahead);
    return token.kind == TOKEN_SYMBOL && token_is(cond->source, token, text);
}

static bool is_piece(TokenKind kind) {
    return kind == TOKEN_WORD || kind == TOKEN_NUMBER || kind == TOKEN_VARIABLE;
}

/* How many tokens without blanks between them make one bare operand: us-east, 2024-01-15, -1,
 * v1.2, part_${n}. */
static size_t run_length(const Cond *cond) {
    size_t length = 0;
    Token token = peek(cond, 0);
    if (is_symbol(cond, 0, "-") && is_piece(peek(cond, 1).kind) && peek(cond, 1).start == token.end)
        length = 1;
    else if (!is_piece(token.kind))
        return 0;
    for (length++;; length++) {
        uint32_t end = peek(cond, length - 1).end;
        bool glue = is_symbol(cond, length, "-") || is_symbol(cond, length, ".");
        if (peek(cond, length).start != end || !(glue || is_piece(peek(cond, length).kind)))
            return length;
    }
}

static bool is_word(const Cond *cond, const char *word) {
    return peek(cond, 0).kind == TOKEN_WORD && run_length(cond) == 1 &&
           token_is(cond->source, peek(cond, 0), word);
}

static bool accept_word(Cond *cond, const char *word) {
    if (!is_word(cond, word)) return false;
    cond->at++;
    return true;
}

static bool accept_symbol(Cond *cond, const char *text) {
    if (!is_symbol(cond, 0, text)) return false;
    cond->at++;
    return true;
}

static const char *hint_for(const Cond *cond) {
    static const char *words[] = {"THEN", "AND", "LIKE", "NOT"};
    const Strings list = {words, sizeof words / sizeof *words, 0};
    const char *nearest = str_nearest(token_text(cond->arena, cond->source, peek(cond, 0)), &list);
    if (nearest != NULL && peek(cond, 0).kind == TOKEN_WORD)
        return arena_printf(cond->arena, "did you mean %s?", nearest);
    if (is_symbol(cond, 0, "&")) return "write AND";
    if (is_symbol(cond, 0, "|") || is_symbol(cond, 0, "||")) return "write OR";
    if (is_symbol(cond, 0, "!")) return "write NOT";
    if (is_symbol(cond, 0, "=")) return "equality is written ==";
    if (is_symbol(cond, 0, "/") || is_symbol(cond, 0, ":")) return "put text in quotes: 'a/b'";
    return COND_FORM;
}

/* The first error only: what follows it would not mean much. */
static bool fail(Cond *cond, const char *wanted) {
    if (cond->failed) return false;
    cond->failed = true;
    Token token = peek(cond, 0);
    Span span = span_of(cond->source, token.start, token.end);
    if (token.kind == TOKEN_END) {
        Token last = cond->at > 0 ? cond->tokens.items[cond->at - 1] : token;
        span = span_of(cond->source, last.end, last.end);
        diag_error(cond->diags, ERR_CONDITION, span, "the condition ends where %s is expected",
                   wanted)
            ->hint = COND_FORM;
    } else {
        diag_error(cond->diags, ERR_CONDITION, span, "expected %s, found `%s`", wanted,
                   span_text(cond->arena, span))
            ->hint = hint_for(cond);
    }
    return false;
}

static const Value *null_value(Cond *cond) { return value_new(cond->arena, VALUE_NULL, SPAN_NONE); }

/* What a bare text means: null, true, false, a number, else text. */
static const Value *scalar(Cond *cond, const char *text) {
    if (str_ieq(text, "null")) return null_value(cond);
    Value *value = value_string(cond->arena, text, SPAN_NONE);
    if (str_is_json_number(text)) value->kind = VALUE_NUMBER;
    if (str_ieq(text, "true") || str_ieq(text, "false")) {
        value->kind = VALUE_BOOL;
        value->boolean = str_ieq(text, "true");
    }
    return value;
}

/* The ${…} at text; *size is its length. */
static const Value *variable(Cond *cond, const char *text, size_t left, size_t *size) {
    VariableRef ref;
    const char *why;
    *size = 1;
    if (!variable_ref(cond->arena, text, left, &ref, &why)) return NULL;
    *size = ref.size;
    const Value *value =
        cond->host == NULL ? NULL : cond->host->variable(cond->host->context, ref.name, false);
    if (value != NULL) return value;
    if (ref.fallback == NULL) return null_value(cond);
    return ref.fallback_quoted ? value_string(cond->arena, ref.fallback, SPAN_NONE)
                               : scalar(cond, ref.fallback);
}

/* The text with the values of its variables; null is empty text. */
static const Value *substituted(Cond *cond, const char *text) {
    Buf out = buf_on(cond->arena);
    for (size_t size; *text != '\0'; text += size) {
        const Value *value = NULL;
        size = 1;
        if (text[0] == '\\' && text[1] == '$' && text[2] == '{') {
            buf_puts(&out, "${");
            size = 3;
            continue;
        }
        if (text[0] == '$' && text[1] == '{') value = variable(cond, text, strlen(text), &size);
        if (value == NULL)
            buf_put(&out, text, size);
        else if (value_text(value) != NULL)
            buf_puts(&out, value_text(value));
    }
    return value_string(cond->arena, buf_text(&out), SPAN_NONE);
}

static const Value *bare(Cond *cond, const char *text) {
    const Value *value = scalar(cond, text);
    if (value->kind != VALUE_STRING || cond->host == NULL || !variable_is_name(text)) return value;
    const Value *named = cond->host->variable(cond->host->context, text, true);
    return named != NULL ? named : value;
}

/* NULL after an error. */
static const Value *operand(Cond *cond) {
    Token token = peek(cond, 0);
    size_t size, length = run_length(cond);
    if (token.kind == TOKEN_STRING || token.kind == TOKEN_QUOTED || token.kind == TOKEN_ESTRING ||
        token.kind == TOKEN_DOLLAR) {
        cond->at++;
        return substituted(cond, token_text(cond->arena, cond->source, token));
    }
    bool keyword = is_word(cond, "and") || is_word(cond, "or") || is_word(cond, "in") ||
                   is_word(cond, "is") || is_word(cond, "like");
    if (length == 0 || keyword) {
        fail(cond, "a value");
        return NULL;
    }
    cond->at += length;
    Token last = cond->tokens.items[cond->at - 1];
    const char *text = span_text(cond->arena, span_of(cond->source, token.start, last.end));
    if (length == 1 && token.kind == TOKEN_VARIABLE)
        return variable(cond, text, strlen(text), &size);
    return strstr(text, "${") != NULL ? substituted(cond, text) : bare(cond, text);
}

static bool parse_in(Cond *cond, const Value *left, bool negated) {
    bool found = false;
    if (!accept_symbol(cond, "(")) return fail(cond, "`(` and a list after IN");
    do {
        const Value *item = operand(cond);
        if (item == NULL) return false;
        found = found || cond_compare(COND_EQ, left, item);
    } while (accept_symbol(cond, ","));
    if (!accept_symbol(cond, ")")) return fail(cond, "`,` or `)`");
    return found != negated;
}

static bool parse_like(Cond *cond, const Value *left, bool negated) {
    const Value *pattern = operand(cond);
    if (pattern == NULL || left->kind == VALUE_NULL || pattern->kind == VALUE_NULL) return false;
    return cond_like(value_text(left), value_text(pattern)) != negated;
}

static bool parse_is(Cond *cond, const Value *left) {
    bool negated = accept_word(cond, "not");
    if (!accept_word(cond, "null")) return fail(cond, "NULL or NOT NULL after IS");
    return (left->kind == VALUE_NULL) != negated;
}

static bool accept_operator(Cond *cond, CondOperator *operator) {
    static const struct {
        const char *text;
        CondOperator operator;
    } operators[] = {{"==", COND_EQ}, {"=", COND_EQ},  {"!=", COND_NE}, {"<>", COND_NE},
                     {"<=", COND_LE}, {">=", COND_GE}, {"<", COND_LT},  {">", COND_GT}};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (accept_symbol(cond, operators[i].text)) {
            *operator= operators[i].operator;
            return true;
        }
    return false;
}

static bool parse_comparison(Cond *cond) {
    CondOperator operator;
    const Value *left = operand(cond);
    if (left == NULL) return false;
    if (accept_operator(cond, &operator)) {
        const Value *right = operand(cond);
        return right != NULL && cond_compare(operator, left, right);
    }
    if (accept_word(cond, "is")) return parse_is(cond, left);
    bool negated = accept_word(cond, "not");
    if (accept_word(cond, "in")) return parse_in(cond, left, negated);
    if (accept_word(cond, "like")) return parse_like(cond, left, negated);
    return negated ? fail(cond, "IN or LIKE after NOT") : cond_truth(left);
}

static bool parse_not(Cond *cond) {
    if (cond->depth == DEPTH_MAX) return fail(cond, "a condition nested less deep");
    cond->depth++;
    bool result;
    if (accept_word(cond, "not")) {
        result = !parse_not(cond);
    } else if (accept_symbol(cond, "(")) {
        result = parse_or(cond);
        if (!accept_symbol(cond, ")")) fail(cond, "AND, OR or `)`");
    } else {
        result = parse_comparison(cond);
    }
    cond->depth--;
    return result;
}

static bool parse_and(Cond *cond) {
    bool result = parse_not(cond);
    while (!cond->failed && accept_word(cond, "and")) {
        bool right = parse_not(cond);
        result = result && right;
    }
    return result;
}

static bool parse_or(Cond *cond) {
    bool result = parse_and(cond);
    while (!cond->failed && accept_word(cond, "or")) {
        bool right = parse_and(cond);
        result = result || right;
    }
    return result;
}

bool cond_evaluate(Arena *arena, Span condition, const CondHost *host, bool *result, Diags *diags) {
    Cond cond = {
        .arena = arena,
        .source = condition.source,
        .tokens = lex(arena, condition.source, condition.start, condition.end),
        .host = host,
        .diags = diags,
    };
    bool truth = parse_or(&cond);
    if (!cond.failed && peek(&cond, 0).kind != TOKEN_END)
        fail(&cond, "a comparison, AND, OR or THEN");
    if (!cond.failed) *result = truth;
    return !cond.failed;
}

bool cond_check(Arena *arena, Span condition, Diags *diags) {
    bool ignored;
    return cond_evaluate(arena, condition, NULL, &ignored, diags);
}
