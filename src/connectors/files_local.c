/* The functions of the local file connectors: probe, schema, relation, files, discover. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "connectors/files.h"

enum { MAX_DISCOVERED = 10000 };

static Files files_of(Session *session, const Link *link, const Strings *paths) {
    return (Files){.session = session, .link = link,
                   .format = file_format_find(link->connector->name), .paths = paths};
}

bool files_schema(Session *session, const Link *link, Columns *columns, Error *err) {
    Strings paths;
    Files files = files_of(session, link, &paths);
    *columns = (Columns){0};
    if (!files_find(session, link, files.format, link_bool(link, "allow_empty"), &paths, err))
        return false;
    return files_schema_of(&files, columns, err);
}

bool files_relation(Session *session, const Link *link, const ReadSpec *spec, Relation *relation,
                    Error *err) {
    Strings paths;
    Files files = files_of(session, link, &paths);
    if (spec->files != NULL)
        files.paths = spec->files;
    else if (!files_find(session, link, files.format, link_bool(link, "allow_empty"), &paths, err))
        return false;
    return files_relation_of(&files, spec, relation, err);
}

bool files_list(Session *session, const Link *link, FileEntries *entries, Error *err) {
    Strings paths;
    Files files = files_of(session, link, &paths);
    *entries = (FileEntries){0};
    if (!files_find(session, link, files.format, true, &paths, err)) return false;
    for (size_t i = 0; i < paths.count; i++) {
        FileEntry entry = {.path = paths.items[i]};
        if (fs_stat(entry.path, &entry.size, &entry.mtime_us))
            *LIST_PUSH(session->arena, entries) = entry;
    }
    return true;
}

/* A connection may leave the path to the pipelines; then the working folder is looked at. What
 * has no bytes is no reason to stop looking. */
static Link browsing(Session *session, const Link *link) {
    Link copy = *link;
    Value *options = value_new(session->arena, VALUE_OBJECT, link->span);
    for (size_t i = 0; link->options != NULL && i < link->options->count; i++)
        value_add(session->arena, options, link->options->members[i].key, SPAN_NONE,
                  link->options->members[i].value);
    value_add(session->arena, options, "allow_empty", SPAN_NONE,
              value_string(session->arena, "true", link->span));
    if (!link_has(link, "path"))
        value_add(session->arena, options, "path", SPAN_NONE,
                  value_string(session->arena, ".", link->span));
    copy.options = options;
    return copy;
}

static bool probe_write(Session *session, const Link *link, ProbeReport *report, Error *err) {
    Strings given = link_list(link, session->arena, "path");
    const char *path = given.count > 0 ? given.items[0] : ".";
    const char *folder = fs_is_dir(path) ? path : fs_dirname(session->arena, path);
    bool ok = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
    probe_stage(session, report, "write", ok, "%s", folder);
    return ok || error_set(err, ERR_FILE_PERMISSION, link->span, "%s may not be written", folder);
}

bool files_probe(Session *session, const Link *given, ProbeReport *report, Error *err) {
    bool has_path = link_has(given, "path");
    Link link = has_path ? *given : browsing(session, given);
    Strings paths;
    Files files = files_of(session, &link, &paths);
    bool found = files_find(session, &link, files.format, !has_path, &paths, err);
    probe_stage(session, report, "list", found, "%s",
                str_count(session->arena, (long long)paths.count, "file"));
    if (!found) return false;
    if (has_path && paths.count > 0) {
        /* The files of a folder need not have one form: the first stands for all. */
        Columns columns = {0};
        Strings one = {.items = paths.items, .count = 1, .capacity = 1};
        Files first = files_of(session, &link, &one);
        bool ok = files_schema_of(&first, &columns, err);
        probe_stage(session, report, "read", ok, "%s: %s", one.items[0],
                    ok ? str_count(session->arena, (long long)columns.count, "column")
                       : err->message);
        if (!ok) return false;
    }
    return !report->check_write || probe_write(session, &link, report, err);
}

bool files_discover(Session *session, const Link *given, Objects *objects, Error *err) {
    Link link = browsing(session, given);
    Strings paths;
    Files files = files_of(session, &link, &paths);
    *objects = (Objects){0};
    if (!files_find(session, &link, files.format, !link_has(given, "path"), &paths, err))
        return false;
    for (size_t i = 0; i < paths.count && i < MAX_DISCOVERED; i++) {
        Object object = {.name = paths.items[i], .kind = "file", .rows = -1, .bytes = -1};
        Strings one = {.items = &paths.items[i], .count = 1, .capacity = 1};
        Files single = files_of(session, &link, &one);
        int64_t mtime = 0;
        Error ignored = {0};
        Diags quiet = diags_on(session->arena);
        Session silent = *session;
        silent.diags = &quiet;
        single.session = &silent;
        fs_stat(object.name, &object.bytes, &mtime);
        files_schema_of(&single, &object.columns, &ignored);
        *LIST_PUSH(session->arena, objects) = object;
    }
    return true;
}

static void check_path(const Link *link, Diags *diags) {
    const Value *path = link_value(link, "path");
    bool empty = path == NULL || path->count == 0;
    for (size_t i = 0; path != NULL && i < path->count; i++)
        if (*value_text(path->members[i].value) == '\0') empty = true;
    if (empty)
        diag_error(diags, ERR_MISSING_OPTION, link_span(link, "path"),
                   path == NULL ? "the option 'path' is missing" : "the option 'path' is empty")
            ->hint = "add \"path\": a file, a folder, a glob or a list of them";
}

void files_check_folders(const Link *link, const char *format, Diags *diags) {
    if (!str_eq(format, "json") || !link_has(link, "partition_by")) return;
    diag_error(diags, ERR_OPTION_VALUE, link_span(link, "partition_by"),
               "partition_by is for CSV and Parquet, not for JSON")
        ->hint = "export csv or parquet, or one JSON file for each value";
}

void files_check_left_out(const Link *link, Diags *diags) {
    if (!link_has(link, "max_errors") || link_bool(link, "ignore_errors")) return;
    diag_error(diags, ERR_OPTION_VALUE, link_span(link, "max_errors"),
               "max_errors needs \"ignore_errors\": true")
        ->hint = "max_errors bounds how many lines ignore_errors may leave out";
}

void files_check(const Link *link, OptionUse use, Diags *diags) {
    if (use == USE_WRITE) files_check_folders(link, link->connector->name, diags);
    if (use == USE_READ) check_path(link, diags);
    if (link_has(link, "partition_by") && link_bool(link, "per_thread_output"))
        diag_error(diags, ERR_OPTION_VALUE, link_span(link, "per_thread_output"),
                   "partition_by and per_thread_output exclude each other")
            ->hint = "keep one of them";
    if (use == USE_READ) files_check_left_out(link, diags);
}
