/* What a step reads and writes. See reads.h. */
#include "plan/reads.h"

#include <string.h>

#include "lang/lexer.h"
#include "lang/name.h"
#include "plan/python.h"

void tables_add(Arena *arena, Tables *tables, TableName table) {
    if (!tables_has(tables, table.key)) *LIST_PUSH(arena, tables) = table;
}

bool tables_has(const Tables *tables, const char *key) {
    for (size_t i = 0; i < tables->count; i++)
        if (str_eq(tables->items[i].key, key)) return true;
    return false;
}

bool step_is_barrier(const Step *step) {
    static const char *const objects[] = {"schema", "macro", "type", "sequence"};
    if (step->kind != STEP_SQL || step->sql.object == NULL) return false;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if (str_ieq(step->sql.object, objects[i])) return true;
    return false;
}

/* Schemas of DuckDB's own: what lies in them is never a step's output. */
static bool is_system_schema(const char *schema) {
    return str_ieq(schema, "information_schema") || str_ieq(schema, "pg_catalog");
}

/* Parses sql[from, to) as a query and adds its tables to the step's reads. */
static void read_query(Arena *arena, Duck *duck, Step *step, size_t from, Diags *diags) {
    QueryInfo info = {0};
    Error err = {0};
    const char *sql = step->query.sql + from;
    if (!sqlinfo_query(duck, arena, sql, &info, &err)) {
        int64_t offset = duck_error_offset(duck);
        err.span = sqltext_span(&step->query, offset < 0 ? 0 : offset + (int64_t)from);
        diag_add(diags, SEVERITY_ERROR, &err);
        return;
    }
    for (size_t i = 0; i < info.tables.count; i++) {
        const TableRef *ref = &info.tables.items[i];
        if (is_system_schema(ref->schema)) continue;
        if (ref->catalog != NULL && !str_ieq(ref->catalog, "db")) continue;
        Span span = sqltext_span(&step->query, ref->offset < 0 ? -1 : ref->offset + (int64_t)from);
        tables_add(arena, &step->reads, table_name(arena, ref->schema, ref->name, span));
    }
}

/* One statement's tokens with the text they come from. */
typedef struct Scan {
    Arena *arena;
    const SourceText *source;
    Tokens tokens;
    Strings ctes;
    Step *step;
} Scan;

static bool is(const Scan *scan, size_t i, const char *text) {
    return i < scan->tokens.count && token_is(scan->source, scan->tokens.items[i], text);
}

static bool is_name(const Scan *scan, size_t i) {
    TokenKind kind = scan->tokens.items[i].kind;
    return kind == TOKEN_WORD || kind == TOKEN_QUOTED;
}

/* Names of WITH: `x AS (` or `x(a, b) AS (`, never tables. */
static void collect_ctes(Scan *scan) {
    for (size_t i = 0; i + 3 < scan->tokens.count; i++) {
        if (!is_name(scan, i) || !is(scan, i + 1, "AS")) continue;
        size_t open = i + 2;
        while (is(scan, open, "NOT") || is(scan, open, "MATERIALIZED")) open++;
        if (!is(scan, open, "(")) continue;
        Token t = scan->tokens.items[i];
        strings_add(scan->arena, &scan->ctes,
                    arena_strndup(scan->arena, scan->source->text + t.start, t.end - t.start));
    }
}

/* Reads a (qualified) name at token i; the index behind it, or i when there is none. */
static size_t scan_name(Scan *scan, size_t i, Strings *parts, Span *span) {
    if (!is_name(scan, i)) return i;
    size_t first = i, last = i;
    while (is(scan, last + 1, ".") && is_name(scan, last + 2)) last += 2;
    uint32_t start = scan->tokens.items[first].start, end = scan->tokens.items[last].end;
    const char *text = arena_strndup(scan->arena, scan->source->text + start, end - start);
    if (!name_split(scan->arena, text, parts)) return i;
    *span = sqltext_span(&scan->step->query, start);
    return last + 1;
}

static size_t scan_table(Scan *scan, size_t i) {
    Strings parts = {0};
    Span span = SPAN_NONE;
    size_t next = scan_name(scan, i, &parts, &span);
    if (next == i || is(scan, next, "(")) return next > i ? next : i + 1;
    const char *name = parts.items[parts.count - 1];
    const char *schema = parts.count > 1 ? parts.items[parts.count - 2] : NULL;
    if (!is_system_schema(schema) && !(schema == NULL && strings_has(&scan->ctes, name)))
        tables_add(scan->arena, &scan->step->reads, table_name(scan->arena, schema, name, span));
    return next;
}

static bool starts_relation(const Scan *scan, size_t i) {
    if (is(scan, i, "JOIN") || is(scan, i, "USING")) return true;
    return is(scan, i, "FROM") && !(i > 0 && is(scan, i - 1, "DISTINCT"));
}

/* Names behind FROM, JOIN and USING and their commas, at any depth. */
static void scan_reads(Scan *scan) {
    collect_ctes(scan);
    for (size_t i = 0; i + 1 < scan->tokens.count; i++) {
        if (!starts_relation(scan, i)) continue;
        bool delete_target = is(scan, i, "FROM") && i > 0 && is(scan, i - 1, "DELETE");
        size_t next = i + 1;
        do {
            if (is(scan, next, "LATERAL") || is(scan, next, "ONLY")) next++;
            if (is(scan, next, "(") || !is_name(scan, next)) break;
            if (delete_target) break;
            next = scan_table(scan, next);
            if (is(scan, next, "AS")) next++;
            if (is_name(scan, next) && is(scan, next + 1, ",")) next++;
        } while (is(scan, next, ",") && ++next);
    }
}

/* Byte offset of the first token at depth 0, from `token` on, that begins a query; -1: none. */
static int64_t query_start(const Scan *scan, size_t token) {
    static const char *const starts[] = {"SELECT", "WITH", "FROM", "VALUES", "TABLE", "PIVOT"};
    int depth = 0;
    for (size_t i = token; i + 1 < scan->tokens.count; i++) {
        if (depth == 0)
            for (size_t k = 0; k < sizeof starts / sizeof *starts; k++)
                if (is(scan, i, starts[k])) return scan->tokens.items[i].start;
        depth += is(scan, i, "(") ? 1 : is(scan, i, ")") ? -1 : 0;
    }
    return -1;
}

/* CREATE [OR REPLACE] [TEMP|TEMPORARY] … [IF NOT EXISTS]: the words before the name. */
static void read_create(Scan *scan, Step *step) {
    for (size_t i = 1; i + 1 < scan->tokens.count && i < 9; i++) {
        if (is(scan, i, "REPLACE")) step->or_replace = true;
        if (is(scan, i, "TEMP") || is(scan, i, "TEMPORARY")) step->temporary = true;
        if (is(scan, i, "EXISTS")) step->if_not_exists = true;
        if (is(scan, i, "(") || is(scan, i, "AS")) break;
    }
}

/* INSERT INTO t, DROP TABLE t, … but not with IF EXISTS. */
static bool needs_targets(const Scan *scan, const Step *step) {
    switch (step->sql.verb) {
        case SQL_INSERT:
        case SQL_UPDATE:
        case SQL_DELETE:
        case SQL_MERGE:
        case SQL_TRUNCATE:
        case SQL_COPY_FROM: return true;
        case SQL_ALTER:
        case SQL_DROP: return str_eq(step->sql.object, "table") && !is(scan, 2, "IF");
        case SQL_CREATE_TABLE:
        case SQL_CREATE_VIEW:
        case SQL_CREATE_SCHEMA:
        case SQL_CREATE_MACRO:
        case SQL_CREATE_TYPE:
        case SQL_CREATE_INDEX:
        case SQL_CREATE_SEQUENCE:
        case SQL_COMMENT: return false;
    }
    return false;
}

/* ALTER … RENAME TO makes a table of another name. */
static void add_renamed(Scan *scan, Step *step) {
    for (size_t i = 0; step->sql.verb == SQL_ALTER && i + 2 < scan->tokens.count; i++) {
        Strings parts = {0};
        Span span = SPAN_NONE;
        if (!is(scan, i, "RENAME") || !is(scan, i + 1, "TO")) continue;
        if (scan_name(scan, i + 2, &parts, &span) > i + 2 && parts.count == 1)
            tables_add(scan->arena, &step->writes,
                       table_name(scan->arena, step->target.schema, parts.items[0], span));
    }
}

/* A plain SQL statement: a view's query goes to DuckDB's parser, the rest is scanned. */
static void read_statement(Arena *arena, Duck *duck, Step *step, Diags *diags) {
    const char *sql = step->query.sql;
    Scan scan = {.arena = arena, .step = step};
    scan.source = source_new(arena, "sql", sql, strlen(sql));
    scan.tokens = lex(arena, scan.source, 0, strlen(sql));
    if (is(&scan, 0, "CREATE")) read_create(&scan, step);
    if (step->sql.verb == SQL_CREATE_VIEW) {
        size_t as = 0;
        while (as < scan.tokens.count && !is(&scan, as, "AS")) as++;
        int64_t start = query_start(&scan, as);
        if (start >= 0) read_query(arena, duck, step, (size_t)start, diags);
    } else if (step->sql.verb != SQL_COPY_FROM && step->sql.verb != SQL_COMMENT) {
        scan_reads(&scan);
    }
    for (size_t i = 0; !step_is_barrier(step) && i < step->sql.targets.count; i++)
        tables_add(arena, &step->writes, step->sql.targets.items[i]);
    step->sql.needs_targets = needs_targets(&scan, step);
    if (!step_is_barrier(step)) add_renamed(&scan, step);
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
