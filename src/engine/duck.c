/* Opens and closes DuckDB: always in memory, with the database file attached as `db` (opening a
 * file directly replays some WALs wrongly). Running statements is in duck_exec.c. */
#include "engine/duck.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/duck_internal.h"

static void config_cleanup(duckdb_config *config) { duckdb_destroy_config(config); }
#define AUTO_CONFIG __attribute__((cleanup(config_cleanup))) duckdb_config

void duck_free_text(char **text) {
    if (*text != NULL) duckdb_free(*text);
}

void duck_destroy_statement(duckdb_prepared_statement *statement) {
    if (*statement != NULL) duckdb_destroy_prepare(statement);
}

void duck_destroy_type(duckdb_logical_type *type) {
    if (*type != NULL) duckdb_destroy_logical_type(type);
}

typedef struct Setting {
    const char *name, *value; /* value NULL: leave DuckDB's default */
} Setting;

/* Settings of the configuration cost nothing, each SET statement about 0.2 ms. A thread of the
 * allocator gives freed memory back to the system: left to the threads that freed it, as much as a
 * small memory_limit can be waiting for their next work. */
static bool configure(const DuckConfig *given, Duck *duck, duckdb_config config, Error *err) {
    char threads[32] = "";
    if (given->threads > 0) snprintf(threads, sizeof threads, "%lld", given->threads);
    bool no_temp = given->temp_directory != NULL && duck->temp_dir == NULL;
    const Setting settings[] = {
        {"errors_as_json", "true"},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"allow_persistent_secrets", "false"},
        {"memory_limit", given->memory_limit},
        {"allocator_background_threads", given->bare ? NULL : "true"},
        {"threads", given->threads > 0 ? threads : NULL},
        {"temp_directory", given->bare || no_temp ? "" : duck->temp_dir},
        {"max_temp_directory_size", given->max_temp_directory_size},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const Setting *setting = &settings[i];
        if (setting->value == NULL) continue;
        if (duckdb_set_config(config, setting->name, setting->value) != DuckDBSuccess)
            return error_set(err, ERR_PROFILE, SPAN_NONE, "DuckDB refuses %s = '%s'",
                             setting->name, setting->value);
    }
    return true;
}

static bool open_instance(const DuckConfig *given, Duck *duck, Error *err) {
    AUTO_CONFIG config = NULL;
    AUTO_DUCK_TEXT message = NULL;
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return error_set(err, ERR_INTERNAL, SPAN_NONE, "DuckDB gives no configuration");
    if (!configure(given, duck, config, err)) return false;
    if (duckdb_open_ext(NULL, &duck->database, config, &message) != DuckDBSuccess) {
        duck_fail(duck, NULL, message, err);
        err->code = ERR_PROFILE; /* in memory only a setting can be wrong */
        return false;
    }
    if (duckdb_connect(duck->database, &duck->connection) != DuckDBSuccess)
        return error_set(err, ERR_INTERNAL, SPAN_NONE, "DuckDB gives no connection");
    if (given->bare) return true;
    /* The first is no setting of the configuration, the other is forgotten there. */
    const char *size = given->max_temp_directory_size;
    const char *limit = size == NULL ? ""
                                     : arena_printf(duck->arena,
                                                    "; SET max_temp_directory_size = %s",
                                                    sql_literal(duck->arena, size));
    return duck_execf(duck, err, "SET TimeZone = 'UTC'%s", limit) && duck_add_exact(duck, err);
}

/* DuckDB counts progress only with its bar on, and then after every task: not for nothing. */
bool duck_count_progress(Duck *duck, Error *err) {
    return duck_exec(duck, "SET enable_progress_bar_print = false; SET enable_progress_bar = true",
                     NULL, err);
}

/* "… Conflicting lock is held in /usr/bin/x (PID 123) by user me. See also …" → its middle. */
static void locked(const DuckConfig *config, Error *err) {
    char holder[512] = "another process";
    const char *in = strstr(err->message, "is held in "), *end;
    if (in != NULL) {
        in += strlen("is held in ");
        end = strstr(in, ". See also");
        if (end == NULL) end = in + strlen(in);
        snprintf(holder, sizeof holder, "%.*s", (int)(end - in), in);
    }
    error_set(err, ERR_LOCKED, SPAN_NONE, "the database %s is in use by %s", config->path, holder);
    error_hint(err, "wait until it has ended, or close the program that has the file open");
}

static bool attach_failed(const DuckConfig *config, Error *err) {
    if (err->code == ERR_LOCKED) {
        locked(config, err);
    } else if (err->code == ERR_DISK || err->code == ERR_PERMISSION || err->code == ERR_MEMORY ||
               err->code == ERR_LIMIT || err->code == ERR_INTERRUPTED) {
        error_prefix(err, "cannot open the database %s: ", config->path);
    } else {
        err->code = ERR_DATABASE;
        error_prefix(err, "cannot open the database %s: ", config->path);
        if (strstr(err->message, "not a valid DuckDB database") != NULL)
            error_hint(err, "give another path in engines.duckdb.path, or move the file away");
    }
    return false;
}

/* A process killed while DuckDB writes a new file's headers would leave one that is no database. So
 * a new file is made under a name of its own and renamed when it is whole. */
static bool create(Duck *duck, const char *path, Error *err) {
    const char *fresh = arena_printf(duck->arena, "%s.new", path);
    const char *wal = arena_printf(duck->arena, "%s.wal", fresh);
    unlink(fresh);
    unlink(wal);
    bool made = duck_execf(duck, err,
                           "ATTACH %s AS sqlflow_new (STORAGE_VERSION 'latest'); CHECKPOINT "
                           "sqlflow_new; DETACH sqlflow_new",
                           sql_literal(duck->arena, fresh)) &&
                fs_fsync_path(fresh, err) && fs_rename(fresh, path, err) &&
                fs_fsync_parent(path, err);
    if (!made) unlink(fresh);
    return made;
}

bool duck_attach(Duck *duck, const DuckConfig *config, Error *err) {
    if (config->read_only && !fs_exists(config->path)) {
        return error_set(err, ERR_DATABASE, SPAN_NONE, "there is no database %s", config->path);
    }
    if (fs_is_dir(config->path))
        return error_set(err, ERR_DATABASE, SPAN_NONE,
                         "cannot open the database %s: it is a folder", config->path);
    if (!config->read_only &&
        !fs_mkdirs(fs_dirname(duck->arena, config->path), 0777, err))
        return error_prefix(err, "cannot open the database %s: ", config->path);
    /* A file that can be written is not enough: DuckDB keeps its log beside it. */
    const char *folder = fs_dirname(duck->arena, config->path);
    if (!config->read_only && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        return fs_error(err, "write in the folder", folder),
               error_prefix(err, "cannot open the database %s: ", config->path);
    /* DuckDB makes the file and, at any later commit, its WAL with the process's umask. */
    duck->old_umask = umask(0077);
    duck->umask_changed = true;
    if (!config->read_only && !fs_exists(config->path) && !create(duck, config->path, err))
        return attach_failed(config, err);
    const char *option = config->read_only ? "READ_ONLY" : "STORAGE_VERSION 'latest'";
    /* DuckDB keeps 5 row groups a thread before it writes them: memory, and not faster. In memory
     * mode it would compress each of them. */
    if (!duck_execf(duck, err,
                    "SET write_buffer_row_group_count = 1; ATTACH %s AS db (%s); USE db",
                    sql_literal(duck->arena, config->path), option))
        return attach_failed(config, err);
    return true;
}

bool duck_switch(Duck *duck, const char *path, Error *err) {
    DuckConfig config = {.path = path};
    return duck_execf(duck, err,
                      "USE memory; DETACH DATABASE IF EXISTS db; ATTACH %s AS db (STORAGE_VERSION "
                      "'latest'); USE db",
                      sql_literal(duck->arena, path)) ||
           attach_failed(&config, err);
}

bool duck_attach_definitions(Duck *duck, const char *path, Error *err) {
    DuckConfig config = {.path = path, .read_only = true};
    const char *copy = !fs_exists(path) ? ""
                                        : arena_printf(duck->arena,
                                                       "ATTACH %s AS sqlflow_file (READ_ONLY); "
                                                       "COPY FROM DATABASE sqlflow_file TO db "
                                                       "(SCHEMA); DETACH sqlflow_file; ",
                                                       sql_literal(duck->arena, path));
    return duck_execf(duck, err, "ATTACH ':memory:' AS db; %sUSE db", copy) ||
           attach_failed(&config, err);
}

bool duck_need_temp(Duck *duck, const DuckConfig *config, Error *err) {
    if (config->temp_directory == NULL || duck->temp_dir != NULL) return true;
    return duck_temp_open(duck, config->temp_directory, err) &&
           (duck->connection == NULL || duck_execf(duck, err, "SET temp_directory = %s",
                                                   sql_literal(duck->arena, duck->temp_dir)));
}

bool duck_open(const DuckConfig *config, Duck **out, Error *err) {
    *out = NULL;
    if (!duck_library_load(err)) return false;
    Arena *arena = arena_new();
    Duck *duck = ARENA_NEW(arena, Duck);
    *duck = (Duck){.arena = arena, .error_offset = -1, .temp_lock = -1};
    bool ok = (config->bare || duck_need_temp(duck, config, err) || config->temp_optional) &&
              open_instance(config, duck, err) &&
              (config->path == NULL || duck_attach(duck, config, err));
    if (ok)
        *out = duck;
    else
        duck_close(duck);
    return ok;
}

void duck_close(Duck *duck) {
    if (duck == NULL) return;
    duck_destroy_statement(&duck->serialize);
    if (duck->connection != NULL) duckdb_disconnect(&duck->connection);
    if (duck->database != NULL) duckdb_close(&duck->database);
    duck_temp_close(duck);
    if (duck->umask_changed) umask(duck->old_umask);
    arena_free(duck->arena);
}

void duck_cleanup(Duck **duck) { duck_close(*duck); }

DuckMemory duck_memory(Duck *duck) {
    Error ignored = {0};
    AUTO_ROWS rows = NULL;
    if (duck->memory.limit != 0) return duck->memory;
    duck->memory = (DuckMemory){INT64_MAX, 1};
    if (duck_query(duck,
                   "SELECT parse_formatted_bytes(current_setting('memory_limit'))::BIGINT, "
                   "current_setting('threads')", &rows, &ignored) &&
        rows_next(rows, &ignored))
        duck->memory = (DuckMemory){rows_int(rows, 0), rows_int(rows, 1)};
    return duck->memory;
}

unsigned duck_file_mode(const Duck *duck) {
    mode_t mask = duck->old_umask;
    if (!duck->umask_changed) {
        mask = umask(0077); /* the only way to read it */
        umask(mask);
    }
    return 0666 & ~(unsigned)mask;
}

void *duck_connection(Duck *duck) { return duck->connection; }
void *duck_database(Duck *duck) { return duck->database; }
int64_t duck_error_offset(const Duck *duck) { return duck->error_offset; }
