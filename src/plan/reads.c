/* What a step reads and writes. See reads.h. */
#include "plan/reads.h"

#include <string.h>

#include "lang/lexer.h"
#include "lang/name.h"
#include "plan/python.h"

bool tables_has(const Tables *tables, const char *key) {
    for (size_t i = 0; i < tables->count; i++)
        if (str_eq(tables->items[i].key, key)) return true;
    return false;
}

/* Adds unless a table of the same key is there. */
static void tables_add(Arena *arena, Tables *tables, TableName table) {
    if (!tables_has(tables, table.key)) *LIST_PUSH(arena, tables) = table;
}

bool step_is_barrier(const Step *step) {
    static const char *const objects[] = {"schema", "macro", "type", "sequence", NULL};
    return step->kind == STEP_SQL && str_in(step->sql.object, objects);
}

/* Schemas of DuckDB's own: what lies in them is never a step's output. */
static bool is_system_schema(const char *schema) {
    return str_ieq(schema, "information_schema") || str_ieq(schema, "pg_catalog");
}

/* A stretch of a statement as a query of its own: the statement's WITH (its first bytes), words
 * that make a query of what follows, and the bytes [from, to). */
typedef struct Part {
    size_t with;
    const char *head;
    size_t from, to;
} Part;

static int64_t offset_in_statement(const Part *part, int64_t offset) {
    if (offset < (int64_t)part->with) return offset;
    return offset - (int64_t)(part->with + strlen(part->head)) + (int64_t)part->from;
}

/* Adds the tables of a query to the step's reads. */
static bool read_part(Arena *arena, Duck *duck, Step *step, const Part *part, Error *err) {
    QueryInfo info = {0};
    Buf sql = buf_on(arena);
    buf_put(&sql, step->query.sql, part->with);
    buf_puts(&sql, part->head);
    buf_put(&sql, step->query.sql + part->from, part->to - part->from);
    if (!sqlinfo_query(duck, arena, buf_text(&sql), &info, err)) {
        int64_t offset = duck_error_offset(duck);
        err->span = sqltext_span(&step->query, offset_in_statement(part, offset < 0 ? 0 : offset));
        return false;
    }
    for (size_t i = 0; i < info.tables.count; i++) {
        const TableRef *ref = &info.tables.items[i];
        if (is_system_schema(ref->schema)) continue;
        if (ref->catalog != NULL && !str_ieq(ref->catalog, "db")) continue;
        Span span = sqltext_span(&step->query, offset_in_statement(part, ref->offset));
        tables_add(arena, &step->reads, table_name(arena, ref->schema, ref->name, span));
    }
    return true;
}

/* Parses sql[from, …) as a query and adds its tables to the step's reads. */
static void read_query(Arena *arena, Duck *duck, Step *step, size_t from, Diags *diags) {
    Part part = {0, "", from, strlen(step->query.sql)};
    Error err = {0};
    if (!read_part(arena, duck, step, &part, &err)) diag_add(diags, SEVERITY_ERROR, &err);
}

/* A plain SQL statement's tokens. */
typedef struct Scan {
    Arena *arena;
    Duck *duck;
    const SourceText *source;
    Tokens tokens; /* the last is TOKEN_END */
    Step *step;
    size_t with; /* bytes before the verb */
} Scan;

static bool is(const Scan *scan, size_t i, const char *text) {
    return i < scan->tokens.count && token_is(scan->source, scan->tokens.items[i], text);
}

static bool is_any(const Scan *scan, size_t i, const char *const *words) {
    return i < scan->tokens.count && token_in(scan->source, scan->tokens.items[i], words);
}

static bool starts_query(const Scan *scan, size_t i) {
    static const char *const words[] = {"SELECT",  "WITH",     "FROM",      "VALUES", "TABLE",
                                        "PIVOT",   "UNPIVOT",  "DESCRIBE",  "SUMMARIZE",
                                        "SHOW",    NULL};
    return is_any(scan, i, words);
}

static size_t past_brackets(const Scan *scan, size_t i) {
    size_t depth = 0;
    for (; i + 1 < scan->tokens.count; i++) {
        depth += is(scan, i, "(") ? 1 : 0;
        if (is(scan, i, ")") && --depth == 0) return i + 1;
    }
    return i;
}

/* The first of the words from token `i` on, outside parentheses; else the end. */
static size_t find(const Scan *scan, size_t i, const char *const *words) {
    while (i + 1 < scan->tokens.count && !is_any(scan, i, words))
        i = is(scan, i, "(") ? past_brackets(scan, i) : i + 1;
    return i;
}

#define FIND(scan, i, ...) find(scan, i, (const char *const[]){__VA_ARGS__, NULL})

static size_t find_query(const Scan *scan, size_t i) {
    for (; i + 1 < scan->tokens.count; i++) {
        bool nested = is(scan, i, "(") && (starts_query(scan, i + 1) || is(scan, i + 1, "("));
        if (nested || starts_query(scan, i)) return i;
        if (is(scan, i, "(")) i = past_brackets(scan, i) - 1;
    }
    return i;
}

/* Reads tokens [first, end) behind `head`; what does not parse DuckDB reports when it is bound. */
static void read_tokens(Scan *scan, const char *head, size_t first, size_t end) {
    Part part = {scan->with, head, scan->tokens.items[first].start, scan->tokens.items[end].start};
    Error ignored = {0};
    if (first < end) read_part(scan->arena, scan->duck, scan->step, &part, &ignored);
}

/* Reads the queries in parentheses from token `i` on, each by itself. */
static void read_subqueries(Scan *scan, size_t i) {
    for (; i + 1 < scan->tokens.count; i++) {
        if (!is(scan, i, "(") || !starts_query(scan, i + 1)) continue;
        size_t behind = past_brackets(scan, i);
        read_tokens(scan, "", i + 1, behind - 1);
        i = behind - 1;
    }
}

static void read_insert(Scan *scan, size_t verb) {
    size_t query = find_query(scan, verb), end = FIND(scan, query, "RETURNING");
    for (size_t on = query; (on = FIND(scan, on + 1, "ON")) < end;)
        if (is(scan, on + 1, "CONFLICT")) end = on;
    read_tokens(scan, "", query, end);
}

static void read_delete(Scan *scan, size_t verb) {
    size_t at = FIND(scan, verb, "USING", "WHERE"), end = FIND(scan, verb, "RETURNING");
    const char *head = is(scan, at, "USING") ? "FROM " : "SELECT 1 WHERE ";
    if (at < end) read_tokens(scan, head, at + 1, end);
}

static void read_merge(Scan *scan, size_t verb) {
    size_t using = FIND(scan, verb, "USING"), when = using;
    do when = FIND(scan, when + 1, "WHEN");
    while (is(scan, when, "WHEN") && !is(scan, when + 1, "MATCHED") && !is(scan, when + 1, "NOT"));
    if (!is(scan, using, "USING")) return;
    read_tokens(scan, "FROM (SELECT 1) JOIN ", using + 1, when);
    read_subqueries(scan, when);
}

/* INSERT INTO t, DROP TABLE t, … but not with IF EXISTS. */
static bool needs_targets(const Scan *scan, const Step *step) {
    const SqlVerbInfo *verb = sql_verb(step->sql.verb);
    return verb->needs_target && str_eq(step->sql.object, "table") &&
           !(verb->defines && is(scan, 2, "IF"));
}

/* ALTER TABLE t RENAME TO u makes u, in the schema of t. */
static void write_renamed(Scan *scan) {
    size_t name = FIND(scan, 0, "RENAME") + 2;
    if (!is(scan, name - 1, "TO")) return;
    Token token = scan->tokens.items[name];
    tables_add(scan->arena, &scan->step->writes,
               table_name(scan->arena, scan->step->target.schema,
                          token_text(scan->arena, scan->source, token),
                          sqltext_span(&scan->step->query, token.start)));
}

static void read_definition(Scan *scan, Diags *diags) {
    Step *step = scan->step;
    size_t query = find_query(scan, FIND(scan, 0, "AS")), end = scan->tokens.count - 1;
    if (step->sql.verb == SQL_CREATE_VIEW && query < end) {
        read_query(scan->arena, scan->duck, step, scan->tokens.items[query].start, diags);
    } else if (step->sql.verb == SQL_CREATE_TABLE) {
        read_tokens(scan, "", query, end);
    } else { /* a macro or a type */
        bool table = is(scan, query, "TABLE") && query > 0 && is(scan, query - 1, "AS");
        if (table) read_tokens(scan, "", query + 1, end);
        read_subqueries(scan, 0);
    }
}

/* A plain SQL statement: DuckDB's parser takes queries only, so what reads is made into some. */
static void read_statement(Arena *arena, Duck *duck, Step *step, Diags *diags) {
    const char *sql = step->query.sql;
    Scan scan = {.arena = arena, .duck = duck, .step = step};
    scan.source = source_new(arena, "sql", sql, strlen(sql));
    scan.tokens = lex(arena, scan.source, 0, strlen(sql));
    size_t verb = 0;
    if (is(&scan, 0, "WITH")) verb = FIND(&scan, 0, "INSERT", "UPDATE", "DELETE", "MERGE");
    scan.with = verb == 0 ? 0 : scan.tokens.items[verb].start;
    if (is(&scan, verb, "INSERT")) read_insert(&scan, verb);
    if (is(&scan, verb, "UPDATE"))
        read_tokens(&scan, "SELECT ", FIND(&scan, verb + 2, "SET") + 1,
                    FIND(&scan, verb, "RETURNING"));
    if (is(&scan, verb, "DELETE")) read_delete(&scan, verb);
    if (is(&scan, verb, "MERGE")) read_merge(&scan, verb);
    if (is(&scan, 0, "CREATE")) read_definition(&scan, diags);
    for (size_t i = 0; !step_is_barrier(step) && i < step->sql.targets.count; i++)
        tables_add(arena, &step->writes, step->sql.targets.items[i]);
    step->sql.needs_targets = needs_targets(&scan, step);
    if (step->sql.verb == SQL_ALTER) write_renamed(&scan);
}

/* Python table functions read what the queries of their tables read. */
static void read_inputs(Arena *arena, Duck *duck, Udfs *udfs, Step *step) {
    if (udfs == NULL || step->functions.count == 0) return;
    Strings inputs = udf_inputs(udfs, arena, step->query.sql);
    for (size_t i = 0; i < inputs.count; i++) {
        QueryInfo info = {0};
        Error err = {0};
        /* What does not parse was reported by the rewriting. */
        if (!sqlinfo_query(duck, arena, inputs.items[i], &info, &err)) continue;
        for (size_t k = 0; k < info.tables.count; k++)
            tables_add(arena, &step->reads,
                       table_name(arena, info.tables.items[k].schema, info.tables.items[k].name,
                                  step->query.span));
    }
}

void step_tables(Arena *arena, Duck *duck, Udfs *udfs, Step *step, Diags *diags) {
    step_rewrite_python(arena, udfs, duck, step, diags);
    switch (step->kind) {
        case STEP_SOURCE: break;
        case STEP_LOAD:
        case STEP_TRANSFORM:
            if (step->query.sql != NULL) read_query(arena, duck, step, 0, diags);
            tables_add(arena, &step->writes, step->target);
            break;
        case STEP_EXPORT:
        case STEP_ASSERT:
            if (step->query.sql != NULL)
                read_query(arena, duck, step, 0, diags);
            else
                tables_add(arena, &step->reads, step->target);
            break;
        case STEP_SQL: read_statement(arena, duck, step, diags); break;
    }
    read_inputs(arena, duck, udfs, step);
}
