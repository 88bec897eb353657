/* LOAD of an incremental source without a cursor: by file. New files are loaded, changed files
 * replace the rows that they brought, vanished ones are reported. */
#include "run/apply.h"
#include "run/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

typedef struct FileLoad {
    StepContext *ctx;
    const Source *source;
    ModeKind mode;
    Strings keys;
    StateKey key;
    FileEntries now;   /* the files there are */
    Strings wanted;    /* new or changed: to be read */
    Strings changed;   /* known by another size, time or etag */
    Strings known;     /* read by an earlier run, and the same since */
    Relation relation;
} FileLoad;

typedef struct KnownFile {
    int64_t size, mtime_us;
    const char *etag;
    bool seen;
} KnownFile;

typedef struct Listing {
    FileLoad *load;
    FileEntries *files;
} Listing;

static bool list_files(void *context, Error *err) {
    Listing *listing = context;
    Session session = step_session(listing->load->ctx);
    const Link *link = &listing->load->source->link;
    *listing->files = (FileEntries){0};
    return link->connector->files(&session, link, listing->files, err);
}

static bool session_files(FileLoad *load, FileEntries *files, Error *err) {
    Listing listing = {load, files};
    RetryCall call = {.what = load->ctx->step->id, .context = &listing, .attempt = list_files};
    if (run_retrying(load->ctx->run, &load->source->link, &call, &load->ctx->result->retries, err))
        return true;
    err->transient = false; /* tried often enough */
    return step_error(load->ctx, NULL, err);
}

static bool read_ledger(FileLoad *load, Map *known, Error *err) {
    StepContext *ctx = load->ctx;
    const char *sql = arena_printf(ctx->arena,
                                   "SELECT path, coalesce(size, -1), coalesce(epoch_us(mtime), 0), "
                                   "etag FROM _sqlflow.files WHERE %s",
                                   state_where(ctx->arena, &load->key));
    AUTO_ROWS rows = NULL;
    if (!duck_query(ctx->run->duck, sql, &rows, err)) return step_error(ctx, NULL, err);
    err->code = ERR_NONE;
    while (rows_next(rows, err)) {
        KnownFile *file = ARENA_NEW(ctx->arena, KnownFile);
        *file = (KnownFile){rows_int(rows, 1), rows_int(rows, 2),
                            arena_strdup(ctx->arena, rows_text(rows, 3)), false};
        map_set(known, rows_text(rows, 0), file);
    }
    return err->code == ERR_NONE || step_error(ctx, NULL, err);
}

static bool is_same(const KnownFile *known, const FileEntry *now) {
    if (known->size != now->size) return false;
    return now->etag != NULL ? str_eq(known->etag, now->etag) : known->mtime_us == now->mtime_us;
}

static int by_age(const void *a, const void *b) {
    const FileEntry *x = a, *y = b;
    if (x->mtime_us != y->mtime_us) return x->mtime_us < y->mtime_us ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* max_files_per_run: the oldest first, the others in the next runs. */
static void limit_files(FileLoad *load) {
    const Link *link = &load->source->link;
    size_t limit = load->wanted.count;
    if (option_find(link->connector, "max_files_per_run") == NULL ||
        !link_has(link, "max_files_per_run"))
        return;
    if (link_int(link, "max_files_per_run") < (long long)limit)
        limit = (size_t)link_int(link, "max_files_per_run");
    qsort(load->now.items, load->now.count, sizeof *load->now.items, by_age);
    Strings chosen = {0}, changed = {0};
    for (size_t i = 0; i < load->now.count && chosen.count < limit; i++) {
        const char *path = load->now.items[i].path;
        if (!strings_has_exact(&load->wanted, path)) continue;
        strings_add(load->ctx->arena, &chosen, path);
        if (strings_has_exact(&load->changed, path)) strings_add(load->ctx->arena, &changed, path);
    }
    load->wanted = chosen;
    load->changed = changed;
}

static void warn_vanished(const FileLoad *load, const Map *known) {
    for (size_t i = 0; i < known->count; i++)
        if (!((KnownFile *)known->entries[i].value)->seen)
            step_warn(load->ctx, WARN_FILE_VANISHED, "its rows stay in the table",
                      "%s was loaded by an earlier run and is gone", known->entries[i].key);
}

/* There is no file, which may be. */
static bool nothing_there(FileLoad *load, Error *err) {
    Map known = map_exact_on(load->ctx->arena);
    if (load->ctx->anew) return load_nothing(load->ctx, err);
    if (!read_ledger(load, &known, err)) return false;
    warn_vanished(load, &known);
    return true;
}

/* Sorts the files into new, changed and vanished. */
static bool compare(FileLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    Map known = map_exact_on(ctx->arena);
    if (!read_ledger(load, &known, err)) return false;
    for (size_t i = 0; i < load->now.count; i++) {
        const FileEntry *file = &load->now.items[i];
        KnownFile *before = map_get(&known, file->path);
        if (before != NULL) before->seen = true;
        if (before != NULL && is_same(before, file)) {
            strings_add(ctx->arena, &load->known, file->path);
            continue;
        }
        strings_add(ctx->arena, &load->wanted, file->path);
        if (before != NULL) strings_add(ctx->arena, &load->changed, file->path);
    }
    warn_vanished(load, &known);
    limit_files(load);
    bool had = false;
    if (known.count > 0 || load->mode != MODE_APPEND) return true;
    if (!target_had_rows(ctx, &had, err)) return false;
    return had ? refuse_append(ctx, &load->key, err) : true;
}

static const char *path_list(Arena *arena, const Strings *paths) {
    Buf list = buf_on(arena);
    for (size_t i = 0; i < paths->count; i++)
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", sql_literal(arena, paths->items[i]));
    return buf_text(&list);
}

/* Takes the rows of changed files out. */
static bool remove_changed(FileLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    if (load->changed.count == 0) return true;
    Touched *touched = run_touch(ctx->run, &ctx->step->target, err);
    if (touched == NULL) return false;
    int64_t deleted = 0;
    const char *sql = arena_printf(ctx->arena, "DELETE FROM %s WHERE _sqlflow_file IN (%s)",
                                   ctx->step->target.sql,
                                   path_list(ctx->arena, &load->changed));
    if (!step_exec(ctx, sql, &deleted, err)) return false;
    ctx->result->rows_deleted += deleted;
    touched->dirty = true;
    return true;
}

/* A file that changed while it was read may have been read half old, half new. */
static bool check_unchanged(FileLoad *load, Error *err) {
    FileEntries after = {0};
    if (!session_files(load, &after, err)) return false;
    for (size_t i = 0; i < load->now.count; i++) {
        const FileEntry *before = &load->now.items[i], *now = NULL;
        if (!strings_has_exact(&load->wanted, before->path)) continue;
        for (size_t k = 0; k < after.count && now == NULL; k++)
            if (str_eq(after.items[k].path, before->path)) now = &after.items[k];
        if (now != NULL && now->size == before->size && now->mtime_us == before->mtime_us &&
            str_eq(now->etag, before->etag))
            continue;
        error_set(err, ERR_FILE_FORMAT, load->source->span, "%s changed while it was being read",
                  before->path);
        err->transient = true;
        error_hint(err, "let writers put finished files in place by renaming them");
        return step_error(load->ctx, NULL, err);
    }
    return true;
}

static bool write_ledger(FileLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    Arena *arena = ctx->arena;
    const char *where = state_where(arena, &load->key);
    if (!duck_execf(ctx->run->duck, err, "DELETE FROM _sqlflow.files WHERE %s AND path IN (%s)",
                    where, path_list(arena, &load->wanted)))
        return step_error(ctx, NULL, err);
    Buf values = buf_on(arena);
    for (size_t i = 0; i < load->now.count; i++) {
        const FileEntry *file = &load->now.items[i];
        if (!strings_has_exact(&load->wanted, file->path)) continue;
        buf_printf(&values, "%s(%s, %lld, make_timestamp(%lld), %s)", values.size > 0 ? ", " : "",
                   sql_literal(arena, file->path), (long long)file->size,
                   (long long)file->mtime_us,
                   file->etag == NULL ? "NULL" : sql_literal(arena, file->etag));
    }
    return duck_execf(ctx->run->duck, err,
                      "INSERT INTO _sqlflow.files(pipeline, source, target, path, size, mtime, "
                      "etag, rows, run_id) SELECT %s, %s, %s, f.path, f.size, f.mtime, f.etag, "
                      "coalesce(t.n, 0), %s FROM (VALUES %s) f(path, size, mtime, etag) LEFT JOIN "
                      "(SELECT _sqlflow_file AS path, count(*) AS n FROM %s GROUP BY 1) t "
                      "ON t.path = f.path",
                      sql_literal(arena, load->key.pipeline), sql_literal(arena, load->key.source),
                      sql_literal(arena, load->key.target),
                      sql_literal(arena, ctx->run->options->run_id), buf_text(&values),
                      ctx->step->target.sql) ||
           step_error(ctx, NULL, err);
}

static bool no_files(FileLoad *load, Error *err) {
    if (load->source->allow_empty) return true;
    error_set(err, ERR_FILE_MISSING, load->source->span, "no file matches the source '%s'",
              load->source->name);
    error_hint(err, "check its path, or set \"allow_empty\": true when that is fine");
    return step_error(load->ctx, NULL, err);
}

static bool open_files(FileLoad *load, const Strings *files, const char **query, Error *err) {
    ReadSpec spec = {.columns = &load->source->columns, .files = files, .add_file_column = true};
    source_close(load->ctx, &load->relation);
    return source_open(load->ctx, &spec, &load->relation, query, err);
}

static Apply apply_of(const FileLoad *load, const char *query) {
    return (Apply){.target = &load->ctx->step->target, .query = query, .keys = &load->keys,
                   .keys_span = load->ctx->step->mode_span,
                   .on_schema_change = load->source->on_schema_change,
                   .duplicates_are_errors = load->source->duplicates_are_errors,
                   .rebuild = load->ctx->anew};
}

/* The keys of rows that changed files brought; *gone NULL: none can have replaced others. */
static bool stage_keys(FileLoad *load, const char **gone, Error *err) {
    if (load->mode != MODE_UPSERT || load->changed.count == 0) return true;
    Arena *arena = load->ctx->arena;
    const char *query = arena_printf(
        arena, "SELECT DISTINCT %s FROM %s WHERE _sqlflow_file IN (%s)",
        column_list(arena, &load->keys, ""), load->ctx->step->target.sql,
        path_list(arena, &load->changed));
    return apply_stage(load->ctx, query, "gone", gone, NULL, err);
}

/* A changed file's rows may have replaced those of other files. Where it has their key no longer,
 * they come back, as when all files are read: of several the last. */
static bool bring_back(FileLoad *load, const char *gone, Error *err) {
    StepContext *ctx = load->ctx;
    if (gone == NULL || load->known.count == 0) return true;
    bool any = false;
    const char *keys = column_list(ctx->arena, &load->keys, ""), *query = NULL;
    const char *missing = arena_printf(ctx->arena, "(SELECT * FROM %s ANTI JOIN %s USING (%s))",
                                       gone, ctx->step->target.sql, keys);
    if (!duck_any(ctx->run->duck, arena_printf(ctx->arena, "FROM %s", missing), &any, err))
        return step_error(ctx, NULL, err);
    if (!any) return true;
    Strings others = {0};
    for (size_t i = 0; i < load->now.count; i++) /* in their order of reading */
        if (strings_has_exact(&load->known, load->now.items[i].path))
            strings_add(ctx->arena, &others, load->now.items[i].path);
    if (!open_files(load, &others, &query, err)) return false;
    query = arena_printf(ctx->arena,
                         "SELECT * EXCLUDE (_sqlflow_order) FROM (SELECT *, row_number() OVER () "
                         "AS _sqlflow_order FROM (%s)) SEMI JOIN %s gone USING (%s) ORDER BY "
                         "_sqlflow_order", query, missing, keys);
    Apply apply = apply_of(load, query);
    apply.duplicates_are_errors = false;
    int64_t dropped = ctx->result->duplicates_dropped;
    if (!apply_upsert(ctx, &apply, err)) return false;
    ctx->result->duplicates_dropped = dropped;
    return true;
}

static bool read_files(FileLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    const char *query = NULL, *gone = NULL;
    if (!open_files(load, &load->wanted, &query, err) || !stage_keys(load, &gone, err) ||
        !remove_changed(load, err))
        return false;
    Apply apply = apply_of(load, query);
    bool ok = load->mode == MODE_UPSERT
                  ? apply_upsert(ctx, &apply, err) && bring_back(load, gone, err)
                  : apply_append(ctx, &apply, err);
    if (!ok) return false;
    ctx->result->rows_read = ctx->result->rows_inserted + ctx->result->rows_updated +
                             ctx->result->duplicates_dropped;
    return check_unchanged(load, err) && write_ledger(load, err);
}

static bool load_files(FileLoad *load, Error *err) {
    if (!session_files(load, &load->now, err)) return false;
    if (load->now.count == 0 && !no_files(load, err)) return false;
    if (load->now.count == 0) return nothing_there(load, err);
    if (!compare(load, err)) return false;
    return load->wanted.count == 0 ? true : read_files(load, err);
}

bool load_by_file(StepContext *ctx, ModeKind mode, Error *err) {
    const Step *step = ctx->step;
    FileLoad load = {.ctx = ctx, .source = step->source, .mode = mode};
    load.keys = step->mode == MODE_UPSERT ? step->keys : step->source->primary_key;
    load.key = step_state_key(ctx, step->source->name, NULL); /* files have no cursor */
    bool ok = load_files(&load, err);
    source_close(ctx, &load.relation);
    return ok;
}
