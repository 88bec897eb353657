/* Fixtures: sources of a pipeline replaced by rows of a test, exports captured. See test_case.h.
 * The script is changed before it is resolved, so a test needs no connection and no secret. */
#include <string.h>

#include "base/fs.h"
#include "cli/test_case.h"
#include "engine/casts.h"
#include "lang/name.h"

/* -- rows as files ----------------------------------------------------------------------- */

bool test_write_rows(Arena *arena, const Value *rows, bool as_text, const char *path,
                     Strings *columns, Error *err) {
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    json_array(&json, NULL);
    for (size_t i = 0; rows != NULL && i < rows->count; i++) {
        const Value *row = rows->members[i].value;
        json_object(&json, NULL);
        for (size_t k = 0; k < row->count; k++) {
            const Member *member = &row->members[k];
            strings_add_unique(arena, columns, member->key);
            if (as_text && member->value->kind == VALUE_NUMBER)
                json_string(&json, member->key, member->value->text);
            else
                json_value(&json, member->key, member->value);
        }
        json_end(&json);
    }
    json_end(&json);
    return fs_write_atomic(path, buf_text(&out), out.size, 0600, err);
}

const char *test_read_rows(Arena *arena, const char *path, const Strings *columns) {
    Buf sql = buf_on(arena);
    buf_puts(&sql, "read_json(");
    buf_literal(&sql, path);
    buf_puts(&sql, ", format = 'array', columns = {");
    for (size_t i = 0; i < columns->count; i++) {
        if (i > 0) buf_puts(&sql, ", ");
        buf_literal(&sql, columns->items[i]);
        buf_puts(&sql, ": 'VARCHAR'");
    }
    buf_puts(&sql, "})");
    return buf_text(&sql);
}

void test_cast(Buf *sql, const Column *from, const char *to) {
    bool near = str_ieq(to, "FLOAT") || str_ieq(to, "DOUBLE");
    const char *name = sql_ident(sql->arena, from->name);
    if (near || cast_is_plain(from->type, to))
        buf_printf(sql, "CAST(%s AS %s) AS %s", name, to, name);
    else
        cast_expression(sql, from, to, "''");
}

/* The real source's columns, when they can be had from a local file: rows then need not name all
 * columns, and have the right types. */
static Columns real_columns(Context *context, const Pipeline *real, const char *name,
                            const Session *scratch) {
    Columns columns = {0};
    Diags ignored = diags_on(context->arena);
    Error err = {0};
    const Source *source = map_get(&real->source_by_name, name);
    const Connector *connector = source == NULL ? NULL : source->link.connector;
    if (connector == NULL || connector->schema == NULL) return columns;
    const char *file_name = arena_printf(context->arena, "x.%s", connector->name);
    if (connector_for_path(context->arena, file_name) != connector) return columns;
    Session session = *scratch;
    session.diags = &ignored;
    return connector->schema(&session, &source->link, &columns, &err) ? columns : (Columns){0};
}

typedef struct Fixture {
    Arena *arena;
    Duck *duck;
    Columns real;  /* of the source; empty: not known */
    Strings given; /* columns that the rows name */
    const char *path;
} Fixture;

/* SELECT of the fixture's rows in the columns and types of the real source. */
static bool typed_query(const Fixture *fixture, const char *from, Buf *sql, Error *err) {
    Strings names = {0};
    const Columns *real = &fixture->real;
    const Strings *given = &fixture->given;
    for (size_t i = 0; i < real->count; i++)
        strings_add(fixture->arena, &names, real->items[i].name);
    for (size_t i = 0; i < given->count; i++)
        if (!strings_has(&names, given->items[i]))
            return error_set(err, ERR_TEST_FILE, SPAN_NONE, "the source has no column '%s'%s",
                             given->items[i],
                             str_did_you_mean(fixture->arena, given->items[i], &names));
    buf_puts(sql, "SELECT ");
    for (size_t i = 0; i < real->count; i++) {
        const Column *column = &real->items[i];
        if (i > 0) buf_puts(sql, ", ");
        if (strings_has(given, column->name))
            test_cast(sql, &(Column){column->name, "VARCHAR"}, column->type);
        else
            buf_printf(sql, "CAST(NULL AS %s) AS %s", column->type,
                       sql_ident(fixture->arena, column->name));
    }
    buf_printf(sql, " FROM %s", from);
    if (given->count == 0) buf_puts(sql, " WHERE false");
    return true;
}

static bool write_fixture(Fixture *fixture, const Value *rows, Error *err) {
    Arena *arena = fixture->arena;
    const char *json = arena_printf(arena, "%s.json", fixture->path);
    Buf query = buf_on(arena);
    bool as_text = fixture->real.count > 0;
    if (!test_write_rows(arena, rows, as_text, json, &fixture->given, err)) return false;
    const char *from =
        fixture->given.count == 0 ? "(SELECT 1)" : test_read_rows(arena, json, &fixture->given);
    if (as_text) {
        if (!typed_query(fixture, from, &query, err)) return false;
    } else if (fixture->given.count == 0) {
        return error_set(err, ERR_TEST_FILE, SPAN_NONE,
                         "no row is given and the source's columns are not known");
    } else {
        buf_puts(&query, "SELECT * FROM read_json(");
        buf_literal(&query, json);
        buf_puts(&query, ", format = 'array')");
    }
    const char *sql = arena_printf(arena, "COPY (%s) TO %s (FORMAT parquet)", buf_text(&query),
                                   sql_literal(arena, fixture->path));
    if (duck_exec(fixture->duck, sql, NULL, err)) return true;
    cast_error_read(err);
    return false;
}

/* -- the script -------------------------------------------------------------------------- */

static bool is_source_option(const char *name) {
    for (const OptionSpec *spec = source_options; spec->name != NULL; spec++)
        if (str_ieq(spec->name, name)) return true;
    return false;
}

static const char *plain_name(Arena *arena, const char *written) {
    Strings parts = {0};
    if (!name_split(arena, written, &parts) || parts.count == 0) return written;
    return parts.items[parts.count - 1];
}

/* The source reads `path`; how it is loaded (cursor, key, …) stays. */
static void replace_source(Arena *arena, Stmt *stmt, const char *type, const char *path) {
    const Value *old = stmt->source.options;
    Value *options = value_new(arena, VALUE_OBJECT, stmt->span);
    for (size_t i = 0; old != NULL && i < old->count; i++)
        if (is_source_option(old->members[i].key))
            value_add(arena, options, old->members[i].key, old->members[i].key_span,
                      old->members[i].value);
    value_add(arena, options, "path", stmt->span, value_string(arena, path, stmt->span));
    stmt->source.type = (Text){.text = type, .span = stmt->span};
    stmt->source.connection = (Text){0};
    stmt->source.options = options;
}

typedef void Visit(Arena *arena, Stmt *stmt, void *context);

static void each_stmt(Arena *arena, const Block *block, Visit *visit, void *context) {
    for (size_t i = 0; i < block->count; i++) {
        Stmt *stmt = block->items[i];
        if (stmt->kind == STMT_IF)
            for (size_t k = 0; k < stmt->branches.count; k++)
                each_stmt(arena, &stmt->branches.items[k].body, visit, context);
        else
            visit(arena, stmt, context);
    }
}

typedef struct Replacement {
    const char *name, *type;
    const char *path; /* NULL: only looks whether the source is there */
    Strings names; /* of all sources, for suggestions */
    bool found;
} Replacement;

static void visit_source(Arena *arena, Stmt *stmt, void *where) {
    Replacement *replacement = where;
    if (stmt->kind != STMT_SOURCE) return;
    const char *name = plain_name(arena, stmt->source.name.text);
    strings_add_unique(arena, &replacement->names, name);
    if (!str_ieq(name, replacement->name)) return;
    replacement->found = true;
    if (replacement->path != NULL)
        replace_source(arena, stmt, replacement->type, replacement->path);
}

static bool fixture_error(Context *context, const Member *member, Error *err) {
    if (err->span.source == NULL) err->span = member->key_span;
    if (err->code != ERR_DISK && err->code != ERR_PERMISSION) err->code = ERR_TEST_FILE;
    error_prefix(err, "given '%s': ", member->key);
    return context_error(context, err);
}

/* `file:` is read as it is, `rows:` become a file of the fixture. */
static bool use_file(Context *context, const char *path, Replacement *replacement, Error *err) {
    const Connector *connector = connector_for_path(context->arena, path);
    if (!fs_exists(path) && !fs_has_glob(path))
        return error_set(err, ERR_TEST_FILE, SPAN_NONE, "there is no file %s", path);
    if (connector == NULL)
        return error_set(err, ERR_TEST_FILE, SPAN_NONE, "the kind of %s is not known", path);
    replacement->type = connector->name;
    replacement->path = path;
    return true;
}

bool test_replace_sources(Context *context, const TestCase *test, const Pipeline *real,
                          Loaded *loaded, const Session *session) {
    Arena *arena = context->arena;
    size_t errors = context->diags.errors;
    for (size_t i = 0; test->given != NULL && i < test->given->count; i++) {
        const Member *member = &test->given->members[i];
        const char *file = member_text(member->value, "file");
        Replacement replacement = {.name = member->key, .type = "parquet"};
        each_stmt(arena, &loaded->script.block, visit_source, &replacement);
        if (!replacement.found) {
            diag_error(&context->diags, ERR_TEST_FILE, member->key_span,
                       "pipeline '%s' has no source '%s'%s", loaded->name, member->key,
                       str_did_you_mean(arena, member->key, &replacement.names));
            continue;
        }
        Fixture fixture = {.arena = arena, .duck = session->duck};
        Error err = {0};
        replacement.path = fixture.path =
            arena_printf(arena, "%s/given_%zu.parquet", session->stage_dir, i);
        fixture.real = real_columns(context, real, member->key, session);
        bool ok = file != NULL ? use_file(context, test_file_path(arena, test->file, file),
                                          &replacement, &err)
                               : write_fixture(&fixture, value_get(member->value, "rows"), &err);
        if (!ok) {
            fixture_error(context, member, &err);
            continue;
        }
        each_stmt(arena, &loaded->script.block, visit_source, &replacement);
    }
    return context->diags.errors == errors;
}

/* -- exports ----------------------------------------------------------------------------- */

static bool is_remote(const Stmt *stmt) {
    const Text *destination = &stmt->export.destination, *type = &stmt->export.type;
    if (!destination->quoted || strstr(destination->text, "://") != NULL) return true;
    const Connector *connector = type->text == NULL ? NULL : connector_find(type->text);
    return connector != NULL && !(connector->can & CAN_BY_FILE);
}

static void visit_export(Arena *arena, Stmt *stmt, void *where) {
    (void)arena, (void)where;
    if (stmt->kind != STMT_EXPORT || !is_remote(stmt)) return;
    stmt->export.destination.quoted = true;
    stmt->export.type = (Text){.text = "parquet", .span = stmt->export.destination.span};
    stmt->export.options = NULL;
}

void test_capture_script(Context *context, Loaded *loaded) {
    each_stmt(context->arena, &loaded->script.block, visit_export, NULL);
}

void test_capture_exports(Context *context, Loaded *loaded, const char *scratch,
                          Captures *captures) {
    Arena *arena = context->arena;
    *captures = (Captures){0};
    for (size_t i = 0; i < loaded->pipeline.steps.count; i++) {
        Step *step = &loaded->pipeline.steps.items[i];
        if (step->kind != STEP_EXPORT) continue;
        const char *file = arena_printf(arena, "%s/export_%zu.parquet", scratch, captures->count);
        *LIST_PUSH(arena, captures) = (Capture){step->export.destination, file};
        Link link = {.name = file, .connector = connector_find("parquet"), .span = step->span};
        link.options = value_new(arena, VALUE_OBJECT, step->span);
        step->export.destination = file;
        step->export.connection = NULL;
        step->export.link = link;
    }
}
