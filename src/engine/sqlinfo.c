/* What a query reads, out of the parse tree that DuckDB's json_serialize_sql gives. */
#include "engine/sqlinfo.h"

#include <stdlib.h>
#include <string.h>

#include "engine/duck_internal.h"
#include "engine/jscan.h"
#include "engine/sqlinfo_pivot.h"

/* Names of CTEs that hide tables of the same name, innermost first. */
typedef struct Scope {
    const char *name;
    const struct Scope *outer;
} Scope;

typedef struct Walk {
    Arena *arena;
    const JScan *scan;
    QueryInfo *info;
} Walk;

static void walk(Walk *w, uint32_t node, const Scope *scope);

static bool is_hidden(const Scope *scope, const char *name) {
    for (; scope != NULL; scope = scope->outer)
        if (str_ieq(scope->name, name)) return true;
    return false;
}

/* 'data/a.csv' in FROM is a table to the parser. */
static bool is_file(const char *name) {
    static const char *const endings[] = {".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson"};
    if (strchr(name, '/') != NULL) return true;
    size_t size = strlen(name);
    if (str_iends(name, ".gz") || str_iends(name, ".zst")) size -= str_iends(name, ".gz") ? 3 : 4;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t length = strlen(endings[i]);
        if (size > length && str_ieq_n(name + size - length, length, endings[i])) return true;
    }
    return false;
}

static const char *text_of(Walk *w, uint32_t object, const char *key) {
    const char *text = jscan_text(w->arena, w->scan, jscan_find(w->scan, object, key));
    return text == NULL || *text == '\0' ? NULL : text;
}

static int64_t offset_of(Walk *w, uint32_t object) {
    const char *text = text_of(w, object, "query_location");
    long long offset;
    return text != NULL && str_to_int64(text, &offset) ? offset : -1;
}

static void add_table(Walk *w, uint32_t node, const Scope *scope) {
    TableRef ref = {.schema = text_of(w, node, "schema_name"),
                    .catalog = text_of(w, node, "catalog_name"),
                    .name = text_of(w, node, "table_name"),
                    .offset = offset_of(w, node)};
    if (ref.name == NULL) return;
    /* USING KEY: recurring.t is the CTE's own growing table. */
    bool plain = ref.catalog == NULL && (ref.schema == NULL || str_ieq(ref.schema, "recurring"));
    if (plain && (is_hidden(scope, ref.name) || (ref.schema == NULL && is_file(ref.name)))) return;
    for (size_t i = 0; i < w->info->tables.count; i++) {
        TableRef *known = &w->info->tables.items[i];
        if (!str_ieq(known->name, ref.name) || !str_ieq(known->schema, ref.schema) ||
            !str_ieq(known->catalog, ref.catalog))
            continue;
        if (ref.offset >= 0 && (known->offset < 0 || ref.offset < known->offset))
            known->offset = ref.offset;
        return;
    }
    *LIST_PUSH(w->arena, &w->info->tables) = ref;
}

static void add_function(Walk *w, uint32_t node, bool in_from) {
    const char *name = text_of(w, node, "function_name");
    if (name == NULL || jscan_is(w->scan, jscan_find(w->scan, node, "is_operator"), "true")) return;
    const char *catalog = text_of(w, node, "catalog"), *schema = text_of(w, node, "schema");
    if (catalog != NULL)
        schema = arena_printf(w->arena, "%s.%s", catalog, schema == NULL ? "main" : schema);
    *LIST_PUSH(w->arena, &w->info->functions) =
        (FunctionRef){.schema = schema, .name = name, .offset = offset_of(w, node),
                      .in_from = in_from};
}

/* The expression itself, when it is a string constant. */
static void add_text_constant(Walk *w, uint32_t node) {
    const JScan *scan = w->scan;
    if (!jscan_is(scan, jscan_find(scan, node, "class"), "CONSTANT")) return;
    uint32_t value = jscan_find(scan, node, "value");
    uint32_t type = jscan_find(scan, jscan_find(scan, value, "type"), "id");
    const char *text = jscan_text(w->arena, scan, jscan_find(scan, value, "value"));
    if (jscan_is(scan, type, "VARCHAR") && text != NULL)
        *LIST_PUSH(w->arena, &w->info->text_constants) = text;
}

static void walk_children(Walk *w, uint32_t node, const char *except, const Scope *scope) {
    uint32_t end = w->scan->nodes[node].next;
    for (uint32_t child = node + 1; child < end; child = w->scan->nodes[child].next)
        if (except == NULL || !jscan_key_is(w->scan, child, except)) walk(w, child, scope);
}

static const Scope *scope_push(Walk *w, const char *name, const Scope *outer) {
    if (name == NULL) return outer;
    Scope *scope = ARENA_NEW(w->arena, Scope);
    *scope = (Scope){.name = name, .outer = outer};
    return scope;
}

/* SELECT_NODE, SET_OPERATION_NODE, RECURSIVE_CTE_NODE, …: a CTE sees those before it (and, in
 * its recursive part, itself); the node's own parts see all of them. */
static void walk_query(Walk *w, uint32_t node, const Scope *scope) {
    const JScan *scan = w->scan;
    scope = scope_push(w, text_of(w, node, "cte_name"), scope);
    uint32_t map = jscan_find(scan, jscan_find(scan, node, "cte_map"), "map");
    uint32_t end = map == JSCAN_NONE ? 0 : scan->nodes[map].next;
    for (uint32_t entry = map + 1; entry < end; entry = scan->nodes[entry].next) {
        walk(w, jscan_find(scan, entry, "value"), scope);
        scope = scope_push(w, text_of(w, entry, "key"), scope);
    }
    walk_children(w, node, "cte_map", scope);
}

static bool is_query_node(const JScan *scan, uint32_t type) {
    static const char suffix[] = "_NODE";
    if (type == JSCAN_NONE) return false;
    const JNode *node = &scan->nodes[type];
    size_t size = node->end - node->start, length = sizeof suffix - 1;
    return size > length && memcmp(scan->text + node->end - length, suffix, length) == 0;
}

static void walk_list(Walk *w, uint32_t list) {
    const JScan *scan = w->scan;
    bool bare = jscan_key_is(scan, list, "select_list") ||
                jscan_key_is(scan, list, "group_expressions");
    bool orders = jscan_key_is(scan, list, "orders");
    if (!bare && !orders) return;
    for (uint32_t child = list + 1; child < scan->nodes[list].next; child = scan->nodes[child].next)
        add_text_constant(w, orders ? jscan_find(scan, child, "expression") : child);
}

static void walk(Walk *w, uint32_t node, const Scope *scope) {
    if (node == JSCAN_NONE) return;
    const JScan *scan = w->scan;
    char kind = scan->nodes[node].kind;
    if (kind == '[') walk_list(w, node);
    if (kind == '{') {
        uint32_t type = jscan_find(scan, node, "type");
        uint32_t class = jscan_find(scan, node, "class");
        if (class == JSCAN_NONE && is_query_node(scan, type)) {
            walk_query(w, node, scope);
            return;
        }
        if (class == JSCAN_NONE && jscan_is(scan, type, "BASE_TABLE")) add_table(w, node, scope);
        bool in_from = jscan_key_is(scan, node, "function");
        if (jscan_is(scan, class, "FUNCTION") || jscan_is(scan, class, "WINDOW"))
            add_function(w, node, in_from);
    }
    if (kind == '[' || kind == '{') walk_children(w, node, NULL, scope);
}

/* Unknown offsets (-1) last. */
static int by_offset(const void *a, const void *b) {
    uint64_t left = (uint64_t)((const TableRef *)a)->offset;
    uint64_t right = (uint64_t)((const TableRef *)b)->offset;
    return left < right ? -1 : left > right;
}

static bool serialize(Duck *duck, Arena *arena, const char *sql, const char **json, Error *err) {
    if (duck->serialize == NULL &&
        duckdb_prepare(duck->connection,
                       "SELECT json_serialize_sql($1::VARCHAR, skip_default := true, "
                       "skip_empty := true, skip_null := true)",
                       &duck->serialize) != DuckDBSuccess) {
        duck_fail(duck, NULL, duckdb_prepare_error(duck->serialize), err);
        duck_destroy_statement(&duck->serialize);
        duck->serialize = NULL;
        return false;
    }
    if (duckdb_bind_varchar(duck->serialize, 1, sql) != DuckDBSuccess)
        return error_set(err, ERR_QUERY_SYNTAX, SPAN_NONE, "the query is not valid UTF-8");
    *json = NULL;
    duckdb_result result;
    if (!duck_execute(duck, duck->serialize, &result, err)) return false;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk != NULL) {
        duckdb_string_t *text = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        *json = arena_strndup(arena, duckdb_string_t_data(text), duckdb_string_t_length(*text));
        duckdb_destroy_data_chunk(&chunk);
    }
    bool ok = *json != NULL || duck_fail(duck, NULL, duckdb_result_error(&result), err);
    duckdb_destroy_result(&result);
    return ok;
}

static bool parse(Duck *duck, Arena *arena, const char *sql, JScan *scan, Error *err) {
    const char *json = NULL;
    if (!serialize(duck, arena, sql, &json, err)) return false;
    return jscan_parse(arena, json, strlen(json), scan) ||
           error_set(err, ERR_INTERNAL, SPAN_NONE, "DuckDB's parse tree cannot be read");
}

static bool parse_failed(Duck *duck, const char *sql, const JScan *scan, Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *message = jscan_text(arena, scan, jscan_find(scan, 0, "error_message"));
    const char *position = jscan_text(arena, scan, jscan_find(scan, 0, "position"));
    long long offset;
    if (position != NULL && str_to_int64(position, &offset))
        duck->error_offset =
            jscan_is(scan, jscan_find(scan, 0, "error_subtype"), "SYNTAX_ERROR")
                ? duck_byte_offset(sql, offset)
                : offset;
    if (message != NULL && strstr(message, "Only SELECT") != NULL)
        message = "this is not a query (SELECT, WITH, FROM, VALUES, PIVOT, TABLE)";
    return error_set(err, ERR_QUERY_SYNTAX, SPAN_NONE, "%s",
                     message == NULL ? "the query cannot be parsed" : message);
}

static bool is_error(const JScan *scan) {
    return jscan_is(scan, jscan_find(scan, 0, "error"), "true");
}

bool sqlinfo_query(Duck *duck, Arena *arena, const char *sql, QueryInfo *info, Error *err) {
    AUTO_ARENA scratch = arena_new();
    *info = (QueryInfo){0};
    duck->error_offset = -1;
    JScan scan;
    if (!parse(duck, scratch, sql, &scan, err)) return false;
    PivotRewrite rewrite = {0};
    if (is_error(&scan) && pivot_rewrite(scratch, sql, &rewrite) &&
        !parse(duck, scratch, rewrite.sql, &scan, err))
        return false;
    if (is_error(&scan)) {
        parse_failed(duck, rewrite.sql == NULL ? sql : rewrite.sql, &scan, err);
        duck->error_offset = pivot_offset(&rewrite, duck->error_offset);
        return false;
    }
    uint32_t statements = jscan_find(&scan, 0, "statements");
    uint32_t first = statements == JSCAN_NONE ? JSCAN_NONE : statements + 1;
    if (first == JSCAN_NONE || first >= scan.nodes[statements].next)
        return error_set(err, ERR_QUERY_SYNTAX, SPAN_NONE, "the query is empty");
    if (scan.nodes[first].next < scan.nodes[statements].next)
        return error_set(err, ERR_QUERY_SYNTAX, SPAN_NONE, "one query is expected here, not two");
    Walk w = {.arena = arena, .scan = &scan, .info = info};
    walk(&w, first, NULL);
    for (size_t i = 0; i < info->tables.count; i++)
        info->tables.items[i].offset = pivot_offset(&rewrite, info->tables.items[i].offset);
    for (size_t i = 0; i < info->functions.count; i++)
        info->functions.items[i].offset = pivot_offset(&rewrite, info->functions.items[i].offset);
    if (info->tables.count > 1)
        qsort(info->tables.items, info->tables.count, sizeof *info->tables.items, by_offset);
    return true;
}

bool sqlinfo_is_builtin_table(Duck *duck, const char *schema, const char *name) {
    AUTO_ARENA arena = arena_new();
    Buf sql = buf_on(arena);
    buf_puts(&sql, "SELECT count(*) FROM duckdb_views() "
                   "WHERE internal AND lower(view_name) = lower(");
    buf_literal(&sql, name);
    buf_putc(&sql, ')');
    if (schema != NULL) {
        buf_puts(&sql, " AND lower(schema_name) = lower(");
        buf_literal(&sql, schema);
        buf_putc(&sql, ')');
    }
    int64_t count = 0;
    Error ignored = {0};
    return duck_int(duck, buf_text(&sql), &count, &ignored) && count > 0;
}
