/* Exports to S3: one COPY from the database to the object or below the prefix. An object is seen
 * when its upload is complete, so there is never a half one; a retry writes the same keys. */
#include <string.h>

#include "base/fs.h"
#include "connectors/s3.h"

/* How the object's name would end: decides between .tsv and .csv, .jsonl and .json, .gz or not. */
static const char *name_of(Arena *arena, const Link *link, const S3Place *place) {
    const char *key = place->key != NULL ? place->key : "";
    if (!link_has(link, "file_format")) return place->key != NULL ? key : place->prefix;
    const char *end = str_iends(key, ".gz") ? ".gz" : str_iends(key, ".zst") ? ".zst" : "";
    return arena_printf(arena, "data.%s%s", link_text(link, "file_format"), end);
}

static const char *extension_of(Arena *arena, const Link *link, const S3Place *place) {
    const char *format = link_has(link, "file_format") ? link_text(link, "file_format")
                                                       : place->format;
    if (str_eq(place->format, "parquet")) return format;
    const char *compression = files_compression(link, "");
    const char *end = str_eq(compression, "gzip") ? ".gz" : str_eq(compression, "zstd") ? ".zst"
                                                                                          : "";
    return arena_printf(arena, "%s%s", format, end);
}

static void put_folder(Buf *sql, const Link *link, const S3Place *place) {
    Strings columns = link_names(link, sql->arena, "partition_by");
    for (size_t i = 0; i < columns.count; i++) {
        buf_puts(sql, i == 0 ? ", PARTITION_BY (" : ", ");
        buf_ident(sql, columns.items[i]);
    }
    if (columns.count > 0) buf_putc(sql, ')');
    if (link_bool(link, "per_thread_output")) buf_puts(sql, ", PER_THREAD_OUTPUT true");
    buf_puts(sql, ", OVERWRITE true, FILE_EXTENSION ");
    buf_literal(sql, extension_of(sql->arena, link, place));
}

static bool tells_size(const S3Place *place) {
    return place->key != NULL && str_eq(place->format, "parquet");
}

static const char *copy_sql(Arena *arena, const Link *link, const S3Place *place,
                            const char *query) {
    Buf sql = buf_on(arena);
    Strings columns = link_names(link, arena, "partition_by");
    buf_printf(&sql, "COPY (\n%s\n) TO ", files_partitioned(arena, &columns, query));
    buf_literal(&sql, place->uri);
    buf_puts(&sql, " (");
    file_format_find(place->format)->copy_options(&sql, link, name_of(arena, link, place));
    if (place->key == NULL) put_folder(&sql, link, place);
    if (tells_size(place)) buf_puts(&sql, ", RETURN_STATS true");
    buf_putc(&sql, ')');
    return buf_text(&sql);
}

/* -- what a prefix holds ----------------------------------------------------------------- */

/* name=value folders and data_N.ext, as an export writes them. */
static bool is_ours(const char *rest, const char *extension) {
    const char *slash;
    for (; (slash = strchr(rest, '/')) != NULL; rest = slash + 1)
        if (memchr(rest, '=', (size_t)(slash - rest)) == NULL) return false;
    return *rest == '\0' || (str_starts(rest, "data_") && str_ends(rest, extension));
}

/* An export replaces all below its prefix, so nothing else may be there. */
static bool check_prefix(S3 *s3, Error *err) {
    FileEntries there;
    const S3Place *place = &s3->place;
    if (!s3_glob(s3, place->pattern, &there, err)) return false;
    const char *extension = extension_of(s3->session->arena, s3->link, place);
    for (size_t i = 0; i < there.count; i++) {
        if (is_ours(there.items[i].path + strlen(place->uri), extension)) continue;
        error_set(err, ERR_EXPORT, s3->link->span,
                  "%s holds %s, which no export wrote; exporting there would remove it",
                  place->uri, there.items[i].path);
        return error_hint(err, "export to a prefix of its own");
    }
    return true;
}

/* -- after the write --------------------------------------------------------------------- */

static long long cell(const S3Table *table, size_t column) {
    long long number = -1;
    if (column < table->columns && table->cells.count > column &&
        S3_CELL(table, 0, column) != NULL)
        str_to_int64(S3_CELL(table, 0, column), &number);
    return number;
}

static bool check_object(S3 *s3, long long expected, Receipt *receipt, Error *err) {
    FileEntry entry;
    if (!s3_head(s3, s3->place.key, &entry, err)) return false;
    receipt->bytes = entry.size;
    bool right = expected >= 0 ? entry.size == expected : entry.size >= receipt->rows;
    if (right) return true;
    error_set(err, ERR_EXPORT, s3->link->span, "%s has %lld bytes after the write, not %lld",
              s3->place.uri, (long long)entry.size, expected);
    err->transient = true;
    return error_hint(err, "something else writes to the same key, or the server lost data");
}

static bool check_folder(S3 *s3, Receipt *receipt, Error *err) {
    FileEntries there;
    if (!s3_glob(s3, s3->place.pattern, &there, err)) return false;
    receipt->bytes = 0;
    for (size_t i = 0; i < there.count; i++) receipt->bytes += there.items[i].size;
    if (receipt->rows <= 0 || receipt->bytes > 0) return true;
    err->transient = true;
    return error_set(err, ERR_EXPORT, s3->link->span, "%s is empty after the write",
                     s3->place.uri);
}

static bool write_rows(S3 *s3, const char *query, S3Table *table, Error *err) {
    const char *sql = copy_sql(s3->session->arena, s3->link, &s3->place, query);
    /* DuckDB keeps whole parts in memory, and makes them as large as 10,000 of them need be. */
    static const char parts[] = "SET GLOBAL s3_uploader_max_filesize = '200GB'";
    /* A failed upload is the whole export's failure: retries are the caller's, who obeys
     * Retry-After. */
    bool ok = s3_query(s3, false, parts, NULL, err) && s3_enter(s3, 0, err) &&
              s3_query(s3, true, sql, table, err);
    s3_forget(s3);
    if (ok) return true;
    if (err->code == ERR_STEP) err->code = ERR_EXPORT;
    if (err->code != ERR_REMOTE_OBJECT || strstr(err->message, "no bucket") != NULL) return false;
    error_set(err, ERR_REMOTE_OBJECT, s3->link->span, "there is no bucket '%s'", s3->place.bucket);
    return error_hint(err, "create it, or check its name, the region and endpoint_url");
}

static bool publish(S3 *s3, const char *query, Receipt *receipt, Error *err) {
    S3Table table = {0};
    bool folder = s3->place.key == NULL, stats = tells_size(&s3->place);
    if (folder && !check_prefix(s3, err)) return false;
    if (!write_rows(s3, query, &table, err)) return false;
    receipt->rows = cell(&table, stats ? 1 : 0);
    return folder ? check_folder(s3, receipt, err)
                  : check_object(s3, stats ? cell(&table, 2) : -1, receipt, err);
}

bool s3_checked(Session *session, const Link *link, const WriteSpec *spec, const char *query,
                const char **checked, Error *err) {
    S3Place place;
    if (!s3_place_to(session->arena, link, spec->destination, &place)) return true;
    const FileFormat *format = file_format_find(place.format);
    return format == NULL || format->checked == NULL ||
           format->checked(session, link, query, checked, err);
}

bool s3_publish(Session *session, const Link *link, const WriteSpec *spec, const Staged *staged,
                Receipt *receipt, Error *err) {
    AUTO_S3 s3 = {.session = session, .link = link};
    *receipt = (Receipt){.rows = -1, .bytes = -1};
    if (!s3_place_to(session->arena, link, spec->destination, &s3.place))
        return error_set(err, ERR_OPTION_VALUE, link->span, "'%s' names no bucket",
                         spec->destination);
    if (s3.place.format == NULL) {
        error_set(err, ERR_MISSING_OPTION, link->span, "nothing says which format %s has",
                  s3.place.uri);
        return error_hint(err, "add \"file_format\": \"csv\", \"json\" or \"parquet\"");
    }
    if (strpbrk(s3.place.uri, "*?[") != NULL)
        return error_set(err, ERR_OPTION_VALUE, link->span,
                         "the key of %s must not hold ?, * or [", s3.place.uri);
    if (!s3_open(&s3, err) || !publish(&s3, staged->query, receipt, err)) return false;
    if (spec->rows < 0 || receipt->rows < 0 || receipt->rows == spec->rows) return true;
    return error_set(err, ERR_EXPORT, link->span, "%lld rows went to %s, %lld were staged",
                     (long long)receipt->rows, s3.place.uri, (long long)spec->rows);
}
