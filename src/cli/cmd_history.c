/* `sqlflow history [RUN]`: runs of the past, or one with its steps, assertions and exports.
 * All of it is in tables of schema _sqlflow; here they are only selected and laid out. */
#include "cli/reader.h"

extern const Command command_history;

/* What is not in the table of runs: their name, and how long they took. */
#define NAME_COLUMN "run_id AS name"
#define SECONDS_COLUMN                                                                             \
    "round(date_diff('millisecond', started_at, ended_at) / 1000.0, 3)::DOUBLE AS seconds"

static const char *list_sql(Cli *cli) {
    Buf sql = buf_on(cli->arena);
    buf_puts(&sql, "SELECT " NAME_COLUMN ", run_id, pipeline, profile, status, started_at,"
                   " ended_at, " SECONDS_COLUMN ", error_code, error FROM _sqlflow.runs");
    const char *pipeline = flag_text(cli, "pipeline");
    if (pipeline != NULL) {
        buf_puts(&sql, " WHERE pipeline = ");
        buf_literal(&sql, project_pipeline_name(cli->arena, pipeline));
    }
    buf_printf(&sql, " ORDER BY started_at DESC, run_id DESC LIMIT %lld",
               flag_int(cli, "limit", 20));
    return buf_text(&sql);
}

static int list_runs(Cli *cli, const Reader *reader) {
    Error err;
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        if (!reader->has_state) {
            json_array(&document.json, "runs");
            json_end(&document.json);
        } else if (!rows_json(reader->duck, list_sql(cli), &document.json, "runs", &err)) {
            return fail(cli, &err);
        }
        return document_end(&document, cli);
    }
    Table table = table_new(cli->arena, "RUN|PIPELINE|PROFILE|STATUS|STARTED|>SECONDS|ERROR");
    const char *sql = arena_printf(cli->arena,
                                   "SELECT run_id, pipeline, profile, status,"
                                   " strftime(started_at, '%%Y-%%m-%%d %%H:%%M:%%S'),"
                                   " format('{:.2f}', seconds), error_code FROM (%s)",
                                   list_sql(cli));
    if (!reader->has_state)
        note(cli, "no runs yet");
    else if (!rows_table(reader->duck, sql, &table, &err))
        return fail(cli, &err);
    else
        table_print(cli, &table);
    return 0;
}

/* -- one run ----------------------------------------------------------------------------- */

static void no_run(Cli *cli, const Reader *reader, const char *wanted, Error *err) {
    Strings ids = {0};
    if (reader->has_state)
        reader_names(reader->duck, cli->arena,
                     "SELECT run_id FROM _sqlflow.runs ORDER BY run_id DESC", &ids);
    error_set(err, ERR_NO_STATE, SPAN_NONE, "there is no run '%s'%s", wanted,
              str_did_you_mean(cli->arena, wanted, &ids));
}

/* The run whose id starts with what was typed; NULL with err when none or several do. */
static const char *find_run(Cli *cli, const Reader *reader, Error *err) {
    const char *wanted = cli_word(cli, 0), *id = NULL;
    int64_t count = 0;
    const char *where = arena_printf(cli->arena, "FROM _sqlflow.runs WHERE starts_with(run_id, %s)",
                                     sql_literal(cli->arena, wanted));
    if (reader->has_state &&
        (!duck_int(reader->duck, arena_printf(cli->arena, "SELECT count(*) %s", where), &count,
                   err) ||
         !duck_text(reader->duck, cli->arena, arena_printf(cli->arena, "SELECT run_id %s", where),
                    &id, err)))
        return NULL;
    if (count == 1) return id;
    if (count > 1)
        error_set(err, ERR_NO_STATE, SPAN_NONE, "%lld runs start with '%s'", (long long)count,
                  wanted);
    else
        no_run(cli, reader, wanted, err);
    error_hint(err, "sqlflow history lists the runs");
    return NULL;
}

typedef struct Part {
    const char *key, *title, *header, *columns, *text_columns, *order;
} Part;

static const Part parts[] = {
    {"steps", "Steps", "STEP|TYPE|STATUS|>READ|>INSERTED|>UPDATED|>DELETED|>SECONDS|ERROR",
     "step_id, type, status, rows_read, rows_inserted, rows_updated, rows_deleted,"
     " duplicates_dropped, bytes, seconds, error",
     "step_id, type, status, rows_read, rows_inserted, rows_updated, rows_deleted,"
     " format('{:.2f}', seconds), split_part(error, chr(10), 1)",
     "rowid"},
    {"asserts", "Assertions", "NAME|SEVERITY|STATUS|>FAILING",
     "name, severity, status, failing_rows", "name, severity, status, failing_rows", "rowid"},
    {"exports", "Exports", "EXPORT|DESTINATION|TYPE|>ROWS|>BYTES|STATUS",
     "export_id, step_id, destination, type, rows, bytes, hash, status, published_at",
     "export_id, destination, type, rows, bytes, status", "export_id"},
};

static const char *part_sql(Arena *arena, const Part *part, const char *run, bool text) {
    return arena_printf(arena, "SELECT %s FROM _sqlflow.%s WHERE run_id = %s ORDER BY %s",
                        text ? part->text_columns : part->columns, part->key,
                        sql_literal(arena, run), part->order);
}

static bool run_json(Cli *cli, const Reader *reader, const char *run, Error *err) {
    Document document;
    document_start(&document, cli);
    const char *sql = arena_printf(cli->arena,
                                   "SELECT " NAME_COLUMN ", *, " SECONDS_COLUMN
                                   " FROM _sqlflow.runs WHERE run_id = %s",
                                   sql_literal(cli->arena, run));
    if (!rows_json(reader->duck, sql, &document.json, "runs", err)) return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!rows_json(reader->duck, part_sql(cli->arena, &parts[i], run, false), &document.json,
                       parts[i].key, err))
            return false;
    document_end(&document, cli);
    return true;
}

static bool run_head(Cli *cli, const Reader *reader, const char *run, Error *err) {
    AUTO_ROWS rows = NULL;
    const char *sql = arena_printf(cli->arena, "FROM _sqlflow.runs WHERE run_id = %s",
                                   sql_literal(cli->arena, run));
    if (!duck_query(reader->duck, sql, &rows, err)) return false;
    err->code = ERR_NONE;
    if (!rows_next(rows, err)) return false;
    for (size_t i = 0; i < rows_columns(rows); i++) {
        if (rows_is_null(rows, i)) continue;
        Buf line = buf_on(cli->arena);
        buf_pad(&line, rows_name(rows, i), 16, false);
        out_printf(cli, "%s%s\n", buf_text(&line), rows_text(rows, i));
    }
    return true;
}

static bool run_text(Cli *cli, const Reader *reader, const char *run, Error *err) {
    if (!run_head(cli, reader, run, err)) return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        Table table = table_new(cli->arena, parts[i].header);
        if (!rows_table(reader->duck, part_sql(cli->arena, &parts[i], run, true), &table, err))
            return false;
        if (table.cells.count == table.columns) continue;
        out_printf(cli, "\n%s\n", parts[i].title);
        table_print(cli, &table);
    }
    return true;
}

static int run_history(Cli *cli) {
    Context context;
    Error err = {0};
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    AUTO_READER reader = {.lock = LOCK_NONE};
    bool list = cli->words.count == 0;
    if (!(list ? reader_open_list : reader_open)(&context, &reader, &err))
        return context.diags.errors > 0 ? context_fail(&context) : fail(cli, &err);
    const char *pipeline = flag_text(cli, "pipeline");
    if (pipeline != NULL && !reader_knows(&context, &reader, pipeline, &err))
        return fail(cli, &err);
    if (list) return list_runs(cli, &reader);
    const char *run = find_run(cli, &reader, &err);
    if (run != NULL &&
        (cli->json ? run_json(cli, &reader, run, &err) : run_text(cli, &reader, run, &err)))
        return 0;
    return fail(cli, &err);
}

static const Flag flags[] = {
    {"limit", 0, FLAG_INT, "N", NULL, "how many runs, the latest first (20)"},
    {"pipeline", 0, FLAG_TEXT, "NAME", NULL, "only runs of this pipeline"},
    {0},
};

const Command command_history = {
    .name = "history",
    .summary = "show past runs, their steps and errors",
    .arguments = "[RUN]",
    .flags = flags,
    .complete = "run",
    .max_args = 1,
    .examples =
        (const Example[]){{"history", "the latest runs"},
                          {"history 20261122-130501", "one run; the start of its id will do"},
                          {"history --pipeline incremental_orders --limit 5",
                           "the last five of one pipeline"},
                          {0}},
    .run = run_history,
};
