/* The textlog connector: a text file whose lines have one form, such as a server's log, becomes a
 * table of text columns. An example: docs/adding-a-connector.md walks through it, and
 * tests/unit/connectors/test_textlog.c runs it. It reads one local file and does not write. */
#include "base/buf.h"
#include "base/fs.h"
#include "connectors/connector.h"

static const OptionSpec options[] = {
    {.name = "path", .aliases = "file", .use = USE_READ | USE_CONNECTION,
     .required = "the file to read", .help = "a text file"},
    {.name = "pattern", .aliases = "regex", .use = USE_READ | USE_CONNECTION,
     .required = "what a line looks like", .help = "regular expression, a group for each column"},
    {.name = "names", .type = OPTION_LIST, .use = USE_READ | USE_CONNECTION,
     .required = "the columns' names", .help = "of the groups, in their order"},
    {0},
};

/* Lines as a relation: read_csv with no delimiter, quote or header gives them whole. */
static void put_lines(Buf *sql, const char *path) {
    buf_puts(sql, "read_csv(");
    buf_literal(sql, path);
    buf_puts(sql, ", auto_detect = false, header = false, delim = '\x01', quote = '', "
                  "escape = '', columns = {'line': 'VARCHAR'})");
}

/* The columns asked for, by name; all when none are. */
static bool put_columns(Buf *sql, const Link *link, const Strings *wanted, Error *err) {
    Strings names = link_list(link, sql->arena, "names");
    const Strings *chosen = wanted == NULL || wanted->count == 0 ? &names : wanted;
    for (size_t i = 0; i < chosen->count; i++) {
        if (!strings_has(&names, chosen->items[i]))
            return error_set(err, ERR_QUERY, link_span(link, "names"),
                             "%s has no column '%s'", link->name, chosen->items[i]);
        buf_puts(sql, i > 0 ? ", parts." : "parts.");
        buf_ident(sql, chosen->items[i]);
    }
    return true;
}

/* SELECT parts."a", … FROM (SELECT CASE WHEN a line matches THEN its groups ELSE error(…) END). A
 * line of another form stops the run: to leave it out in silence would be to lose data. */
static bool textlog_relation(Session *session, const Link *link, const ReadSpec *spec,
                             Relation *relation, Error *err) {
    const char *path = link_text(link, "path");
    if (!fs_exists(path))
        return error_set(err, ERR_FILE_MISSING, link_span(link, "path"), "%s is not there", path);
    Strings names = link_list(link, session->arena, "names");
    const char *pattern = sql_literal(session->arena, link_text(link, "pattern"));
    Buf sql = buf_on(session->arena);
    buf_puts(&sql, "(SELECT ");
    if (!put_columns(&sql, link, spec->columns, err)) return false;
    buf_printf(&sql, " FROM (SELECT CASE WHEN regexp_full_match(line, %s) THEN "
                     "regexp_extract(line, %s, [", pattern, pattern);
    for (size_t i = 0; i < names.count; i++)
        buf_printf(&sql, "%s%s", i > 0 ? ", " : "", sql_literal(session->arena, names.items[i]));
    buf_puts(&sql, "]) ELSE error('the pattern does not match the line: ' || line) END AS parts "
                   "FROM ");
    put_lines(&sql, path);
    buf_puts(&sql, "))");
    *relation = (Relation){.sql = buf_text(&sql)}; /* no handle: nothing to close */
    return true;
}

/* DuckDB tells the columns of the relation, so that schema and rows cannot differ. */
static bool textlog_schema(Session *session, const Link *link, Columns *columns, Error *err) {
    AUTO_RELATION relation = {0};
    if (!textlog_relation(session, link, &(ReadSpec){0}, &relation, err)) return false;
    const char *query = arena_printf(session->arena, "SELECT * FROM %s", relation.sql);
    if (duck_describe(session->duck, session->arena, query, columns, err)) return true;
    err->span = link_span(link, "pattern"); /* a bad pattern, or not as many groups as names */
    return error_prefix(err, "%s: ", link->name);
}

/* One real round trip: reads the first line. */
static bool textlog_probe(Session *session, const Link *link, ProbeReport *report, Error *err) {
    AUTO_RELATION relation = {0};
    AUTO_ROWS rows = NULL;
    bool ok = textlog_relation(session, link, &(ReadSpec){0}, &relation, err) &&
              duck_query(session->duck,
                         arena_printf(session->arena, "SELECT * FROM %s LIMIT 1", relation.sql),
                         &rows, err) &&
              (rows_next(rows, err) || err->code == ERR_NONE);
    probe_stage(session, report, "read", ok, "%s", ok ? link_text(link, "path") : err->message);
    return ok;
}

const Connector textlog_connector = {
    .name = "textlog",
    .summary = "Text files whose lines match a pattern",
    .options = options,
    .can = CAN_READ,
    .probe = textlog_probe,
    .schema = textlog_schema,
    .relation = textlog_relation,
};
