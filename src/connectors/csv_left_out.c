/* Lines that DuckDB's sniffer leaves out of its own accord: those in front of what it takes for the
 * table, and what stands behind a character that it takes for the beginning of a comment. */
#include <string.h>

#include "connectors/csv.h"

static void warn_left_out(const FileCall *call, const char *name, long long count,
                          const char *which, const char *hint) {
    if (call->session->diags == NULL || count == 0) return;
    diag_warning(call->session->diags, WARN_LEFT_OUT, link_span(call->link, "path"),
                 "%s: %lld line%s %s left out", name, count, count == 1 ? "" : "s", which)
        ->hint = hint;
}

/* A comment begins its line and is no row. A row has the fields that rows have and stands below
 * the header. */
static void put_comment_test(Buf *sql, const FileCall *call, const CsvDialect *dialect) {
    buf_puts(sql, "WITH l AS MATERIALIZED (SELECT c0, row_number() OVER () AS n, starts_with(c0, ");
    buf_literal(sql, dialect->comment);
    buf_printf(sql, ") AS begins FROM %s WHERE c0 IS NOT NULL) SELECT count(*) FILTER (begins), "
                    "coalesce(bool_or(NOT begins OR (n > (SELECT min(n) FROM l WHERE NOT begins) "
                    "AND len(c0) - len(replace(c0, ",
               csv_line_reader(call, dialect->path, dialect->skip));
    buf_literal(sql, dialect->delimiter);
    buf_printf(sql, ", '')) >= %zu)), false) FROM l WHERE contains(c0, ",
               (dialect->columns.count - 1) * strlen(dialect->delimiter));
    buf_literal(sql, dialect->comment);
    buf_putc(sql, ')');
}

static bool check_comments(const FileCall *call, size_t index, CsvDialect *dialect, Buf *extra,
                           Error *err) {
    if (*dialect->comment == '\0' || link_has(call->link, "comment_char")) return true;
    Arena *arena = call->session->arena;
    Buf sql = buf_on(arena);
    put_comment_test(&sql, call, dialect);
    AUTO_ROWS rows = NULL;
    Error failure = {0};
    if (!duck_query(call->session->duck, buf_text(&sql), &rows, err)) return false;
    if (!rows_next(rows, &failure)) return failure.code == ERR_NONE || (*err = failure, false);
    if (!rows_int(rows, 1)) {
        warn_left_out(call, dialect->name, rows_int(rows, 0),
                      arena_printf(arena, "with '%s' at the beginning, taken for comments,",
                                   dialect->comment),
                      "comment_char says that it is meant, or \"\" that they are rows");
        return true;
    }
    buf_puts(extra, ", comment = ''");
    return index == 0 ? csv_guard_ragged(call, dialect, extra, err)
                      : csv_sniff(call, index, buf_text(extra), dialect, err);
}

static bool check_skipped(const FileCall *call, const CsvDialect *dialect, Error *err) {
    long long given = link_has(call->link, "skip_rows") ? link_int(call->link, "skip_rows") : 0;
    if (dialect->skip <= given) return true;
    Arena *arena = call->session->arena;
    Buf sql = buf_on(arena);
    buf_printf(&sql, "SELECT count(*), min_by(left(c0, 60), n) FROM (SELECT c0, row_number() OVER "
                     "() AS n FROM %s) WHERE n <= %lld AND trim(c0) <> ''",
               csv_line_reader(call, dialect->path, given), dialect->skip - given);
    if (*dialect->comment != '\0') {
        buf_puts(&sql, " AND NOT starts_with(c0, ");
        buf_literal(&sql, dialect->comment);
        buf_putc(&sql, ')');
    }
    AUTO_ROWS rows = NULL;
    Error failure = {0};
    if (!duck_query(call->session->duck, buf_text(&sql), &rows, err)) return false;
    if (!rows_next(rows, &failure)) return failure.code == ERR_NONE || (*err = failure, false);
    if (rows_int(rows, 0) > 0)
        warn_left_out(call, dialect->name, rows_int(rows, 0),
                      arena_printf(arena, "before the table, from '%s' on,", rows_text(rows, 1)),
                      arena_printf(arena, "\"skip_rows\": %lld says that it is meant; give "
                                          "has_header and null_padding to read them",
                                   dialect->skip));
    return true;
}

bool csv_guard_left_out(const FileCall *call, size_t index, CsvDialect *dialect, Buf *extra,
                        Error *err) {
    return check_comments(call, index, dialect, extra, err) && check_skipped(call, dialect, err);
}
