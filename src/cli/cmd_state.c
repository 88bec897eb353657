/* `sqlflow state …`: watermarks and pending exports, looked at and changed. Changes are made under
 * the run's own lock, so never beside a run. */
#include <string.h>

#include "cli/reader.h"
#include "connectors/connector.h"

extern const Command command_state;

/* Pipeline, source and target as typed; the pipeline may be a path. */
static StateKey key_of(Cli *cli) {
    const char *pipeline = cli_word(cli, 0);
    return (StateKey){
        .pipeline = pipeline == NULL ? NULL : project_pipeline_name(cli->arena, pipeline),
        .source = cli_word(cli, 1),
        .target = cli_word(cli, 2),
    };
}

static const char *where_of(Cli *cli) {
    StateKey key = key_of(cli);
    const char *const names[] = {"pipeline", "source", "target"};
    const char *const values[] = {key.pipeline, key.source, key.target};
    Buf where = buf_on(cli->arena);
    for (size_t i = 0; i < 3 && values[i] != NULL; i++) {
        buf_printf(&where, "%s%s = ", i == 0 ? " WHERE " : " AND ", names[i]);
        buf_literal(&where, values[i]);
    }
    return buf_text(&where);
}

static int open_failed(Context *context, const Error *err) {
    return context->diags.errors > 0 ? context_fail(context) : fail(context->cli, err);
}

/* -- looking ----------------------------------------------------------------------------- */

static const char watermark_columns[] =
    "pipeline, source, target, cursor_field, value, type, fingerprint, run_id, updated_at";

static const char *files_sql(Cli *cli) {
    return arena_printf(cli->arena,
                        "SELECT pipeline, source, target, count(*) AS files,"
                        " sum(rows)::BIGINT AS rows FROM _sqlflow.files%s"
                        " GROUP BY ALL ORDER BY ALL",
                        where_of(cli));
}

/* Exports have no source or target: they are those of the pipeline. */
static const char *pending_sql(Cli *cli, const char *columns) {
    const char *pipeline = key_of(cli).pipeline;
    const char *of = pipeline == NULL ? ""
                                      : arena_printf(cli->arena, " AND pipeline = %s",
                                                     sql_literal(cli->arena, pipeline));
    return arena_printf(cli->arena,
                        "SELECT %s FROM _sqlflow.exports WHERE status = 'pending'%s"
                        " ORDER BY export_id",
                        columns, of);
}

static bool list_json(Cli *cli, Duck *duck, Error *err) {
    Document document;
    document_start(&document, cli);
    const char *sql = arena_printf(cli->arena, "SELECT %s FROM _sqlflow.watermarks%s ORDER BY ALL",
                                   watermark_columns, where_of(cli));
    const char *pending =
        pending_sql(cli, "export_id, run_id, pipeline, step_id, destination, type, rows, bytes");
    if (!rows_json(duck, sql, &document.json, "watermarks", err) ||
        !rows_json(duck, files_sql(cli), &document.json, "files", err) ||
        !rows_json(duck, pending, &document.json, "pending_exports", err))
        return false;
    document_end(&document, cli);
    return true;
}

/* Tables printed one below the other. */
typedef struct Parts {
    Cli *cli;
    Duck *duck;
    size_t printed;
} Parts;

/* A table with a blank line before it unless it is the first; nothing when it has no rows. */
static bool print_part(Parts *parts, const char *header, const char *sql, Error *err) {
    Table table = table_new(parts->cli->arena, header);
    if (!rows_table(parts->duck, sql, &table, err)) return false;
    if (table.cells.count == table.columns) return true;
    if (parts->printed > 0) out_text(parts->cli, "\n");
    table_print(parts->cli, &table);
    parts->printed++;
    return true;
}

static bool list_text(Parts *parts, Error *err) {
    Cli *cli = parts->cli;
    const char *sql = arena_printf(cli->arena,
                                   "SELECT pipeline, source, target, cursor_field, value, type,"
                                   " strftime(updated_at, '%%Y-%%m-%%d %%H:%%M:%%S')"
                                   " FROM _sqlflow.watermarks%s ORDER BY ALL",
                                   where_of(cli));
    const char *pending = pending_sql(cli, "export_id, pipeline, destination, rows");
    return print_part(parts, "PIPELINE|SOURCE|TARGET|CURSOR|VALUE|TYPE|UPDATED", sql, err) &&
           print_part(parts, "PIPELINE|SOURCE|TARGET|>FILES|>ROWS", files_sql(cli), err) &&
           print_part(parts, "PENDING EXPORT|PIPELINE|DESTINATION|>ROWS", pending, err);
}

static int empty(Cli *cli) {
    if (!cli->json) {
        note(cli, "no state yet");
        return 0;
    }
    Document document;
    document_start(&document, cli);
    static const char *const parts[] = {"watermarks", "files", "pending_exports"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_array(&document.json, parts[i]);
        json_end(&document.json);
    }
    return document_end(&document, cli);
}

static int run_list(Cli *cli) {
    Context context;
    Error err = {0};
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    AUTO_READER reader = {.lock = LOCK_NONE};
    if (!reader_open_list(&context, &reader, &err)) return open_failed(&context, &err);
    if (!reader.has_state) return empty(cli);
    Parts parts = {cli, reader.duck, 0};
    if (!(cli->json ? list_json(cli, reader.duck, &err) : list_text(&parts, &err)))
        return fail(cli, &err);
    return cli->json || parts.printed > 0 ? 0 : empty(cli);
}

/* Names the nearest of what there is, at the first word that is not known. */
static bool no_state(Cli *cli, const Reader *reader, Error *err) {
    static const char *const parts[] = {"pipeline", "source", "target"};
    Arena *arena = cli->arena;
    StateKey key = key_of(cli);
    const char *const values[] = {key.pipeline, key.source, key.target};
    Strings typed = cli->words;
    if (typed.count > 3) typed.count = 3;
    Buf where = buf_on(arena);
    buf_puts(&where, "true");
    error_set(err, ERR_NO_STATE, SPAN_NONE, "there is no state of %s",
              strings_join(arena, &typed, " "));
    error_hint(err, "sqlflow state list shows what there is");
    for (size_t i = 0; i < 3 && values[i] != NULL && reader->has_state; i++) {
        Strings names = {0};
        reader_names(reader->duck, arena,
                     arena_printf(arena,
                                  "SELECT DISTINCT %s FROM (SELECT pipeline, source, target FROM "
                                  "_sqlflow.watermarks UNION ALL SELECT pipeline, source, target "
                                  "FROM _sqlflow.files) WHERE %s ORDER BY 1",
                                  parts[i], buf_text(&where)),
                     &names);
        if (names.count > 0 && !strings_has_exact(&names, values[i])) {
            error_set(err, ERR_NO_STATE, SPAN_NONE, "there is no state of %s '%s'%s", parts[i],
                      values[i], str_did_you_mean(arena, values[i], &names));
            return error_hint(err, "there is state of: %s", strings_join(arena, &names, ", "));
        }
        buf_printf(&where, " AND %s = %s", parts[i], sql_literal(arena, values[i]));
    }
    return false;
}

static bool show(Cli *cli, const Reader *reader, Error *err) {
    int64_t count = 0;
    const char *pending = "";
    if (key_of(cli).source == NULL)
        pending = arena_printf(cli->arena, " + (SELECT count(*) FROM (%s))",
                               pending_sql(cli, "export_id"));
    const char *sql = arena_printf(cli->arena,
                                   "SELECT (SELECT count(*) FROM _sqlflow.watermarks%s)"
                                   " + (SELECT count(*) FROM _sqlflow.files%s)%s",
                                   where_of(cli), where_of(cli), pending);
    if (reader->has_state && !duck_int(reader->duck, sql, &count, err)) return false;
    if (count == 0) return no_state(cli, reader, err);
    if (cli->json) return list_json(cli, reader->duck, err);
    const char *files = arena_printf(cli->arena,
                                     "SELECT source, target, path, size, rows, run_id"
                                     " FROM _sqlflow.files%s ORDER BY ALL",
                                     where_of(cli));
    Parts parts = {cli, reader->duck, 0};
    return list_text(&parts, err) &&
           print_part(&parts, "SOURCE|TARGET|FILE|>BYTES|>ROWS|RUN", files, err);
}

static int run_show(Cli *cli) {
    Context context;
    Error err = {0};
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    AUTO_READER reader = {.lock = LOCK_NONE};
    if (!reader_open(&context, &reader, &err)) return open_failed(&context, &err);
    return show(cli, &reader, &err) ? 0 : fail(cli, &err);
}

/* -- changing ---------------------------------------------------------------------------- */

/* Changes are of one piece: all of it or nothing. */
static bool finish_change(Duck *duck, bool ok, Error *err) {
    Error ignored;
    if (ok) return duck_exec(duck, "COMMIT", NULL, err);
    duck_exec(duck, "ROLLBACK", NULL, &ignored);
    return false;
}

/* The value as its type writes it. */
static bool normalise(Cli *cli, Duck *duck, Watermark *watermark, Error *err) {
    const char *text = NULL;
    Buf sql = buf_on(cli->arena);
    buf_puts(&sql, "SELECT CAST(CAST(");
    buf_literal(&sql, watermark->value);
    buf_printf(&sql, " AS %s) AS VARCHAR)", watermark->type);
    if (duck_text(duck, cli->arena, buf_text(&sql), &text, err) && text != NULL) {
        watermark->value = text;
        return true;
    }
    error_set(err, ERR_USAGE, SPAN_NONE, "'%s' is no value of type %s", watermark->value,
              watermark->type);
    return error_hint(err, "the watermark keeps the type of its cursor");
}

/* The type by the name that a run gives it: int8 is BIGINT. It is pasted into SQL, so it may hold
 * nothing but a type's name. */
static bool type_of(Cli *cli, Duck *duck, const char *typed, const char **type, Error *err) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_(), ";
    const char *sql = arena_printf(cli->arena, "SELECT typeof(CAST(NULL AS %s))", typed);
    if (*typed != '\0' && strspn(typed, allowed) == strlen(typed) &&
        duck_text(duck, cli->arena, sql, type, err))
        return true;
    error_set(err, ERR_USAGE, SPAN_NONE, "'%s' is not a type", typed);
    return error_hint(err, "--type is the DuckDB type of the cursor, such as TIMESTAMP, DATE or "
                           "BIGINT");
}

static bool set_watermark(Cli *cli, const Reader *reader, const char **value, Error *err) {
    Duck *duck = reader->duck;
    StateKey key = key_of(cli);
    Watermark watermark = {0};
    if (!state_prepare(duck, err) || !state_watermark(duck, cli->arena, &key, &watermark, err))
        return false;
    const char *type = flag_text(cli, "type"), *cursor = flag_text(cli, "cursor");
    bool known = watermark.value != NULL;
    watermark.value = cli_word(cli, 3);
    key.cursor_field = cursor != NULL ? cursor : watermark.cursor_field;
    if (!known && (type == NULL || cursor == NULL)) {
        no_state(cli, reader, err);
        return error_hint(err, "for a watermark that is new, name its cursor and type: --cursor "
                               "updated_at --type TIMESTAMP");
    }
    if (type != NULL && !type_of(cli, duck, type, &watermark.type, err)) return false;
    if (!normalise(cli, duck, &watermark, err) || !duck_exec(duck, "BEGIN", NULL, err))
        return false;
    *value = watermark.value;
    /* What was remembered about the source at the old place is of no use at the new one. */
    watermark.fingerprint = NULL;
    int64_t removed;
    bool ok = state_forget(duck, &key, &removed, err) &&
              state_set_watermark(duck, &key, &watermark, "state set", err);
    return finish_change(duck, ok, err);
}

static int run_set(Cli *cli) {
    Context context;
    Error err = {0};
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    AUTO_READER reader = {.lock = LOCK_NONE};
    if (!reader_open_exclusive(&context, &reader, &err)) return open_failed(&context, &err);
    const char *value = NULL;
    /* A watermark may be set before the pipeline is there, but more often its name is misspelt. */
    if (!reader_knows(&context, &reader, cli_word(cli, 0), &err)) note(cli, "%s", err.message);
    if (!set_watermark(cli, &reader, &value, &err)) return fail(cli, &err);
    if (cli->json) return list_json(cli, reader.duck, &err) ? 0 : fail(cli, &err);
    out_printf(cli, "watermark set to %s\n", value);
    return 0;
}

static int run_reset(Cli *cli) {
    Context context;
    Error err = {0};
    int64_t removed = 0;
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    AUTO_READER reader = {.lock = LOCK_NONE};
    if (!reader_open_exclusive(&context, &reader, &err)) return open_failed(&context, &err);
    StateKey key = key_of(cli);
    if (reader.has_state) {
        bool ok = duck_exec(reader.duck, "BEGIN", NULL, &err) &&
                  state_forget(reader.duck, &key, &removed, &err);
        if (!finish_change(reader.duck, ok, &err)) return fail(cli, &err);
    }
    if (removed == 0) {
        no_state(cli, &reader, &err);
        return fail(cli, &err);
    }
    if (cli->json) return list_json(cli, reader.duck, &err) ? 0 : fail(cli, &err);
    out_printf(cli, "forgotten: %lld watermark%s or file record%s; the next run reads all rows\n",
               (long long)removed, removed == 1 ? "" : "s", removed == 1 ? "" : "s");
    return 0;
}

static const ExportRecord *find_export(const ExportRecords *records, const char *id) {
    for (size_t i = 0; i < records->count; i++)
        if (str_eq(records->items[i].export_id, id)) return &records->items[i];
    return NULL;
}

/* What was staged for it outside the database. */
static bool unstage(Arena *arena, const ExportRecord *record, Error *err) {
    const Connector *connector = connector_find(record->type);
    if (connector == NULL || connector->unstage == NULL) return true;
    Session session = {.arena = arena};
    WriteSpec spec = {.export_id = record->export_id, .destination = record->destination};
    Staged staged = {.file = record->file};
    return connector->unstage(&session, &spec, &staged, err);
}

/* The record and what was staged for it in the database. */
static bool forget_export(Duck *duck, Arena *arena, const char *id, Error *err) {
    bool found;
    const char *stage = sql_ident(arena, arena_printf(arena, "stage_%s", id));
    if (!duck_exec(duck, "BEGIN", NULL, err)) return false;
    bool ok = duck_execf(duck, err, "DROP TABLE IF EXISTS _sqlflow.%s", stage) &&
              state_export_discard(duck, id, &found, err) && state_settle_runs(duck, err);
    return finish_change(duck, ok, err);
}

static bool discard(Cli *cli, const Reader *reader, Error *err) {
    const char *id = cli_word(cli, 0);
    ExportRecords records = {0};
    if (reader->has_state && !state_exports_pending(reader->duck, cli->arena, &records, err))
        return false;
    const ExportRecord *record = find_export(&records, id);
    if (record == NULL) {
        Strings ids = {0};
        for (size_t i = 0; i < records.count; i++)
            strings_add(cli->arena, &ids, records.items[i].export_id);
        error_set(err, ERR_NO_STATE, SPAN_NONE, "there is no pending export '%s'%s", id,
                  str_did_you_mean(cli->arena, id, &ids));
        return error_hint(err, "sqlflow state list shows the pending exports");
    }
    if (!forget_export(reader->duck, cli->arena, id, err)) return false;
    if (!unstage(cli->arena, record, err)) return false;
    out_printf(cli, "discarded %s: %s was not written\n", id, record->destination);
    return true;
}

static int run_discard(Cli *cli) {
    Context context;
    Error err = {0};
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    AUTO_READER reader = {.lock = LOCK_NONE};
    if (!reader_open_exclusive(&context, &reader, &err)) return open_failed(&context, &err);
    if (!discard(cli, &reader, &err)) return fail(cli, &err);
    if (!cli->json) return 0;
    Document document;
    document_start(&document, cli);
    json_string(&document.json, "discarded", cli_word(cli, 0));
    return document_end(&document, cli);
}

/* -- the table --------------------------------------------------------------------------- */

#define ROW_WAIT                                                                                   \
    { "wait", 0, FLAG_MAYBE_SECONDS, "SECONDS", NULL, "wait for a run to end" }

static const Flag wait_flags[] = {ROW_WAIT, {0}};
static const Flag set_flags[] = {
    {"type", 0, FLAG_TEXT, "TYPE", NULL, "DuckDB type of a watermark that is new"},
    {"cursor", 0, FLAG_TEXT, "COLUMN", NULL, "cursor column of a watermark that is new"},
    ROW_WAIT,
    {0},
};

static const Command list = {
    .name = "list",
    .summary = "list watermarks, loaded files and pending exports",
    .examples = (const Example[]){{"state list --format json", "for a program"}, {0}},
    .run = run_list,
};
static const Command show_command = {
    .name = "show",
    .summary = "show the state of a pipeline, source or target",
    .arguments = "PIPELINE [SOURCE [TARGET]]",
    .complete = "pipeline",
    .min_args = 1,
    .max_args = 3,
    .examples = (const Example[]){{"state show incremental_orders", "all of one pipeline"}, {0}},
    .run = run_show,
};
static const Command set = {
    .name = "set",
    .summary = "set a watermark",
    .arguments = "PIPELINE SOURCE TARGET VALUE",
    .flags = set_flags,
    .complete = "pipeline",
    .min_args = 4,
    .max_args = 4,
    .examples = (const Example[]){{"state set incremental_orders orders fact_orders '2026-01-31'",
                                   "read from this day on again"},
                                  {0}},
    .run = run_set,
};
static const Command reset = {
    .name = "reset",
    .summary = "forget watermarks, so that the next run reads all rows",
    .arguments = "PIPELINE [SOURCE [TARGET]]",
    .flags = wait_flags,
    .complete = "pipeline",
    .min_args = 1,
    .max_args = 3,
    .examples = (const Example[]){{"state reset incremental_orders", "all of one pipeline"}, {0}},
    .run = run_reset,
};
static const Command discard_command = {
    .name = "discard",
    .summary = "give up a pending export",
    .arguments = "EXPORT_ID",
    .flags = wait_flags,
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"state discard 20261122-130501-7f3a1c09.export_csv_summary",
                                   "an export that can never succeed"},
                                  {0}},
    .run = run_discard,
};

const Command command_state = {
    .name = "state",
    .summary = "look at and change watermarks and pending exports",
    .actions = (const Command *const[]){&list, &show_command, &set, &reset, &discard_command, NULL},
    .examples = (const Example[]){{"state list", "what incremental loads have reached"}, {0}},
};
