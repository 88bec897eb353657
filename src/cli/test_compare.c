/* Compares the rows of a table or export with what a test expects. See test_case.h.
 * DuckDB does it: expected values are cast to the real columns' types, then both multisets are
 * subtracted from each other. Only the columns that the test names count. */
#include <string.h>

#include "base/fs.h"
#include "cli/test_case.h"
#include "engine/casts.h"

enum { DIFF_ROWS = 10 };

typedef struct Comparison {
    Arena *arena;
    Duck *duck;
    const char *what;     /* "table customer_summary" */
    const char *actual;   /* stands in FROM */
    const char *expected; /* likewise */
    Columns real;
    Columns columns; /* compared, with the types that the expected ones have */
    bool ordered;
    Buf *diff;
} Comparison;

/* -- what is expected -------------------------------------------------------------------- */

static bool expect_rows(Comparison *c, const Value *rows, const char *folder, Error *err) {
    const char *path = arena_printf(c->arena, "%s/expected.json", folder);
    Strings names = {0};
    if (!test_write_rows(c->arena, rows, true, path, &names, err)) return false;
    for (size_t i = 0; i < names.count; i++)
        *LIST_PUSH(c->arena, &c->columns) = (Column){names.items[i], "VARCHAR"};
    c->expected = test_read_rows(c->arena, path, &names);
    return true;
}

static bool expect_file(Comparison *c, const char *path, Error *err) {
    const char *literal = sql_literal(c->arena, path);
    const char *extension = fs_extension(c->arena, path);
    if (str_eq(extension, "parquet"))
        c->expected = arena_printf(c->arena, "read_parquet(%s)", literal);
    else if (str_starts(extension, "json") || str_eq(extension, "ndjson"))
        c->expected = arena_printf(c->arena, "read_json(%s)", literal);
    else
        c->expected =
            arena_printf(c->arena, "read_csv(%s, header = true, all_varchar = true)", literal);
    const char *query = arena_printf(c->arena, "SELECT * FROM %s", c->expected);
    return duck_describe(c->duck, c->arena, query, &c->columns, err);
}

/* -- subtracting ------------------------------------------------------------------------- */

/* The compared columns of one side, in the real types; with a row number when order counts. */
static const char *side(const Comparison *c, const char *from, bool cast) {
    Buf sql = buf_on(c->arena);
    buf_puts(&sql, "SELECT ");
    if (c->ordered) buf_puts(&sql, "row_number() OVER () AS \"#\", ");
    for (size_t i = 0; i < c->columns.count; i++) {
        const Column *column = &c->columns.items[i];
        if (i > 0) buf_puts(&sql, ", ");
        if (cast)
            test_cast(&sql, column, columns_find(&c->real, column->name)->type);
        else
            buf_puts(&sql, sql_ident(c->arena, column->name));
    }
    buf_printf(&sql, " FROM %s", from);
    return buf_text(&sql);
}

static const char *row_text(Arena *arena, Rows *rows) {
    Buf text = buf_on(arena);
    for (size_t i = 0; i < rows_columns(rows); i++) {
        const char *value = rows_text(rows, i);
        buf_printf(&text, "%s%s: %s", i == 0 ? "" : ", ", rows_name(rows, i),
                   value == NULL ? "NULL" : value);
    }
    return buf_text(&text);
}

/* Rows of `left` that `right` lacks, one a line behind `mark`. */
static bool subtract(const Comparison *c, const char *left, const char *right, char mark,
                     Error *err) {
    AUTO_ROWS rows = NULL;
    size_t count = 0;
    const char *sql = arena_printf(c->arena, "(%s) EXCEPT ALL (%s) ORDER BY ALL", left, right);
    if (!duck_query(c->duck, sql, &rows, err)) return false;
    err->code = ERR_NONE;
    for (; rows_next(rows, err); count++) {
        if (c->diff->size == 0 || !str_ends(buf_text(c->diff), "\n")) buf_putc(c->diff, '\n');
        if (count < DIFF_ROWS) buf_printf(c->diff, "  %c %s\n", mark, row_text(c->arena, rows));
    }
    if (count > DIFF_ROWS) buf_printf(c->diff, "  %c … %zu more\n", mark, count - DIFF_ROWS);
    return err->code == ERR_NONE;
}

static bool check_count(const Comparison *c, long long expected, Error *err) {
    int64_t count = 0;
    const char *sql = arena_printf(c->arena, "SELECT count(*) FROM %s", c->actual);
    if (!duck_int(c->duck, sql, &count, err)) return false;
    if (count != expected)
        buf_printf(c->diff, "%s has %lld rows, %lld expected\n", c->what, (long long)count,
                   expected);
    return true;
}

static bool check_columns(const Comparison *c) {
    Strings names = columns_names(c->arena, &c->real);
    bool ok = true;
    for (size_t i = 0; i < c->columns.count; i++) {
        const char *name = c->columns.items[i].name;
        if (columns_find(&c->real, name) != NULL) continue;
        buf_printf(c->diff, "%s has no column '%s'%s\n", c->what, name,
                   str_did_you_mean(c->arena, name, &names));
        ok = false;
    }
    return ok;
}

static bool compare_rows(Comparison *c, Error *err) {
    const char *expected = side(c, c->expected, true), *actual = side(c, c->actual, false);
    Buf *diff = c->diff, lines = buf_on(c->arena);
    c->diff = &lines;
    bool ok = subtract(c, expected, actual, '-', err) && subtract(c, actual, expected, '+', err);
    c->diff = diff;
    if (!ok) cast_error_read(err);
    if (ok && lines.size > 0)
        buf_printf(diff, "%s differs (- expected, + actual)%s", c->what, buf_text(&lines));
    return ok;
}

bool test_compare(const Compared *compared, const Value *expected, Buf *diff, Error *err) {
    Comparison c = {.arena = diff->arena,
                    .duck = compared->duck,
                    .what = compared->what,
                    .actual = compared->actual,
                    .diff = diff};
    const char *query = arena_printf(c.arena, "SELECT * FROM %s", c.actual);
    if (!duck_describe(c.duck, c.arena, query, &c.real, err)) return false;
    const Value *rows = value_get(expected, "rows"), *ordered = value_get(expected, "ordered");
    const char *file = member_text(expected, "file");
    const char *count = member_text(expected, "count");
    long long number;
    c.ordered = ordered != NULL && ordered->boolean;
    if (str_to_int64(count, &number) && !check_count(&c, number, err)) return false;
    if (file != NULL) {
        if (!expect_file(&c, test_file_path(c.arena, compared->test_file, file), err)) return false;
    } else if (rows == NULL) {
        return true;
    } else if (rows->count == 0) {
        return check_count(&c, 0, err);
    } else if (!expect_rows(&c, rows, compared->scratch, err)) {
        return false;
    }
    return !check_columns(&c) || compare_rows(&c, err);
}
