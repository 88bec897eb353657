/* Opens the database for commands that look into it, and turns rows into JSON and tables.
 * See reader.h. */
#include "cli/reader.h"

#include <string.h>

#include "base/fs.h"

static bool find_database(Context *context, Reader *reader, Error *err) {
    *reader = (Reader){.lock = LOCK_NONE};
    if (!context_database(context, &reader->path, err)) return false;
    const char *profile = context->project.profile.name;
    if (reader->path == NULL) {
        error_set(err, ERR_DATABASE, SPAN_NONE,
                  "profile '%s' keeps its database in memory: nothing outlives a run", profile);
        return error_hint(err, "set engines.duckdb to { mode: persistent, path: … } in %s",
                          context->project.profile.path);
    }
    if (fs_exists(reader->path)) return true;
    error_set(err, ERR_DATABASE, SPAN_NONE, "there is no database file %s yet", reader->path);
    return error_hint(err, "profile '%s' names it; the first run of a pipeline creates it",
                      profile);
}

static bool open_locked(Context *context, Reader *reader, bool read_only, Error *err) {
    DuckConfig config;
    if (!context_engine(context, &config)) return false;
    config.read_only = config.temp_optional = read_only;
    if (!duck_open(&config, &reader->duck, err)) {
        reader_close(reader);
        return false;
    }
    if (state_exists(reader->duck, &reader->has_state, err)) return true;
    reader_close(reader);
    return false;
}

bool reader_open(Context *context, Reader *reader, Error *err) {
    return find_database(context, reader, err) && lock_shared(reader->path, &reader->lock, err) &&
           open_locked(context, reader, true, err);
}

bool reader_open_list(Context *context, Reader *reader, Error *err) {
    *reader = (Reader){.lock = LOCK_NONE};
    if (!context_database(context, &reader->path, err)) return false;
    if (reader->path != NULL && !fs_exists(reader->path)) return true;
    return reader_open(context, reader, err);
}

bool reader_open_exclusive(Context *context, Reader *reader, Error *err) {
    if (!find_database(context, reader, err)) return false;
    LockRequest request = {
        .database = reader->path,
        .pipeline = context->cli->path,
        .wait_seconds = flag_wait(context->cli),
    };
    int64_t version;
    if (!lock_exclusive(&request, &reader->lock, err) ||
        !open_locked(context, reader, false, err))
        return false;
    if (state_known(reader->duck, &version, err)) return true;
    reader_close(reader);
    return false;
}

void reader_close(Reader *reader) {
    duck_close(reader->duck);
    reader->duck = NULL;
    lock_release(&reader->lock);
}

/* -- rows -------------------------------------------------------------------------------- */

static bool is_number_type(const char *type) {
    static const char *const types[] = {"TINYINT",  "SMALLINT",  "INTEGER",  "BIGINT",  "HUGEINT",
                                        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
                                        "FLOAT",    "DOUBLE",    NULL};
    return str_iin(type, types) || str_istarts(type, "DECIMAL");
}

/* to_json writes inf and nan inside of lists and structs as JavaScript would; JSON has no such
 * numbers, so they are null, as outside. */
static const char *finite_json(Arena *arena, const char *text) {
    static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
    if (strstr(text, "Infinity") == NULL && strstr(text, "NaN") == NULL) return text;
    Buf out = buf_on(arena);
    bool quoted = false;
    for (const char *c = text; *c != '\0';) {
        const char *word = NULL;
        for (size_t i = 0; !quoted && word == NULL && i < sizeof words / sizeof *words; i++)
            if (str_starts(c, words[i])) word = words[i];
        buf_puts(&out, word != NULL ? "null" : "");
        c += word != NULL ? strlen(word) : 0;
        if (word != NULL) continue;
        if (*c == '"') quoted = !quoted;
        if (*c == '\\' && c[1] != '\0') buf_putc(&out, *c++);
        buf_putc(&out, *c++);
    }
    return buf_text(&out);
}

void value_json(JsonWriter *json, const char *key, Rows *rows, size_t column) {
    const char *type = rows_type(rows, column);
    if (rows_is_null(rows, column)) {
        json_null(json, key);
        return;
    }
    const char *text = rows_text(rows, column);
    if (str_ieq(type, "BOOLEAN"))
        json_bool(json, key, str_ieq(text, "true"));
    else if (is_number_type(type) && str_is_json_number(text))
        json_raw(json, key, text);
    else if (is_number_type(type)) /* inf, nan: JSON has no such numbers */
        json_null(json, key);
    else if (str_ieq(type, "JSON"))
        json_raw(json, key, finite_json(json->out->arena, text));
    else
        json_string(json, key, text);
}

bool rows_json(Duck *duck, const char *sql, JsonWriter *json, const char *key, Error *err) {
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck, sql, &rows, err)) return false;
    err->code = ERR_NONE;
    json_array(json, key);
    while (rows_next(rows, err)) {
        json_object(json, NULL);
        for (size_t i = 0; i < rows_columns(rows); i++)
            value_json(json, rows_name(rows, i), rows, i);
        json_end(json);
    }
    json_end(json);
    return err->code == ERR_NONE;
}

bool rows_table(Duck *duck, const char *sql, Table *table, Error *err) {
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck, sql, &rows, err)) return false;
    err->code = ERR_NONE;
    while (rows_next(rows, err))
        for (size_t i = 0; i < table->columns; i++) table_cell(table, rows_text(rows, i));
    return err->code == ERR_NONE;
}

void reader_names(Duck *duck, Arena *arena, const char *sql, Strings *names) {
    Error ignored;
    duck_texts(duck, arena, sql, names, &ignored);
}

bool reader_knows(Context *context, const Reader *reader, const char *pipeline, Error *err) {
    Arena *arena = context->arena;
    Strings names = {0};
    if (!project_pipelines(&context->project, arena, &names, err)) return false;
    if (reader->has_state)
        reader_names(reader->duck, arena, "SELECT DISTINCT pipeline FROM _sqlflow.runs", &names);
    const char *name = project_pipeline_name(arena, pipeline);
    if (strings_has_exact(&names, name)) return true;
    error_set(err, ERR_NO_PIPELINE, SPAN_NONE, "there is no pipeline '%s' and no run of it%s",
              pipeline, str_did_you_mean(arena, name, &names));
    return error_hint(err, "sqlflow history lists the runs of all");
}
