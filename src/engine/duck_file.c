/* A file as DuckDB's file systems have it, on disk or behind an extension such as httpfs, with the
 * secrets of the connection. */

#include "engine/duck_internal.h"

struct DuckFile {
    Duck *duck;
    duckdb_file_system system;
    duckdb_file_handle handle;
};

static bool failed(Duck *duck, duckdb_error_data error, Error *err) {
    duck_fail(duck, NULL, duckdb_error_data_message(error), err);
    duckdb_destroy_error_data(&error);
    return false;
}

bool duck_file_open(Duck *duck, Arena *arena, const char *path, DuckFile **out, Error *err) {
    DuckFile *file = ARENA_NEW(arena, DuckFile);
    *out = file;
    file->duck = duck;
    duckdb_client_context context;
    duckdb_connection_get_client_context(duck->connection, &context);
    file->system = duckdb_client_context_get_file_system(context);
    duckdb_destroy_client_context(&context);
    duckdb_file_open_options options = duckdb_create_file_open_options();
    duckdb_file_open_options_set_flag(options, DUCKDB_FILE_FLAG_READ, true);
    bool ok = duckdb_file_system_open(file->system, path, options, &file->handle) == DuckDBSuccess;
    duckdb_destroy_file_open_options(&options);
    return ok || failed(duck, duckdb_file_system_error_data(file->system), err);
}

int64_t duck_file_read(DuckFile *file, void *buffer, int64_t size, Error *err) {
    int64_t got = duckdb_file_handle_read(file->handle, buffer, size);
    if (got < 0) failed(file->duck, duckdb_file_handle_error_data(file->handle), err);
    return got;
}

bool duck_file_seek(DuckFile *file, int64_t at, Error *err) {
    return duckdb_file_handle_seek(file->handle, at) == DuckDBSuccess ||
           failed(file->duck, duckdb_file_handle_error_data(file->handle), err);
}

int64_t duck_file_size(DuckFile *file) { return duckdb_file_handle_size(file->handle); }

void duck_file_cleanup(DuckFile **file) {
    if (*file == NULL) return;
    duckdb_destroy_file_handle(&(*file)->handle);
    duckdb_destroy_file_system(&(*file)->system);
    *file = NULL;
}
