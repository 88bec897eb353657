/* The option column_types, for sources whose columns have types of their own: values are cast and
 * must keep their meaning, as in every load. */
#include "connectors/column_types.h"

#include <string.h>

#include "engine/casts.h"

bool column_type_is(const char *text) {
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_ (),[]\"");
    return size > 0 && text[size] == '\0';
}

bool column_is_missing(const Link *link, const Columns *columns, const char *option,
                       const char *name, Error *err) {
    AUTO_ARENA arena = arena_new();
    Strings names = columns_names(arena, columns);
    Span span = link_has(link, option) ? link_span(link, option) : link->span;
    error_set(err, ERR_OPTION_VALUE, span, "%s names '%s', which the source does not have%s",
              option, name, str_did_you_mean(arena, name, &names));
    return error_hint(err, "its columns are: %s", strings_join(arena, &names, ", "));
}

bool column_types_check(const Link *link, const Columns *columns, Error *err) {
    const Value *types = link_value(link, "column_types");
    for (size_t i = 0; types != NULL && i < types->count; i++) {
        const Member *member = &types->members[i];
        if (columns_find(columns, member->key) == NULL)
            return column_is_missing(link, columns, "column_types", member->key, err);
        if (!column_type_is(value_text(member->value)))
            return error_set(err, ERR_OPTION_VALUE, member->value->span, "'%s' is no type",
                             value_text(member->value));
    }
    return true;
}

bool column_type_name(Session *session, const Value *type, const char **name, Error *err) {
    Columns one = {0};
    if (!column_type_is(value_text(type)))
        return error_set(err, ERR_OPTION_VALUE, type->span, "'%s' is no type", value_text(type));
    const char *sql =
        arena_printf(session->arena, "SELECT CAST(NULL AS %s) AS x", value_text(type));
    Error failure = {0};
    if (!duck_describe(session->duck, session->arena, sql, &one, &failure)) {
        error_set(err, ERR_OPTION_VALUE, type->span, "'%s' is no type", value_text(type));
        return error_hint(err, "types are DuckDB's: VARCHAR, BIGINT, DOUBLE, DECIMAL(18, 2), DATE, "
                               "TIMESTAMP …");
    }
    *name = one.items[0].type;
    return true;
}

static Column *find(Columns *columns, const char *name) {
    for (size_t i = 0; i < columns->count; i++)
        if (str_ieq(columns->items[i].name, name)) return &columns->items[i];
    return NULL;
}

static void put_cast(Buf *out, const Column *column, const char *type) {
    if (cast_is_plain(column->type, type)) {
        const char *name = sql_ident(out->arena, column->name);
        buf_printf(out, "CAST(%s AS %s) AS %s", name, type, name);
    } else {
        cast_expression(out, column, type, "''");
    }
}

bool column_types_put(Session *session, const Link *link, Columns *columns, Buf *out,
                      Error *err) {
    const Value *types = link_value(link, "column_types");
    if (!column_types_check(link, columns, err)) return false;
    for (size_t i = 0; types != NULL && i < types->count; i++) {
        Column *column = find(columns, types->members[i].key);
        const char *type = NULL;
        if (!column_type_name(session, types->members[i].value, &type, err)) return false;
        buf_puts(out, i == 0 ? " REPLACE (" : ", ");
        put_cast(out, column, type);
        column->type = type;
    }
    if (types != NULL && types->count > 0) buf_putc(out, ')');
    return true;
}
