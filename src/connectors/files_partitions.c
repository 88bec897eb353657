/* Folders like year=2024: against the columns of the files in them, and made by an export. */
#include <string.h>

#include "connectors/files.h"

/* The names before '=' in the folders of a path. */
static void partition_names(Arena *arena, const char *path, Strings *names) {
    const char *slash;
    for (const char *at = path; (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        const char *equals = memchr(at, '=', (size_t)(slash - at));
        if (equals != NULL && equals > at)
            strings_add_unique(arena, names, arena_strndup(arena, at, (size_t)(equals - at)));
    }
}

/* DuckDB takes partitions by itself only where all files have them. */
static bool all_have(Arena *arena, const Strings *paths, const char *name) {
    for (size_t i = 0; i < paths->count; i++) {
        Strings names = {0};
        partition_names(arena, paths->items[i], &names);
        if (!strings_has(&names, name)) return false;
    }
    return true;
}

static Link without_partitions(Arena *arena, const Link *link) {
    Link copy = *link;
    Value *options = value_new(arena, VALUE_OBJECT, link->span);
    for (size_t i = 0; i < link->options->count; i++)
        if (!str_eq(link->options->members[i].key, "hive_partitioning"))
            value_add(arena, options, link->options->members[i].key, SPAN_NONE,
                      link->options->members[i].value);
    value_add(arena, options, "hive_partitioning", SPAN_NONE,
              value_string(arena, "false", link->span));
    copy.options = options;
    return copy;
}

bool files_check_partitions(const Files *files, Error *err) {
    Arena *arena = files->session->arena;
    const char *hive = link_text(files->link, "hive_partitioning");
    Strings names = {0};
    if (files->paths->count == 0 || str_ieq(hive, "false")) return true;
    partition_names(arena, files->paths->items[0], &names);
    if (names.count == 0) return true;
    Link link = without_partitions(arena, files->link);
    Diags unheard = diags_on(arena);
    Session session = *files->session;
    session.diags = &unheard;
    Strings first = {.items = files->paths->items, .count = 1, .capacity = 1};
    Files one = {.session = &session, .link = &link, .format = files->format, .paths = &first};
    Columns columns = {0};
    Error unread = {0}; /* what is wrong with the file itself is told when it is read */
    if (!files_schema_of(&one, &columns, &unread)) return true;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        if (columns_find(&columns, name) == NULL) continue;
        if (!str_ieq(hive, "true") && !all_have(arena, files->paths, name)) continue;
        error_set(err, ERR_FILE_FORMAT, link_span(files->link, "hive_partitioning"),
                  "%s has a column '%s', and so has the folder name", first.items[0], name);
        return error_hint(err, "\"hive_partitioning\": false takes the file's own column");
    }
    return true;
}

bool files_is_partition(const FileCall *call, const char *name) {
    Arena *arena = call->session->arena;
    const char *path = arena_printf(arena, "/%s", call->paths->items[0]);
    return strcasestr(path, arena_printf(arena, "/%s=", name)) != NULL;
}

bool files_has_partition(const FileCall *call, const char *name) {
    return !str_ieq(link_text(call->link, "hive_partitioning"), "false") &&
           files_is_partition(call, name);
}

/* 007 and +7 are no numbers: DuckDB would make 7 of both. */
static bool is_code(const char *value) {
    size_t digits = strspn(value, "0123456789");
    return (*value == '0' && digits > 1 && value[digits] == '/') ||
           (*value == '+' && strspn(value + 1, "0123456789") > 0);
}

/* Does the folder of some file hold a text that would be taken for a number? */
static bool holds_codes(const FileCall *call, const char *name) {
    const char *folder = arena_printf(call->session->arena, "/%s=", name);
    for (size_t i = 0; i < call->paths->count; i++) {
        const char *path = arena_printf(call->session->arena, "/%s", call->paths->items[i]);
        const char *at = strcasestr(path, folder);
        if (at != NULL && is_code(at + strlen(folder))) return true;
    }
    return false;
}

static const Value *type_given(const Link *link, const char *name) {
    const Value *types = link_value(link, "column_types");
    for (size_t i = 0; types != NULL && i < types->count; i++)
        if (str_ieq(types->members[i].key, name)) return types->members[i].value;
    return NULL;
}

void files_put_partition_types(Buf *out, const FileCall *call) {
    const char *hive = link_text(call->link, "hive_partitioning");
    Strings names = {0};
    size_t count = 0;
    if (str_ieq(hive, "false")) return;
    partition_names(out->arena, call->paths->items[0], &names);
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        const Value *type = type_given(call->link, name);
        bool sure = str_ieq(hive, "true") || all_have(out->arena, call->paths, name);
        if (!sure || (type == NULL && !holds_codes(call, name))) continue;
        buf_puts(out, count++ == 0 ? ", hive_types = {" : ", ");
        buf_literal(out, name);
        buf_puts(out, ": ");
        buf_literal(out, type == NULL ? "VARCHAR" : value_text(type));
    }
    if (count > 0) buf_putc(out, '}');
}

/* The folder of NULL has a name that a text may have, too: one of them would replace the other. */
const char *files_partitioned(Arena *arena, const Strings *columns, const char *query) {
    Buf sql = buf_on(arena);
    if (columns->count == 0) return query;
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = sql_ident(arena, columns->items[i]);
        const char *message = arena_printf(
            arena, "the partition column %s holds the text __HIVE_DEFAULT_PARTITION__, which is "
                   "the folder of NULL", name);
        buf_printf(&sql,
                   "%s CASE WHEN %s::VARCHAR = '__HIVE_DEFAULT_PARTITION__' THEN error(%s) ELSE %s "
                   "END AS %s", i == 0 ? "SELECT * REPLACE (" : ",", name,
                   sql_literal(arena, message), name, name);
    }
    buf_printf(&sql, ") FROM (\n%s\n)", query);
    return buf_text(&sql);
}
