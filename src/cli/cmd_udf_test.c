/* `sqlflow udf test`: calls one function with arguments, or with the rows of a file, the way a
 * pipeline would: through DuckDB, in memory. */
#include <string.h>

#include "base/fs.h"
#include "cli/reader.h"
#include "cli/udf.h"
#include "lang/json.h"

enum { SHOWN_ROWS = 5 };

static void put_sql(Buf *sql, const Value *value);

static void put_members(Buf *sql, const Value *value) {
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0) buf_puts(sql, ", ");
        if (value->kind == VALUE_OBJECT) {
            buf_literal(sql, value->members[i].key);
            buf_puts(sql, ": ");
        }
        put_sql(sql, value->members[i].value);
    }
}

/* JSON as an SQL literal. */
static void put_sql(Buf *sql, const Value *value) {
    switch (value->kind) {
        case VALUE_NULL: buf_puts(sql, "NULL"); break;
        case VALUE_BOOL: buf_puts(sql, value->boolean ? "true" : "false"); break;
        case VALUE_NUMBER: buf_puts(sql, value->text); break;
        case VALUE_VARIABLE:
        case VALUE_STRING: buf_literal(sql, value->text); break;
        case VALUE_ARRAY:
            buf_putc(sql, '[');
            put_members(sql, value);
            buf_putc(sql, ']');
            break;
        case VALUE_OBJECT:
            buf_putc(sql, '{');
            put_members(sql, value);
            buf_putc(sql, '}');
            break;
    }
}

/* f(1, 'x') or f(a := 1) from a JSON list or object. A table function's first argument is a list of
 * objects. */
static bool put_arguments(Cli *cli, const Udf *udf, Buf *sql, Error *err) {
    const char *text = flag_text(cli, "args");
    if (text == NULL) text = "[]";
    Diags diags = diags_on(cli->arena);
    const Value *args =
        json_parse_document(cli->arena, source_new(cli->arena, "--args", text, strlen(text)),
                            &diags);
    bool is_list = args != NULL && args->kind == VALUE_ARRAY;
    if (!is_list && (args == NULL || args->kind != VALUE_OBJECT)) {
        error_set(err, ERR_USAGE, SPAN_NONE, "--args takes a JSON list or object, not: %s", text);
        return error_hint(err, "--args '[1, \"text\"]' or --args '{\"name\": 1}'");
    }
    for (size_t i = 0; i < args->count; i++) {
        const Value *value = args->members[i].value;
        if (i > 0) buf_puts(sql, ", ");
        if (!is_list) buf_printf(sql, "%s := ", sql_ident(cli->arena, args->members[i].key));
        bool is_table = i == 0 && udf->kind == UDF_TABLE && udf->input != UDF_INPUT_NONE;
        if (is_table) buf_puts(sql, "(SELECT unnest(");
        put_sql(sql, value);
        if (is_table) buf_puts(sql, ", max_depth := 2))");
    }
    return true;
}

/* What --data and --expect name, as DuckDB reads it; NULL when not given. */
typedef struct Files {
    const char *data, *expect;
} Files;

static bool find_file(const Context *context, const char *flag, const char **relation, Error *err) {
    const char *typed = flag_text(context->cli, flag), *file;
    if (typed == NULL) return true;
    if (!udf_file(context, typed, &file, err)) return false;
    *relation = sql_literal(context->arena, file);
    return true;
}

/* Every parameter is the file's column of that name; optional ones may be missing there. */
static bool put_columns(Cli *cli, Duck *duck, const Udf *udf, const char *file, Buf *sql,
                        Error *err) {
    Columns columns = {0};
    const char *query = arena_printf(cli->arena, "SELECT * FROM %s", file);
    if (!duck_describe(duck, cli->arena, query, &columns, err)) return false;
    const char *comma = "";
    for (size_t i = 0; i < udf->params.count; i++) {
        const UdfParam *param = &udf->params.items[i];
        const Column *column = columns_find(&columns, param->name);
        if (column == NULL && (param->fallback != NULL || param->variadic)) continue;
        if (column == NULL) {
            error_set(err, ERR_USAGE, SPAN_NONE, "the file has no column '%s', which %s takes",
                      param->name, udf->full_name);
            return error_hint(err, "columns are matched to parameters by name");
        }
        const char *name = sql_ident(cli->arena, param->name);
        buf_printf(sql, "%s%s := %s", comma, name, sql_ident(cli->arena, column->name));
        comma = ", ";
    }
    return true;
}

static bool build_sql(Cli *cli, Duck *duck, const Udf *udf, const char *file, Buf *sql,
                      Error *err) {
    bool is_table = udf->kind == UDF_TABLE;
    buf_puts(sql, is_table ? "SELECT * FROM " : file != NULL ? "SELECT *, " : "SELECT ");
    buf_puts(sql, "PYTHON_FUNC(");
    buf_literal(sql, udf->full_name);
    Buf args = buf_on(cli->arena);
    if (is_table && file != NULL)
        buf_printf(&args, "(SELECT * FROM %s)", file);
    else if (file != NULL ? !put_columns(cli, duck, udf, file, &args, err)
                          : !put_arguments(cli, udf, &args, err))
        return false;
    buf_printf(sql, "%s%s)", args.size > 0 ? ", " : "", buf_text(&args));
    if (!is_table) buf_puts(sql, " AS result");
    if (!is_table && file != NULL) buf_printf(sql, " FROM %s", file);
    return true;
}

/* -- what came out ----------------------------------------------------------------------- */

static bool print_result(Cli *cli, Duck *duck, const char *sql, Error *err) {
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        if (!rows_json(duck, sql, &document.json, "rows", err)) return false;
        document_end(&document, cli);
        return true;
    }
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck, sql, &rows, err)) return false;
    bool single = rows_columns(rows) == 1 && flag_text(cli, "data") == NULL;
    Buf header = buf_on(cli->arena);
    for (size_t i = 0; i < rows_columns(rows); i++)
        buf_printf(&header, "%s%s", i > 0 ? "|" : "", rows_name(rows, i));
    Table table = table_new(cli->arena, buf_text(&header));
    while (rows_next(rows, err)) {
        for (size_t i = 0; i < rows_columns(rows); i++) {
            const char *text = rows_text(rows, i);
            if (single)
                out_printf(cli, "%s\n", text != NULL ? text : "NULL");
            else
                table_cell(&table, text != NULL ? text : "NULL");
        }
    }
    if (err->code != ERR_NONE) return false;
    if (!single) table_print(cli, &table);
    return true;
}

/* Rows of `a` that `b` lacks, at most a few, as lines. */
static bool print_missing(Cli *cli, Duck *duck, const char *a, const char *b, const char *mark,
                          int64_t *count, Error *err) {
    const char *difference = arena_printf(cli->arena, "(%s EXCEPT ALL %s)", a, b);
    if (!duck_int(duck, arena_printf(cli->arena, "SELECT count(*) FROM %s", difference), count,
                  err))
        return false;
    AUTO_ROWS rows = NULL;
    const char *sql = arena_printf(cli->arena, "SELECT * FROM %s LIMIT %d", difference, SHOWN_ROWS);
    if (!duck_query(duck, sql, &rows, err)) return false;
    while (rows_next(rows, err)) {
        Buf line = buf_on(cli->arena);
        for (size_t i = 0; i < rows_columns(rows); i++) {
            const char *text = rows_text(rows, i);
            buf_printf(&line, "%s%s = %s", i > 0 ? ", " : "", rows_name(rows, i),
                       text != NULL ? text : "NULL");
        }
        note(cli, "%s %s", mark, buf_text(&line));
    }
    return err->code == ERR_NONE;
}

static bool has_all(Arena *arena, const Columns *result, const Columns *named, Error *err) {
    Strings names = columns_names(arena, result);
    for (size_t i = 0; i < named->count; i++) {
        const char *name = named->items[i].name;
        if (columns_find(result, name) != NULL) continue;
        error_set(err, ERR_TEST_FAILED, SPAN_NONE, "the result has no column '%s'%s", name,
                  str_did_you_mean(arena, name, &names));
        return error_hint(err, "its columns are: %s", strings_join(arena, &names, ", "));
    }
    return true;
}

/* SELECTs of the columns that the expected rows name, as the result's types: of the result and of
 * the expected rows. */
static bool comparable(Cli *cli, Duck *duck, const char *expected, Buf *got, Buf *wanted,
                       Error *err) {
    Columns result = {0}, named = {0};
    const char *all = arena_printf(cli->arena, "SELECT * FROM %s", expected);
    if (!duck_describe(duck, cli->arena, "SELECT * FROM got", &result, err) ||
        !duck_describe(duck, cli->arena, all, &named, err) ||
        !has_all(cli->arena, &result, &named, err))
        return false;
    for (size_t i = 0; i < result.count; i++) {
        const Column *column = &result.items[i];
        if (columns_find(&named, column->name) == NULL) continue;
        const char *name = sql_ident(cli->arena, column->name);
        const char *start = got->size > 0 ? ", " : "SELECT ";
        buf_printf(got, "%s%s", start, name);
        buf_printf(wanted, "%sCAST(%s AS %s) AS %s", start, name, column->type, name);
    }
    buf_puts(got, " FROM got");
    buf_printf(wanted, " FROM %s", expected);
    return true;
}

/* The result is kept in a table, so that the function runs once. */
static bool compare(Cli *cli, Duck *duck, const char *expected, Error *err) {
    Buf got = buf_on(cli->arena), wanted = buf_on(cli->arena);
    int64_t extra = 0, missing = 0;
    if (!comparable(cli, duck, expected, &got, &wanted, err) ||
        !print_missing(cli, duck, buf_text(&got), buf_text(&wanted), "+", &extra, err) ||
        !print_missing(cli, duck, buf_text(&wanted), buf_text(&got), "-", &missing, err))
        return false;
    if (extra == 0 && missing == 0) return true;
    return error_set(err, ERR_TEST_FAILED, SPAN_NONE,
                     "%lld row%s not expected, %lld expected row%s missing", (long long)extra,
                     extra == 1 ? " was" : "s were", (long long)missing,
                     missing == 1 ? " is" : "s are");
}

static bool run_and_show(Cli *cli, Duck *duck, const char *sql, const char *expected, Error *err) {
    if (expected == NULL) return print_result(cli, duck, sql, err);
    if (!duck_execf(duck, err, "CREATE TABLE got AS %s", sql) ||
        !compare(cli, duck, expected, err))
        return false;
    int64_t rows = 0;
    if (!duck_int(duck, "SELECT count(*) FROM got", &rows, err)) return false;
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_int(&document.json, "rows", rows);
        json_bool(&document.json, "passed", true);
        document_end(&document, cli);
        return true;
    }
    out_printf(cli, "✓ %lld row%s as expected\n", (long long)rows, rows == 1 ? "" : "s");
    return true;
}

static int run_test(Cli *cli) {
    Context context;
    Error err = {0};
    int code = 0;
    Udfs *udfs = NULL;
    const Udf *udf = udf_open_named(&context, cli, &udfs, &code);
    if (udf == NULL) return code;
    AUTO_DUCK duck = NULL;
    Buf sql = buf_on(cli->arena);
    Files files = {0};
    if (flag_text(cli, "args") != NULL && flag_text(cli, "data") != NULL)
        return fail_usage(cli, "--args is one call, --data has the rows of many: give one of them");
    if (!find_file(&context, "data", &files.data, &err) ||
        !find_file(&context, "expect", &files.expect, &err) ||
        !duck_open(&(DuckConfig){0}, &duck, &err) ||
        !build_sql(cli, duck, udf, files.data, &sql, &err))
        return fail(cli, &err);
    UdfRewrite rewrite;
    udf_rewrite(udfs, duck, buf_text(&sql), &rewrite);
    for (size_t i = 0; i < rewrite.issues.count; i++) {
        if (rewrite.issues.items[i].severity != SEVERITY_ERROR) continue;
        rewrite.issues.items[i].error.code = ERR_USAGE;
        return fail(cli, &rewrite.issues.items[i].error);
    }
    UdfSession *session = NULL;
    UdfSessionConfig config = {.udfs = udfs, .duck = duck};
    Diags diags = diags_on(cli->arena);
    bool ok = udf_session_open(cli->arena, &config, &session, &err) &&
              udf_session_setup(session, &err) &&
              udf_prepare(session, rewrite.sql, NULL, &err);
    err.code = ok ? ERR_NONE : err.code;
    ok = ok && run_and_show(cli, duck, rewrite.sql, files.expect, &err);
    if (!ok) udf_session_error(session, &err);
    udf_session_close(session, &diags);
    show_diags(cli, &diags);
    return ok ? 0 : fail(cli, &err);
}

static const Flag test_flags[] =
    {{"args", 0, FLAG_TEXT, "JSON", NULL, "arguments: a list, or an object by name"},
     {"data", 0, FLAG_TEXT, "FILE", NULL, "rows to call it with: csv, parquet or json"},
     {"expect", 0, FLAG_TEXT, "FILE", NULL, "compare the result with the rows of this file"},
     {0}};

const Command command_udf_test = {
    .name = "test",
    .summary = "call a function with arguments or the rows of a file",
    .arguments = "NAME",
    .flags = test_flags,
    .complete = "function",
    .min_args = 1,
    .max_args = 1,
    .examples =
        (const Example[]){{"udf test with_tax --args '[100, 0.2]'", "print one result"},
                          {"udf test with_tax --args '{\"price\": 100}'", "arguments by name"},
                          {"udf test leaders --data in.csv --expect out.csv", "compare rows"},
                          {0}},
    .run = run_test,
};
