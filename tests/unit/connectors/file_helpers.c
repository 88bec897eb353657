/* Helpers of the connector tests. See file_helpers.h. */
#include "connectors/file_helpers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/redact.h"
#include "engine/jscan.h"

World world;
static char before[4096];

int world_set_up(void **state) {
    (void)state;
    char path[] = "/tmp/sqlflow-files-XXXXXX";
    Error err = {0};
    world.arena = arena_new();
    world.dir = arena_strdup(world.arena, mkdtemp(path));
    if (getcwd(before, sizeof before) == NULL || chdir(world.dir) != 0) return 1;
    if (!duck_open(&(DuckConfig){.threads = 2}, &world.duck, &err)) return 1;
    world.diags = diags_on(world.arena);
    world.session = (Session){.arena = world.arena, .duck = world.duck, .diags = &world.diags};
    return 0;
}

int world_tear_down(void **state) {
    (void)state;
    Error err = {0};
    duck_close(world.duck);
    if (chdir(before) != 0) return 1;
    fs_remove_tree(world.dir, &err);
    arena_free(world.arena);
    redact_reset();
    return 0;
}

static Value *value_of(const JScan *scan, uint32_t node) {
    char kind = scan->nodes[node].kind;
    const char *text = jscan_text(world.arena, scan, node);
    Value *value = value_string(world.arena, text == NULL ? "" : text, SPAN_NONE);
    if (kind == '0') value->kind = VALUE_NUMBER;
    if (kind == '0' && (str_eq(text, "true") || str_eq(text, "false"))) {
        value->kind = VALUE_BOOL;
        value->boolean = str_eq(text, "true");
    }
    if (kind == '0' && str_eq(text, "null")) value->kind = VALUE_NULL;
    if (kind != '{' && kind != '[') return value;
    value->kind = kind == '{' ? VALUE_OBJECT : VALUE_ARRAY;
    value->text = NULL;
    for (uint32_t i = node + 1; i < scan->nodes[node].next; i = scan->nodes[i].next) {
        const JNode *child = &scan->nodes[i];
        const char *key = kind == '[' ? NULL
                                      : arena_strndup(world.arena, scan->text + child->key,
                                                      child->key_end - child->key);
        value_add(world.arena, value, key, SPAN_NONE, value_of(scan, i));
    }
    return value;
}

Value *object_of(const char *json) {
    JScan scan;
    if (!jscan_parse(world.arena, json, strlen(json), &scan)) fail_msg("bad JSON: %s", json);
    return value_of(&scan, 0);
}

Link link_of(const char *connector, OptionUse use, const char *json) {
    Link link = {.name = "s"};
    size_t errors = world.diags.errors;
    if (!options_resolve(world.arena, connector_find(connector), use, NULL, object_of(json), &link,
                         &world.diags))
        fail_msg("%s: %s", json, world.diags.items[world.diags.count - 1].message);
    assert_int_equal(world.diags.errors, errors);
    return link;
}

void file_write_n(const char *path, const char *data, size_t size) {
    Error err = {0};
    if (!fs_write_atomic(path, data, size, 0644, &err)) fail_msg("%s", err.message);
}

void file_write(const char *path, const char *text) { file_write_n(path, text, strlen(text)); }

const char *file_read(const char *path) {
    Error err = {0};
    const char *text = fs_read(world.arena, path, NULL, &err);
    if (text == NULL) fail_msg("%s", err.message);
    return text;
}

const char *rows_of(const char *sql) {
    AUTO_ROWS rows = NULL;
    Error err = {0};
    Buf out = buf_on(world.arena);
    if (!duck_query(world.duck, sql, &rows, &err))
        return arena_printf(world.arena, "!%d %s", (int)err.code, err.message);
    while (rows_next(rows, &err)) {
        if (out.size > 0) buf_putc(&out, '\n');
        for (size_t i = 0; i < rows_columns(rows); i++) {
            const char *text = rows_text(rows, i);
            buf_printf(&out, "%s%s", i > 0 ? "|" : "", text == NULL ? "~" : text);
        }
    }
    if (err.code != ERR_NONE)
        return arena_printf(world.arena, "!%d %s", (int)err.code, err.message);
    return buf_text(&out);
}

static const char *read_as(const Link *link, bool careful) {
    AUTO_RELATION relation = {0};
    Error err = {0};
    Strings columns = link_list(link, world.arena, "columns");
    ReadSpec spec = {.columns = &columns, .careful = careful};
    if (!link->connector->relation(&world.session, link, &spec, &relation, &err))
        return arena_printf(world.arena, "!%d %s", (int)err.code, err.message);
    return rows_of(arena_printf(world.arena, "SELECT * FROM %s", relation.sql));
}

const char *read_all(const char *connector, const char *json) {
    Link link = link_of(connector, USE_READ, json);
    const char *rows = read_as(&link, false);
    Error err = {0};
    error_set(&err, ERR_STEP, SPAN_NONE, "%s", rows);
    return *rows == '!' && relation_misguessed(&err) ? read_as(&link, true) : rows;
}

const char *columns_of(const char *connector, const char *json) {
    Link link = link_of(connector, USE_READ, json);
    Columns columns = {0};
    Error err = {0};
    Buf out = buf_on(world.arena);
    if (!link.connector->schema(&world.session, &link, &columns, &err))
        return arena_printf(world.arena, "!%d %s", (int)err.code, err.message);
    for (size_t i = 0; i < columns.count; i++)
        buf_printf(&out, "%s%s %s", i > 0 ? ", " : "", columns.items[i].name,
                   columns.items[i].type);
    return buf_text(&out);
}

size_t warnings(ErrorCode code) {
    size_t count = 0;
    for (size_t i = 0; i < world.diags.count; i++)
        count +=
            world.diags.items[i].code == code && world.diags.items[i].severity == SEVERITY_WARNING;
    return count;
}
