/* Names of DuckDB's types as DuckDB writes them (DECIMAL(18,3), STRUCT(a INTEGER)), and the
 * columns of queries and tables, which are bound but not run. */
#include <ctype.h>
#include <string.h>

#include "base/map.h"
#include "engine/duck_internal.h"

static const char *const simple_names[] = {
    [DUCKDB_TYPE_BOOLEAN] = "BOOLEAN",
    [DUCKDB_TYPE_TINYINT] = "TINYINT",
    [DUCKDB_TYPE_SMALLINT] = "SMALLINT",
    [DUCKDB_TYPE_INTEGER] = "INTEGER",
    [DUCKDB_TYPE_BIGINT] = "BIGINT",
    [DUCKDB_TYPE_UTINYINT] = "UTINYINT",
    [DUCKDB_TYPE_USMALLINT] = "USMALLINT",
    [DUCKDB_TYPE_UINTEGER] = "UINTEGER",
    [DUCKDB_TYPE_UBIGINT] = "UBIGINT",
    [DUCKDB_TYPE_FLOAT] = "FLOAT",
    [DUCKDB_TYPE_DOUBLE] = "DOUBLE",
    [DUCKDB_TYPE_TIMESTAMP] = "TIMESTAMP",
    [DUCKDB_TYPE_DATE] = "DATE",
    [DUCKDB_TYPE_TIME] = "TIME",
    [DUCKDB_TYPE_INTERVAL] = "INTERVAL",
    [DUCKDB_TYPE_HUGEINT] = "HUGEINT",
    [DUCKDB_TYPE_UHUGEINT] = "UHUGEINT",
    [DUCKDB_TYPE_VARCHAR] = "VARCHAR",
    [DUCKDB_TYPE_BLOB] = "BLOB",
    [DUCKDB_TYPE_TIMESTAMP_S] = "TIMESTAMP_S",
    [DUCKDB_TYPE_TIMESTAMP_MS] = "TIMESTAMP_MS",
    [DUCKDB_TYPE_TIMESTAMP_NS] = "TIMESTAMP_NS",
    [DUCKDB_TYPE_UUID] = "UUID",
    [DUCKDB_TYPE_BIT] = "BIT",
    [DUCKDB_TYPE_TIME_TZ] = "TIME WITH TIME ZONE",
    [DUCKDB_TYPE_TIMESTAMP_TZ] = "TIMESTAMP WITH TIME ZONE",
    [DUCKDB_TYPE_BIGNUM] = "BIGNUM",
    [DUCKDB_TYPE_SQLNULL] = "\"NULL\"",
    [DUCKDB_TYPE_TIME_NS] = "TIME_NS",
    [DUCKDB_TYPE_GEOMETRY] = "GEOMETRY",
    [DUCKDB_TYPE_VARIANT] = "VARIANT",
};

/* DuckDB quotes a field's name only when it must. */
static void put_field(Buf *out, const char *name) {
    bool plain = islower((unsigned char)*name) || *name == '_';
    for (const char *at = name; *at != '\0'; at++)
        plain = plain && (islower((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '_');
    if (plain && !duck_is_keyword(name))
        buf_puts(out, name);
    else
        buf_ident(out, name);
}

static void put_child(Buf *out, duckdb_logical_type child) {
    AUTO_TYPE type = child;
    duck_type_name(out, type);
}

static void put_fields(Buf *out, duckdb_logical_type type, bool is_union) {
    idx_t count =
        is_union ? duckdb_union_type_member_count(type) : duckdb_struct_type_child_count(type);
    buf_puts(out, is_union ? "UNION(" : "STRUCT(");
    for (idx_t i = 0; i < count; i++) {
        AUTO_DUCK_TEXT name = is_union ? duckdb_union_type_member_name(type, i)
                                       : duckdb_struct_type_child_name(type, i);
        if (i > 0) buf_puts(out, ", ");
        put_field(out, name);
        buf_putc(out, ' ');
        put_child(out, is_union ? duckdb_union_type_member_type(type, i)
                                : duckdb_struct_type_child_type(type, i));
    }
    buf_putc(out, ')');
}

static void put_enum(Buf *out, duckdb_logical_type type) {
    uint32_t count = duckdb_enum_dictionary_size(type);
    buf_puts(out, "ENUM(");
    for (uint32_t i = 0; i < count; i++) {
        AUTO_DUCK_TEXT text = duckdb_enum_dictionary_value(type, i);
        if (i > 0) buf_puts(out, ", ");
        buf_literal(out, text);
    }
    buf_putc(out, ')');
}

static void put_nested(Buf *out, duckdb_logical_type type, duckdb_type id) {
    if (id == DUCKDB_TYPE_DECIMAL) {
        buf_printf(out, "DECIMAL(%d,%d)", duckdb_decimal_width(type), duckdb_decimal_scale(type));
    } else if (id == DUCKDB_TYPE_LIST) {
        put_child(out, duckdb_list_type_child_type(type));
        buf_puts(out, "[]");
    } else if (id == DUCKDB_TYPE_ARRAY) {
        put_child(out, duckdb_array_type_child_type(type));
        buf_printf(out, "[%llu]", (unsigned long long)duckdb_array_type_array_size(type));
    } else if (id == DUCKDB_TYPE_MAP) {
        buf_puts(out, "MAP(");
        put_child(out, duckdb_map_type_key_type(type));
        buf_puts(out, ", ");
        put_child(out, duckdb_map_type_value_type(type));
        buf_putc(out, ')');
    } else if (id == DUCKDB_TYPE_STRUCT || id == DUCKDB_TYPE_UNION) {
        put_fields(out, type, id == DUCKDB_TYPE_UNION);
    } else if (id == DUCKDB_TYPE_ENUM) {
        put_enum(out, type);
    } else {
        buf_puts(out, "UNKNOWN");
    }
}

void duck_type_name(Buf *out, duckdb_logical_type type) {
    AUTO_DUCK_TEXT alias = duckdb_logical_type_get_alias(type);
    duckdb_type id = duckdb_get_type_id(type);
    bool simple = (size_t)id < sizeof simple_names / sizeof *simple_names &&
                  simple_names[id] != NULL;
    if (alias != NULL && *alias != '\0')
        buf_puts(out, alias);
    else if (simple)
        buf_puts(out, simple_names[id]);
    else
        put_nested(out, type, id);
}

static bool child_is_known(duckdb_logical_type child) {
    AUTO_TYPE type = child;
    return duck_type_is_known(type);
}

bool duck_type_is_known(duckdb_logical_type type) {
    duckdb_type id = duckdb_get_type_id(type);
    if (id == DUCKDB_TYPE_GEOMETRY || id == DUCKDB_TYPE_VARIANT) return false;
    if (id == DUCKDB_TYPE_LIST) return child_is_known(duckdb_list_type_child_type(type));
    if (id == DUCKDB_TYPE_ARRAY) return child_is_known(duckdb_array_type_child_type(type));
    if (id == DUCKDB_TYPE_MAP)
        return child_is_known(duckdb_map_type_key_type(type)) &&
               child_is_known(duckdb_map_type_value_type(type));
    if (id == DUCKDB_TYPE_STRUCT) {
        idx_t count = duckdb_struct_type_child_count(type);
        for (idx_t i = 0; i < count; i++)
            if (!child_is_known(duckdb_struct_type_child_type(type, i))) return false;
        return true;
    }
    /* The library tells nothing of a union's tag in a form that fits every member. */
    return id != DUCKDB_TYPE_UNION && id != DUCKDB_TYPE_DECIMAL && id != DUCKDB_TYPE_ENUM
               ? (size_t)id < sizeof simple_names / sizeof *simple_names &&
                     simple_names[id] != NULL
               : id != DUCKDB_TYPE_UNION;
}

/* `SELECT * FROM a JOIN b ON …` may give a name twice; a table or subquery of it has x and x_1. */
static void name_apart(Arena *arena, Columns *columns) {
    AUTO_ARENA scratch = arena_new();
    Map taken = map_on(scratch);
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = columns->items[i].name;
        for (int k = 1; map_has(&taken, columns->items[i].name); k++) {
            columns->items[i].name = arena_printf(arena, "%s_%d", name, k);
            columns->renamed = true;
        }
        map_set(&taken, columns->items[i].name, columns);
    }
}

bool duck_describe(Duck *duck, Arena *arena, const char *query, Columns *columns, Error *err) {
    *columns = (Columns){0};
    AUTO_STATEMENT statement = NULL;
    if (!duck_prepare_last(duck, query, &statement, err)) return false;
    if (statement == NULL) return error_set(err, ERR_QUERY, SPAN_NONE, "the query is empty");
    idx_t count = duckdb_prepared_statement_column_count(statement);
    for (idx_t i = 0; i < count; i++) {
        AUTO_TYPE type = duckdb_prepared_statement_column_logical_type(statement, i);
        const char *named = duckdb_prepared_statement_column_name(statement, i);
        AUTO_DUCK_TEXT name = (char *)(uintptr_t)named;
        Buf text = buf_on(arena);
        duck_type_name(&text, type);
        *LIST_PUSH(arena, columns) = (Column){arena_strdup(arena, name), buf_text(&text)};
    }
    name_apart(arena, columns);
    return true;
}

bool duck_table_columns(Duck *duck, Arena *arena, const char *schema, const char *table,
                        Columns *columns, Error *err) {
    Buf sql = buf_on(arena);
    buf_puts(&sql, "FROM ");
    buf_ident(&sql, schema == NULL ? "main" : schema);
    buf_putc(&sql, '.');
    buf_ident(&sql, table);
    Error failure = {0};
    if (duck_describe(duck, arena, buf_text(&sql), columns, &failure)) return true;
    *columns = (Columns){0};
    /* A view may also lack what it reads or calls: it is there, and cannot be read. */
    const char *missing = arena_printf(arena, "Table with name %s does not exist", table);
    if (failure.code == ERR_QUERY && (str_starts(failure.message, missing) ||
                                      strstr(failure.message, "exist because schema") != NULL))
        return true;
    *err = failure;
    return error_prefix(err, "'%s' cannot be read: ", table);
}

const Column *columns_find(const Columns *columns, const char *name) {
    for (size_t i = 0; i < columns->count; i++)
        if (str_ieq(columns->items[i].name, name)) return &columns->items[i];
    return NULL;
}

Strings columns_names(Arena *arena, const Columns *columns) {
    Strings names = {0};
    for (size_t i = 0; i < columns->count; i++) strings_add(arena, &names, columns->items[i].name);
    return names;
}
