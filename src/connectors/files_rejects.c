/* What goes on while a relation over files is read: lines that ignore_errors leaves out are
 * counted when it is closed, or at once where max_errors bounds them, and failures are told from
 * those of the step's own SQL. */
#include <string.h>

#include "connectors/files.h"

typedef struct FileRelation {
    Session session;
    const Link *link;
    Strings paths;
    const char *rejects;
    const char *staged; /* TEMP table that holds the rows already; NULL */
} FileRelation;

static bool relation_failure(void *handle, Error *err) {
    const FileRelation *relation = handle;
    static const char *const marks[] = {"CSV Error", "CSV Parser", "chema mismatch", "JSON",
                                        "arquet", "TProtocolException", "ecompress"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (strstr(err->message, marks[i]) == NULL) continue;
        files_error(relation->link, &relation->paths, err);
        return true;
    }
    return false;
}

static int64_t count_rejects(FileRelation *relation) {
    AUTO_ARENA arena = arena_new();
    Error ignored = {0};
    int64_t count = 0;
    duck_int(relation->session.duck,
             arena_printf(arena, "SELECT count(*) FROM (SELECT DISTINCT file_id, line FROM %s)",
                          sql_ident(arena, relation->rejects)),
             &count, &ignored);
    return count;
}

static void warn_rejects(FileRelation *relation, int64_t count) {
    Session *session = &relation->session;
    AUTO_ROWS rows = NULL;
    Error ignored = {0};
    Buf samples = buf_on(session->arena);
    /* The types are those that the reader was told, which may differ from the column's own. */
    const char *sql = arena_printf(
        session->arena,
        "SELECT s.file_path, e.line, left(any_value(e.csv_line), 60), "
        "replace(replace(any_value(replace(e.error_message, chr(10), ' ')), 'to ''DOUBLE''', "
        "'to a number'), 'to ''TIMESTAMP''', 'to a time') FROM %s e JOIN %s s "
        "ON s.scan_id = e.scan_id AND s.file_id = e.file_id GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 3",
        sql_ident(session->arena, relation->rejects),
        sql_ident(session->arena, arena_printf(session->arena, "%s_scans", relation->rejects)));
    if (duck_query(session->duck, sql, &rows, &ignored))
        while (rows_next(rows, &ignored))
            buf_printf(&samples, "\n%s:%s: %s: %s", rows_text(rows, 0), rows_text(rows, 1),
                       rows_text(rows, 2), rows_text(rows, 3));
    diag_warning(session->diags, WARN_REJECTED, link_span(relation->link, "ignore_errors"),
                 "%s: %s line%s could not be read and %s left out:%s", relation->link->name,
                 str_thousands(session->arena, count), count == 1 ? "" : "s",
                 count == 1 ? "was" : "were", buf_text(&samples));
}

static void drop_temporary(FileRelation *relation) {
    AUTO_ARENA arena = arena_new();
    Error ignored = {0};
    const char *names[] = {relation->staged, relation->rejects,
                           relation->rejects == NULL
                               ? NULL
                               : arena_printf(arena, "%s_scans", relation->rejects)};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] != NULL)
            duck_execf(relation->session.duck, &ignored, "DROP TABLE IF EXISTS temp.%s",
                       sql_ident(arena, names[i]));
}

static void relation_closed(void *handle) {
    FileRelation *relation = handle;
    int64_t count = relation->rejects == NULL || relation->staged != NULL
                        ? 0
                        : count_rejects(relation);
    if (count > 0 && relation->session.diags != NULL) warn_rejects(relation, count);
    drop_temporary(relation);
}

/* max_errors needs the count before the step uses the rows: they are read once, into a table. */
static bool stage_rows(FileRelation *relation, const char *sql, Error *err) {
    Session *session = &relation->session;
    long long most = link_int(relation->link, "max_errors");
    relation->staged = arena_printf(session->arena, "%s_rows", relation->rejects);
    if (!duck_execf(session->duck, err, "CREATE TEMP TABLE %s AS SELECT * FROM %s",
                    sql_ident(session->arena, relation->staged), sql))
        return files_error(relation->link, &relation->paths, err);
    int64_t count = count_rejects(relation);
    if (count > 0 && session->diags != NULL) warn_rejects(relation, count);
    if (count <= most) return true;
    return error_set(err, ERR_FILE_FORMAT, link_span(relation->link, "max_errors"),
                     "%s lines could not be read, more than max_errors (%lld)",
                     str_thousands(session->arena, count), most);
}

bool files_watch(const Files *files, const FileSource *source, Relation *relation, Error *err) {
    Arena *arena = files->session->arena;
    FileRelation *handle = ARENA_NEW(arena, FileRelation);
    *handle = (FileRelation){.session = *files->session, .link = files->link,
                             .paths = *files->paths, .rejects = source->rejects};
    relation->handle = handle;
    relation->failure = relation_failure;
    if (source->rejects != NULL) relation->close = relation_closed;
    if (source->rejects == NULL || !link_has(files->link, "max_errors")) return true;
    if (!stage_rows(handle, relation->sql, err)) {
        relation_close(relation);
        return false;
    }
    relation->sql = arena_printf(arena, "temp.%s", sql_ident(arena, handle->staged));
    return true;
}
