/* The objects there are. A listing brings sizes and times with the keys, 1000 a request; one key
 * alone is asked for by HEAD, which needs no right to list. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "connectors/s3.h"

enum { MAX_NAMED = 5 };

static int64_t number(const char *text) {
    long long value = 0;
    if (text != NULL) str_to_int64(text, &value);
    return value;
}

/* Only metadata is asked for: read_blob fetches the content of no object then. */
static bool metadata(S3 *s3, const char *path, FileEntries *files, Error *err) {
    Arena *arena = s3->session->arena;
    S3Table table;
    const char *sql = arena_printf(
        arena, "SELECT filename, size, epoch_us(last_modified) FROM read_blob(%s) ORDER BY 1",
        sql_literal(arena, path));
    *files = (FileEntries){0};
    if (!s3_query(s3, false, sql, &table, err)) return false;
    for (size_t i = 0; i * table.columns < table.cells.count; i++)
        *LIST_PUSH(arena, files) = (FileEntry){.path = S3_CELL(&table, i, 0),
                                               .size = number(S3_CELL(&table, i, 1)),
                                               .mtime_us = number(S3_CELL(&table, i, 2))};
    return true;
}

/* httpfs takes what follows a '?' for settings, in a name that it listed itself, too. */
static bool unreadable_key(S3 *s3, const char *path, Error *err) {
    S3Table table;
    Error unlisted = {0};
    const char *sql = arena_printf(s3->session->arena,
                                   "SELECT file FROM glob(%s) WHERE contains(file, '?') LIMIT 1",
                                   sql_literal(s3->session->arena, path));
    if (strstr(err->message, "Invalid query parameters") == NULL ||
        !s3_query(s3, false, sql, &table, &unlisted) || table.cells.count == 0)
        return false;
    error_set(err, ERR_UNSUPPORTED, s3->link->span,
              "the key of %s has a '?', which cannot be read", S3_CELL(&table, 0, 0));
    return error_hint(err, "copy it to another key, or leave it out by key_pattern");
}

bool s3_glob(S3 *s3, const char *pattern, FileEntries *files, Error *err) {
    const char *path = arena_printf(s3->session->arena, "s3://%s/%s", s3->place.bucket, pattern);
    if (metadata(s3, path, files, err)) return true;
    unreadable_key(s3, path, err);
    if (err->code != ERR_FILE_MISSING) return false;
    *err = (Error){0};
    *files = (FileEntries){0};
    return true;
}

/* A HEAD's 404 has no words: whether it is the bucket that is missing, the listing tells. */
static bool no_object(S3 *s3, const char *key, Error *err) {
    Arena *arena = s3->session->arena;
    const char *slash = strrchr(key, '/');
    const char *folder = arena_strndup(arena, key, slash == NULL ? 0 : (size_t)(slash + 1 - key));
    FileEntries near = {0};
    Strings names = {0}, shown = {0};
    Error listing = {0};
    if (!s3_glob(s3, arena_printf(arena, "%s*", files_escape(arena, folder)), &near, &listing)) {
        if (strstr(listing.message, "no bucket") != NULL) *err = listing;
        return false;
    }
    for (size_t i = 0; i < near.count; i++) {
        const char *name = fs_basename(near.items[i].path);
        strings_add(arena, &names, name);
        if (shown.count < MAX_NAMED) strings_add(arena, &shown, name);
    }
    const char *nearest = str_nearest(fs_basename(key), &names);
    if (nearest != NULL)
        return error_hint(err, "did you mean %s%s?", folder, nearest);
    if (shown.count > 0)
        return error_hint(err, "s3://%s/%s has %s", s3->place.bucket, folder,
                          strings_join(arena, &shown, ", "));
    return error_hint(err, "s3://%s/%s has no object at all", s3->place.bucket, folder);
}

bool s3_head(S3 *s3, const char *key, FileEntry *entry, Error *err) {
    FileEntries files;
    const char *path = arena_printf(s3->session->arena, "s3://%s/%s", s3->place.bucket, key);
    if (!metadata(s3, path, &files, err))
        return err->code == ERR_REMOTE_OBJECT ? no_object(s3, key, err) : false;
    if (files.count == 0)
        return error_set(err, ERR_REMOTE_OBJECT, s3->link->span, "there is no object %s", path);
    *entry = files.items[0];
    return true;
}

/* What other tools write beside the data: _SUCCESS, _delta_log/…, folder markers. */
static bool is_hidden(const S3Place *place, const char *key) {
    const char *start = place->whole_prefix ? key + strlen(place->prefix) : fs_basename(key);
    if (str_ends(key, "/")) return true;
    for (const char *at = start; at != NULL; at = strchr(at, '/')) {
        at += *at == '/';
        if (*at == '.' || *at == '_') return true;
    }
    return false;
}

static bool fits(Arena *arena, const S3Place *place, const char *key) {
    if (is_hidden(place, key)) return false;
    if (!place->whole_prefix || place->format == NULL) return true;
    const char *extension = fs_extension(arena, key);
    const FileFormat *format = file_format_find(place->format);
    size_t size = strlen(extension);
    for (const char *at = format->extensions; size > 0 && *at != '\0';) {
        size_t length = strcspn(at, "|");
        if (length == size && str_ieq_n(at, length, extension)) return true;
        at += length + (at[length] == '|');
    }
    return false;
}

bool s3_list(S3 *s3, FileEntries *files, Error *err) {
    const S3Place *place = &s3->place;
    Arena *arena = s3->session->arena;
    if (place->key != NULL) {
        FileEntry entry = {0};
        *files = (FileEntries){0};
        if (s3_head(s3, place->key, &entry, err)) {
            *LIST_PUSH(arena, files) = entry;
            return true;
        }
        if (err->code != ERR_REMOTE_OBJECT || !link_bool(s3->link, "allow_empty")) return false;
        bool no_bucket = strstr(err->message, "no bucket") != NULL;
        if (!no_bucket) *err = (Error){0};
        return !no_bucket;
    }
    FileEntries all;
    if (!s3_glob(s3, place->pattern, &all, err)) return false;
    *files = (FileEntries){0};
    size_t bucket = strlen("s3://") + strlen(place->bucket) + 1;
    for (size_t i = 0; i < all.count; i++) {
        const char *path = all.items[i].path;
        if (!fits(arena, place, path + bucket)) continue;
        *LIST_PUSH(arena, files) = all.items[i];
    }
    return true;
}

static bool no_format(const S3 *s3, Error *err) {
    return error_hint(err, "add \"file_format\": \"csv\", \"json\" or \"parquet\"%s",
                      s3->place.whole_prefix ? ", which leaves others out" : "");
}

bool s3_learn_format(S3 *s3, FileEntries *files, Error *err) {
    S3Place *place = &s3->place;
    size_t kept = 0;
    if (place->format != NULL || files->count == 0) return true;
    for (size_t i = 0; i < files->count; i++) {
        const char *path = files->items[i].path;
        const char *format = s3_format_of(s3->session->arena, path);
        if (format == NULL && place->whole_prefix) continue;
        if (format == NULL)
            return error_set(err, ERR_MISSING_OPTION, s3->link->span,
                             "nothing says which format %s has", path) || no_format(s3, err);
        if (place->format == NULL) place->format = format;
        if (!str_eq(place->format, format))
            return error_set(err, ERR_FILE_FORMAT, s3->link->span, "%s has %s and %s objects",
                             place->uri, place->format, format) || no_format(s3, err);
        files->items[kept++] = files->items[i];
    }
    files->count = kept;
    if (kept > 0) return true;
    error_set(err, ERR_REMOTE_OBJECT, s3->link->span, "%s has no object of a known format",
              place->uri);
    return no_format(s3, err);
}

static bool too_many(const S3 *s3, size_t count, Error *err) {
    long long most = link_int(s3->link, "max_files_per_run");
    if (!link_has(s3->link, "max_files_per_run") || count <= (size_t)most) return false;
    error_set(err, ERR_OPTION_VALUE, link_span(s3->link, "max_files_per_run"),
              "%s has %zu files, more than max_files_per_run (%lld)", s3->place.uri, count, most);
    error_hint(err, "\"sync_mode\": \"incremental\" takes them in portions; a full read needs all");
    return true;
}

bool s3_none_fits(const S3 *s3, Error *err) {
    error_set(err, ERR_REMOTE_OBJECT, s3->link->span, "no object fits %s", s3->place.uri);
    if (s3->place.whole_prefix && s3->place.format != NULL)
        return error_hint(err, "looked for keys that end in %s; \"key_pattern\": \"**\" takes all",
                          str_replace(s3->session->arena,
                                      file_format_find(s3->place.format)->extensions, "|", ", "));
    return error_hint(err, "check bucket, prefix and pattern");
}

bool s3_find(S3 *s3, Strings *paths, Error *err) {
    FileEntries files;
    bool allow_empty = link_bool(s3->link, "allow_empty");
    *paths = (Strings){0};
    if (!s3_list(s3, &files, err) || !s3_learn_format(s3, &files, err)) return false;
    for (size_t i = 0; i < files.count; i++) {
        if (files.items[i].size == 0 && allow_empty) continue;
        if (files.items[i].size == 0)
            return error_set(err, ERR_FILE_EMPTY, s3->link->span, "the object %s is empty",
                             files.items[i].path) ||
                   error_hint(err, "\"allow_empty\": true leaves empty objects out");
        strings_add(s3->session->arena, paths, files.items[i].path);
    }
    if (too_many(s3, paths->count, err)) return false;
    return paths->count > 0 || allow_empty || s3_none_fits(s3, err);
}
