/* `sqlflow status`: the project at a glance. It opens the database only to read, and shows what
 * there is even when something is wrong. */
#include "base/fs.h"
#include "cli/reader.h"

extern const Command command_status;

typedef struct Overview {
    Context context;
    Strings pipelines, profiles;
    const char *database; /* what is said about it */
    Table runs;           /* last run of each pipeline */
    const char *runs_json;
    int64_t pending;
} Overview;

static const char last_runs[] =
    "SELECT pipeline, status, strftime(started_at, '%Y-%m-%d %H:%M:%S') AS started, run_id"
    " FROM _sqlflow.runs QUALIFY row_number() OVER (PARTITION BY pipeline"
    " ORDER BY started_at DESC, run_id DESC) = 1 ORDER BY pipeline";

static const char *size_text(Arena *arena, const char *path) {
    int64_t size, mtime;
    if (!fs_stat(path, &size, &mtime)) return "not there yet";
    return str_bytes(arena, (unsigned long long)size);
}

static void read_database(Overview *overview) {
    Context *context = &overview->context;
    Arena *arena = context->arena;
    Error err = {0};
    AUTO_READER reader = {.lock = LOCK_NONE};
    if (!reader_open(context, &reader, &err)) {
        const char *path = reader.path;
        bool missing = path != NULL && !fs_exists(path);
        overview->database = path == NULL ? "in memory"
                             : missing    ? arena_printf(arena, "%s (not there yet)", path)
                                          : arena_printf(arena, "%s (%s)", path, err.message);
        return;
    }
    overview->database = arena_printf(arena, "%s (%s)", reader.path, size_text(arena, reader.path));
    if (!reader.has_state) return;
    Buf json = buf_on(arena);
    JsonWriter writer = json_writer(&json, false);
    if (!rows_table(reader.duck, last_runs, &overview->runs, &err) ||
        !rows_json(reader.duck, last_runs, &writer, NULL, &err) ||
        !duck_int(reader.duck, "SELECT count(*) FROM _sqlflow.exports WHERE status = 'pending'",
                  &overview->pending, &err))
        return;
    overview->runs_json = buf_text(&json);
}

static int print_json(Cli *cli, const Overview *overview) {
    const Project *project = &overview->context.project;
    Document document;
    document_start(&document, cli);
    json_string(&document.json, "project", project->root);
    json_string(&document.json, "profile", project->profile.name);
    json_string(&document.json, "database", overview->database);
    json_array(&document.json, "profiles");
    for (size_t i = 0; i < overview->profiles.count; i++)
        json_string(&document.json, NULL, overview->profiles.items[i]);
    json_end(&document.json);
    json_array(&document.json, "pipelines");
    for (size_t i = 0; i < overview->pipelines.count; i++)
        json_string(&document.json, NULL, overview->pipelines.items[i]);
    json_end(&document.json);
    json_raw(&document.json, "last_runs", overview->runs_json == NULL ? "[]" : overview->runs_json);
    json_int(&document.json, "pending_exports", overview->pending);
    return document_end(&document, cli);
}

static int run_status(Cli *cli) {
    Overview overview = {.runs = table_new(cli->arena, "PIPELINE|LAST RUN|STARTED|RUN")};
    Context *context = &overview.context;
    Error err;
    if (!context_open_profile(context, cli)) return context_fail(context);
    if (!project_pipelines(&context->project, cli->arena, &overview.pipelines, &err) ||
        !project_profiles(&context->project, cli->arena, &overview.profiles, &err))
        return fail(cli, &err);
    read_database(&overview);
    if (cli->json) return print_json(cli, &overview);
    const Profile *profile = &context->project.profile;
    out_printf(cli, "project      %s\n", context->project.root);
    out_printf(cli, "profile      %s (of %s)\n", profile->name,
               strings_join(cli->arena, &overview.profiles, ", "));
    out_printf(cli, "database     %s\n", overview.database);
    out_printf(cli, "pipelines    %s\n", strings_join(cli->arena, &overview.pipelines, ", "));
    out_printf(cli, "connections  %zu\n", profile->connections.count);
    if (overview.pending > 0)
        out_printf(cli, "pending      %lld exports: the next run publishes them\n",
                   (long long)overview.pending);
    if (overview.runs.cells.count > overview.runs.columns) {
        out_text(cli, "\n");
        table_print(cli, &overview.runs);
    }
    return 0;
}

const Command command_status = {
    .name = "status",
    .summary = "show the project at a glance",
    .examples = (const Example[]){{"status -p prod", "pipelines, database, last runs"}, {0}},
    .run = run_status,
};
