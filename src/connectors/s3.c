/* The s3 connector: CSV, JSON and Parquet objects, read and written by the formats of files.h over
 * DuckDB's httpfs. Here are its table and reading; the other s3_*.c files do the rest. */
#include "connectors/s3.h"

#include <string.h>

#include "base/clock.h"
#include "connectors/retry.h"

enum { READ_RETRIES = 3, SETTLED_US = 1100 * 1000, SETTLE_TRIES = 3 };

/* A range of an object that fails is asked for again at once; the step starts anew after that. */
static long long read_retries(const Link *link) {
    long long most = link_int(link, "max_retries");
    return most < READ_RETRIES ? most : READ_RETRIES;
}

static bool place(Session *session, const Link *link, S3 *s3, Error *err) {
    *s3 = (S3){.session = session, .link = link};
    if (s3_place_of(session->arena, link, &s3->place)) return true;
    error_set(err, ERR_MISSING_OPTION, link->span,
              "nothing says in which bucket the objects of '%s' are", link->name);
    return error_hint(err, "add \"uri\": \"s3://bucket/key\", or \"bucket\" and \"key\"");
}

/* -- reading ----------------------------------------------------------------------------- */

typedef struct S3Relation {
    S3 s3;
    Session session;
    Relation inner;
} S3Relation;

static bool relation_failure(void *handle, Error *err) {
    S3Relation *relation = handle;
    if (s3_refine(relation->s3.link, &relation->s3.place, err)) return true;
    return relation->inner.failure != NULL && relation->inner.failure(relation->inner.handle, err);
}

static void relation_closed(void *handle) {
    S3Relation *relation = handle;
    relation_close(&relation->inner);
    s3_cleanup(&relation->s3);
}

static bool start(S3 *s3, const Strings *given, Strings *paths, Error *err) {
    if (!s3_open(s3, err)) return false;
    FileEntries files = {0};
    for (size_t i = 0; given != NULL && i < given->count; i++)
        *LIST_PUSH(s3->session->arena, &files) = (FileEntry){.path = given->items[i]};
    if (given != NULL) *paths = *given;
    if (given != NULL ? !s3_learn_format(s3, &files, err) : !s3_find(s3, paths, err))
        return false;
    s3_close(s3);
    return s3_enter(s3, read_retries(s3->link), err);
}

static Files files_of(const S3 *s3, const Strings *paths) {
    return (Files){.session = s3->session, .link = s3->link, .paths = paths,
                   .format = file_format_find(s3->place.format)};
}

/* What looks at the objects may leave it to a later statement to tell what failed. */
static bool refined(const S3 *s3, Error *err) {
    duck_abort_cause(s3->session->duck, err);
    s3_refine(s3->link, &s3->place, err);
    return false;
}

/* DuckDB skips row groups by their statistics for `c >= x`, not for `c >= x OR c IS NULL`. That no
 * NULL is there the footers tell, which are read in any case. */
static bool find_nulls(S3 *s3, const Strings *paths, const char *cursor, bool *none, Error *err) {
    S3Table table;
    Buf sql = buf_on(s3->session->arena);
    buf_puts(&sql, "SELECT CAST(count(*) FILTER (stats_null_count = 0 AND lower(path_in_schema) = "
                   "lower(");
    buf_literal(&sql, cursor);
    buf_puts(&sql, ")) = count(DISTINCT (file_name, row_group_id)) AS BIGINT) FROM "
                   "parquet_metadata(");
    files_path_list(&sql, paths);
    buf_putc(&sql, ')');
    if (!s3_query(s3, true, buf_text(&sql), &table, err)) return false;
    *none = table.cells.count > 0 && str_eq(table.cells.items[0], "1");
    return true;
}

static bool open_relation(S3Relation *relation, const ReadSpec *given, Error *err) {
    Strings paths, escaped = {0};
    S3 *s3 = &relation->s3;
    ReadSpec spec = *given;
    bool no_nulls = false;
    if (!start(s3, spec.files, &paths, err)) return false;
    Files files = files_of(s3, &paths);
    for (size_t i = 0; i < paths.count; i++)
        strings_add(s3->session->arena, &escaped, files_escape(s3->session->arena, paths.items[i]));
    bool asks = spec.lower != NULL && spec.include_nulls && files.format == &parquet_format;
    if (asks && paths.count > 0 && !find_nulls(s3, &escaped, spec.cursor, &no_nulls, err))
        return refined(s3, err);
    if (no_nulls) spec.include_nulls = false;
    return files_relation_of(&files, &spec, &relation->inner, err) || refined(s3, err);
}

static bool s3_relation(Session *session, const Link *link, const ReadSpec *spec,
                        Relation *relation, Error *err) {
    S3Relation *handle = ARENA_NEW(session->arena, S3Relation);
    *relation = (Relation){0};
    handle->session = *session;
    if (!place(&handle->session, link, &handle->s3, err)) return false;
    if (!open_relation(handle, spec, err)) {
        relation_closed(handle);
        return false;
    }
    *relation = handle->inner;
    relation->handle = handle;
    relation->failure = relation_failure;
    relation->close = relation_closed;
    return true;
}

static bool schema(Session *session, const Link *link, Columns *columns, Error *err) {
    AUTO_S3 s3;
    Strings paths;
    *columns = (Columns){0};
    if (!place(session, link, &s3, err) || !start(&s3, NULL, &paths, err)) return false;
    Files files = files_of(&s3, &paths);
    return files_schema_of(&files, columns, err) || refined(&s3, err);
}

/* How long to wait until no object can change without another time; 0: not at all. */
static int64_t unsettled_us(const FileEntries *files) {
    int64_t newest = 0, now = clock_wall_us();
    for (size_t i = 0; i < files->count; i++)
        if (files->items[i].mtime_us > newest) newest = files->items[i].mtime_us;
    return now >= newest && now - newest < SETTLED_US ? SETTLED_US - (now - newest) : 0;
}

/* Objects have the time of their last change in whole seconds: one that is overwritten within the
 * second, by as many bytes, would seem to be the same. */
static bool list_settled(S3 *s3, FileEntries *files, Error *err) {
    for (int tries = 0; tries < SETTLE_TRIES; tries++) {
        if (!s3_list(s3, files, err)) return false;
        int64_t wait = unsettled_us(files);
        if (wait == 0) return true;
        RetryClock clock = retry_clock(s3->session->stop);
        if (!clock.sleep(clock.context, (double)wait / 1e6))
            return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
    }
    return true;
}

static bool s3_files(Session *session, const Link *link, FileEntries *files, Error *err) {
    AUTO_S3 s3;
    FileEntries all = {0};
    *files = (FileEntries){0};
    if (!place(session, link, &s3, err) || !s3_open(&s3, err) || !list_settled(&s3, &all, err) ||
        !s3_learn_format(&s3, &all, err))
        return false;
    if (all.count == 0 && !link_bool(link, "allow_empty")) return s3_none_fits(&s3, err);
    for (size_t i = 0; i < all.count; i++) {
        if (all.items[i].size > 0)
            *LIST_PUSH(session->arena, files) = all.items[i];
        else if (!link_bool(link, "allow_empty"))
            return error_set(err, ERR_FILE_EMPTY, link->span, "the object %s is empty",
                             all.items[i].path) ||
                   error_hint(err, "\"allow_empty\": true leaves empty objects out");
    }
    return true;
}

const Connector s3_connector = {
    .name = "s3",
    .summary = "CSV, JSON and Parquet objects in S3 and what speaks like it",
    .options = s3_options,
    .can = CAN_READ | CAN_WRITE | CAN_INCREMENTAL | CAN_DISCOVER | CAN_BY_FILE,
    .check = s3_check,
    .probe = s3_probe,
    .schema = schema,
    .relation = s3_relation,
    .files = s3_files,
    .checked = s3_checked,
    .publish = s3_publish,
    .interrupt = s3_interrupt,
    .discover = s3_discover,
};
