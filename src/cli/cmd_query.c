/* `sqlflow query 'SQL'`: a read-only look into the profile's database. Rows are streamed, so a
 * result of any size can be printed; the table's columns fit the first rows. */
#include <ctype.h>
#include <string.h>

#include "cli/reader.h"
#include "lang/lexer.h"

extern const Command command_query;

enum { SAMPLE_ROWS = 500, CELL_MAX = 80, FLUSH_SIZE = 1 << 16 };

/* -- what may be asked ------------------------------------------------------------------- */

static const char *const reading[] = {"SELECT",      "WITH",         "FROM",      "VALUES",
                                      "TABLE",       "PIVOT",        "UNPIVOT",   "DESCRIBE",
                                      "DESC",        "SHOW",         "SUMMARIZE", "EXPLAIN",
                                      "PIVOT_WIDER", "PIVOT_LONGER", "(",         NULL};
static const char *const changing[] = {
    "INSERT",  "UPDATE",   "DELETE",  "CREATE",     "DROP",   "ALTER",    "COPY",    "SET",
    "ATTACH",  "MERGE",    "DETACH",  "TRUNCATE",   "USE",    "PRAGMA",   "CALL",    "EXPORT",
    "IMPORT",  "INSTALL",  "LOAD",    "CHECKPOINT", "VACUUM", "ANALYZE",  "RESET",   "COMMENT",
    "PREPARE", "EXECUTE",  "BEGIN",   "COMMIT",     "ABORT",  "ROLLBACK", "START",   "FORCE",
    NULL};

/* " (did you mean …?)" of a misspelled word, or "". */
static const char *meant_word(Arena *arena, const char *word) {
    Strings words = {0};
    for (size_t i = 0; reading[i] != NULL; i++) strings_add(arena, &words, reading[i]);
    for (size_t i = 0; changing[i] != NULL; i++) strings_add(arena, &words, changing[i]);
    return str_did_you_mean(arena, word, &words);
}

static bool hint_reading(Error *err) {
    return error_hint(err, "query only looks: SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW, "
                           "SUMMARIZE, EXPLAIN; change data in a pipeline");
}

static bool refuse(Error *err, Span span, const char *message) {
    error_set(err, ERR_READ_ONLY, span, "%s", message);
    return hint_reading(err);
}

/* A read-only database still lets COPY write files, so only one query is let through. The SQL
 * without its `;` is left in *sql. */
static bool check_query(Arena *arena, const SourceText *source, const char **sql, Error *err) {
    Tokens tokens = lex(arena, source, 0, source->size);
    const Token *token = tokens.items;
    if (token->kind == TOKEN_END)
        return error_set(err, ERR_USAGE, SPAN_NONE, "there is no SQL to run");
    if (token_is(source, *token, "EXPLAIN")) {
        token++;
        if (token_is(source, *token, "ANALYZE")) token++;
    }
    if (!token_in(source, *token, reading)) {
        Span span = span_of(source, token->start, token->end);
        if (token_in(source, *token, changing))
            return refuse(err, span, "this statement does more than read");
        const char *word = span_text(arena, span);
        error_set(err, ERR_QUERY_SYNTAX, span, "unknown statement '%s'%s", word,
                  meant_word(arena, word));
        return hint_reading(err);
    }
    *sql = source->text;
    for (token = tokens.items; token->kind != TOKEN_END; token++) {
        if (!token_is(source, *token, ";")) continue;
        *sql = arena_strndup(arena, source->text, token->start);
        if (token[1].kind != TOKEN_END && !token_is(source, token[1], ";"))
            return refuse(err, span_of(source, token[1].start, token[1].end),
                          "one query at a time");
    }
    return true;
}

/* DuckDB's words tell what kind of error it is; the class decides the exit code. */
static void classify(const Duck *duck, const SourceText *source, Error *err) {
    if (err->code != ERR_STEP && err->code != ERR_QUERY && err->code != ERR_QUERY_SYNTAX) return;
    if (strstr(err->message, "Parser Error") || strstr(err->message, "syntax error"))
        err->code = ERR_QUERY_SYNTAX;
    else if (strstr(err->message, "read-only"))
        err->code = ERR_READ_ONLY;
    else if (strstr(err->message, "Binder Error") || strstr(err->message, "Catalog Error"))
        err->code = ERR_QUERY;
    int64_t offset = duck_error_offset(duck);
    if (offset < 0 || (size_t)offset > source->size) return;
    size_t end = (size_t)offset;
    while (end < source->size &&
           (isalnum((unsigned char)source->text[end]) || source->text[end] == '_'))
        end++;
    err->span = span_of(source, (size_t)offset, end > (size_t)offset ? end : end + 1);
}

/* -- forms ------------------------------------------------------------------------------- */

/* Every name once: a program that reads the objects would lose the second. */
static Strings unique_names(Arena *arena, const Rows *rows) {
    Strings names = {0};
    for (size_t i = 0; i < rows_columns(rows); i++) {
        const char *name = arena_strdup(arena, rows_name(rows, i)), *free_name = name;
        for (int n = 1; strings_has(&names, free_name); n++)
            free_name = arena_printf(arena, "%s_%d", name, n);
        strings_add(arena, &names, free_name);
    }
    return names;
}

/* A reader that has gone, as in `| head`, ends the query, however many rows it has. */
static bool next(const Cli *cli, Rows *rows, Error *err) {
    return cli->output_error == 0 && rows_next(rows, err);
}

static void flush(Cli *cli, Buf *out, size_t limit) {
    if (out->size < limit) return;
    out_data(cli, out->data, out->size);
    out->size = 0;
}

static void csv_field(Buf *out, const char *text) {
    if (text == NULL) return;
    bool quoted = *text == '\0' || strpbrk(text, ",\"\r\n") != NULL;
    if (!quoted) {
        buf_puts(out, text);
        return;
    }
    buf_putc(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') buf_putc(out, '"');
        buf_putc(out, *c);
    }
    buf_putc(out, '"');
}

static bool print_csv(Cli *cli, Rows *rows, Error *err) {
    Buf out = buf_on(cli->arena);
    size_t columns = rows_columns(rows);
    for (size_t i = 0; i < columns; i++) {
        if (i > 0) buf_putc(&out, ',');
        csv_field(&out, rows_name(rows, i));
    }
    buf_putc(&out, '\n');
    while (next(cli, rows, err)) {
        for (size_t i = 0; i < columns; i++) {
            if (i > 0) buf_putc(&out, ',');
            csv_field(&out, rows_text(rows, i));
        }
        buf_putc(&out, '\n');
        flush(cli, &out, FLUSH_SIZE);
    }
    flush(cli, &out, 1);
    return err->code == ERR_NONE;
}

static bool print_json(Cli *cli, Rows *rows, Error *err) {
    Buf out = buf_on(cli->arena);
    Strings names = unique_names(cli->arena, rows);
    buf_putc(&out, '[');
    for (size_t row = 0; next(cli, rows, err); row++) {
        buf_puts(&out, row == 0 ? "\n  " : ",\n  ");
        JsonWriter json = json_writer(&out, false);
        json_object(&json, NULL);
        for (size_t i = 0; i < names.count; i++) value_json(&json, names.items[i], rows, i);
        json_end(&json);
        while (out.data[out.size - 1] == '\n') out.size--;
        flush(cli, &out, FLUSH_SIZE);
    }
    if (err->code != ERR_NONE) return false;
    buf_puts(&out, "\n]\n");
    flush(cli, &out, 1);
    return true;
}

static bool aligns_right(const char *type) {
    return strstr(type, "INT") != NULL || str_istarts(type, "DECIMAL") || str_ieq(type, "DOUBLE") ||
           str_ieq(type, "FLOAT");
}

/* One line, not too long: it would push the columns away. */
static const char *cell_text(Arena *arena, const char *text) {
    if (text == NULL) return "NULL";
    const char *copy = one_line(arena, text);
    if (text_width(copy) <= CELL_MAX) return copy;
    size_t bytes = 0;
    for (size_t chars = 0; copy[bytes] != '\0'; bytes++)
        if (((unsigned char)copy[bytes] & 0xC0) != 0x80 && chars++ == CELL_MAX - 1) break;
    return arena_printf(arena, "%.*s…", (int)bytes, copy);
}

typedef struct Grid {
    size_t columns;
    size_t *widths;
    bool *right;
} Grid;

static void grid_line(const Grid *grid, Buf *out, const char *const *cells) {
    for (size_t i = 0; i < grid->columns; i++) {
        bool last = i + 1 == grid->columns;
        buf_pad(out, cells[i], last && !grid->right[i] ? 0 : grid->widths[i], grid->right[i]);
        buf_puts(out, last ? "\n" : "  ");
    }
}

static void grid_head(const Grid *grid, Buf *out, const Strings *sample) {
    for (size_t i = 0; i < sample->count; i++) {
        size_t width = text_width(sample->items[i]);
        if (width > grid->widths[i % grid->columns]) grid->widths[i % grid->columns] = width;
    }
    grid_line(grid, out, sample->items);
    for (size_t i = 0; i < grid->columns; i++) {
        for (size_t n = 0; n < grid->widths[i]; n++) buf_puts(out, "─");
        buf_puts(out, i + 1 == grid->columns ? "\n" : "  ");
    }
    for (size_t at = grid->columns; at < sample->count; at += grid->columns)
        grid_line(grid, out, sample->items + at);
}

static bool next_row(Arena *arena, Rows *rows, Strings *cells, Error *err) {
    if (!rows_next(rows, err)) return false;
    for (size_t i = 0; i < rows_columns(rows); i++)
        strings_add(arena, cells, cell_text(arena, rows_text(rows, i)));
    return true;
}

static bool print_table(Cli *cli, Rows *rows, Error *err) {
    size_t columns = rows_columns(rows), count = 0;
    Grid grid = {columns, ARENA_ARRAY(cli->arena, size_t, columns + 1),
                 ARENA_ARRAY(cli->arena, bool, columns + 1)};
    Strings sample = {0};
    for (size_t i = 0; i < columns; i++) {
        grid.right[i] = aligns_right(rows_type(rows, i));
        strings_add(cli->arena, &sample, arena_strdup(cli->arena, rows_name(rows, i)));
    }
    while (count < SAMPLE_ROWS && next_row(cli->arena, rows, &sample, err)) count++;
    Buf out = buf_on(cli->arena);
    grid_head(&grid, &out, &sample);
    while (count >= SAMPLE_ROWS && err->code == ERR_NONE && cli->output_error == 0) {
        AUTO_ARENA scratch = arena_new();
        Strings cells = {0};
        if (!next_row(scratch, rows, &cells, err)) break;
        grid_line(&grid, &out, cells.items);
        count++;
        flush(cli, &out, FLUSH_SIZE);
    }
    if (err->code != ERR_NONE) return false;
    buf_printf(&out, "%s row%s\n", str_thousands(cli->arena, (long long)count),
               count == 1 ? "" : "s");
    flush(cli, &out, 1);
    return true;
}

/* -- the command ------------------------------------------------------------------------- */

/* Lists and structs become JSON in a JSON result. */
static const char *with_json_columns(Cli *cli, Duck *duck, const char *sql) {
    Columns columns = {0};
    Error ignored;
    Buf list = buf_on(cli->arena), places = buf_on(cli->arena);
    bool any = false;
    if (!cli->json || !duck_describe(duck, cli->arena, sql, &columns, &ignored)) return sql;
    for (size_t i = 0; i < columns.count; i++) {
        const Column *column = &columns.items[i];
        bool nested = str_ends(column->type, "]") || str_starts(column->type, "STRUCT") ||
                      str_starts(column->type, "MAP") || str_starts(column->type, "UNION");
        const char *comma = i > 0 ? ", " : "", *name = sql_ident(cli->arena, column->name);
        buf_printf(&list, nested ? "%sto_json(c%zu) AS %s" : "%sc%zu AS %s", comma, i, name);
        buf_printf(&places, "%sc%zu", comma, i);
        any = any || nested;
    }
    if (!any) return sql;
    /* By place, as two columns may have one name; the query may end with a comment. */
    return arena_printf(cli->arena, "SELECT %s FROM (%s\n) AS q(%s)", buf_text(&list), sql,
                        buf_text(&places));
}

/* DuckDB's own drawing of a plan, many lines in one cell. */
static bool print_plan(Cli *cli, Rows *rows, Error *err) {
    while (rows_next(rows, err)) out_printf(cli, "%s\n", rows_text(rows, 1));
    return err->code == ERR_NONE;
}

static bool is_plan(const Rows *rows) {
    return rows_columns(rows) == 2 && str_eq(rows_name(rows, 0), "explain_key") &&
           str_eq(rows_name(rows, 1), "explain_value");
}

static bool print_rows(Cli *cli, Duck *duck, const char *sql, Error *err) {
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck, with_json_columns(cli, duck, sql), &rows, err)) return false;
    err->code = ERR_NONE;
    if (cli->json) return print_json(cli, rows, err);
    if (!str_eq(cli->format, "csv") && is_plan(rows)) return print_plan(cli, rows, err);
    return str_eq(cli->format, "csv") ? print_csv(cli, rows, err) : print_table(cli, rows, err);
}

static int run_query(Cli *cli) {
    Context context;
    Error err = {0};
    const char *sql = cli_word(cli, 0);
    const SourceText *source = source_new(cli->arena, "query", sql, strlen(sql));
    if (!check_query(cli->arena, source, &sql, &err)) return fail(cli, &err);
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    AUTO_READER reader = {.lock = LOCK_NONE};
    if (!reader_open(&context, &reader, &err))
        return context.diags.errors > 0 ? context_fail(&context) : fail(cli, &err);
    if (print_rows(cli, reader.duck, sql, &err)) return 0;
    classify(reader.duck, source, &err);
    return fail(cli, &err);
}

const Command command_query = {
    .name = "query",
    .summary = "look into the profile's database",
    .arguments = "'SQL'",
    .about = "One query, read-only. The state of runs is in schema _sqlflow: runs, steps,\n"
             "watermarks, files, exports, asserts.",
    .formats = "table|csv|json",
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"query 'FROM customer_summary LIMIT 10'", "the first rows"},
                                  {"query 'SELECT * FROM orders' --format csv > orders.csv",
                                   "all rows as CSV"},
                                  {"query 'FROM _sqlflow.runs' --format json", "what runs did"},
                                  {0}},
    .run = run_query,
};
