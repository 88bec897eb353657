/* Table functions before a step: their input is read, Python runs, and the rows wait in a side
 * database for the step's own statement. */
#include <string.h>

#include "base/fs.h"
#include "duck_api.h"
#include "udf/session.h"
#include "udf/sqlscan.h"

/* The calls that a rewritten statement names, in order. */
typedef struct Calls {
    UdfTableCall **items;
    size_t count, capacity;
} Calls;

static Calls calls_in(const Udfs *udfs, Arena *arena, const char *sql) {
    Calls calls = {0};
    if (!udfs->calls.count || !strstr(sql, TABLE_CALL_PREFIX)) return calls;
    SqlTokens tokens = sqlscan(arena, sql);
    for (size_t i = 0; i + 1 < tokens.count; i++) {
        if (tokens.items[i].kind != SQL_WORD) continue;
        UdfTableCall *call = catalog_call(udfs, sql_token_text(arena, sql, tokens.items[i]));
        if (call) *LIST_PUSH(arena, &calls) = call;
    }
    return calls;
}

static void add_inputs(const Udfs *udfs, Arena *arena, const char *sql, Strings *inputs) {
    Calls calls = calls_in(udfs, arena, sql);
    for (size_t i = 0; i < calls.count; i++) {
        const char *parts[] = {calls.items[i]->input_sql, calls.items[i]->args_sql};
        for (size_t p = 0; p < 2; p++) {
            if (!parts[p]) continue;
            add_inputs(udfs, arena, parts[p], inputs);
            strings_add_unique(arena, inputs, parts[p]);
        }
    }
}

Strings udf_inputs(const Udfs *udfs, Arena *arena, const char *sql) {
    Strings inputs = {0};
    add_inputs(udfs, arena, sql, &inputs);
    return inputs;
}

/* Validation: the declared columns, and the input's that may pass through. */
static bool stub_columns(UdfSession *session, UdfTableCall *call, bool *known, Error *err) {
    Columns columns = {0};
    for (size_t i = 0; i < call->udf->output.count; i++)
        *LIST_PUSH(session->arena, &columns) = call->udf->output.items[i];
    if (call->input_sql) {
        Columns input = {0};
        if (!duck_describe(session->config.duck, session->arena, call->input_sql, &input, err))
            return false;
        for (size_t i = 0; i < call->udf->required.count; i++)
            if (!columns_find(&input, call->udf->required.items[i]))
                return error_set(err, ERR_QUERY, SPAN_NONE,
                                 "%s requires the column '%s', which its input lacks",
                                 call->udf->full_name, call->udf->required.items[i]);
        for (size_t i = 0; i < input.count; i++) {
            if (columns_find(&columns, input.items[i].name)) continue;
            call->hands_on = call->udf->output.count > 0;
            if (!call->declared_only) *LIST_PUSH(session->arena, &columns) = input.items[i];
        }
    }
    if (!columns.count) *LIST_PUSH(session->arena, &columns) = (Column){"column0", "VARCHAR"};
    if (!call->udf->output.count && known) *known = false;
    call->columns = columns;
    return true;
}

static bool open_side(UdfSession *session, Error *err) {
    if (session->side) return true;
    const char *memory = arena_printf(session->arena, "%lldB", (long long)session->memory);
    DuckConfig config = {.memory_limit = memory,
                         .threads = 2,
                         .temp_directory = session->config.stage_dir};
    if (config.temp_directory)
        config.temp_directory = fs_join(session->arena, config.temp_directory, "udf");
    return duck_open(&config, &session->side, err);
}

static bool prepare_side(TableJob *job, Error *err) {
    UdfSession *session = job->session;
    UdfTableCall *call = job->call;
    if (!open_side(session, err)) return false;
    call->side = duck_database(session->side);
    call->table = arena_printf(session->arena, "output%s", call->sql_name);
    job->side = duck_connection(session->side);
    return duck_execf(session->side, err, "DROP TABLE IF EXISTS %s", call->table);
}

static bool run_call(UdfSession *session, UdfTableCall *call, Error *err) {
    Columns input = {0};
    if (call->input_sql &&
        !duck_describe(session->config.duck, session->arena, call->input_sql, &input, err))
        return error_prefix(err, "the input of %s: ", call->udf->full_name);
    TableJob job = {.call = call,
                    .run = &session->run,
                    .arena = session->arena,
                    .connection = duck_connection(session->config.duck),
                    .open_side = prepare_side,
                    .session = session,
                    .room = session->room};
    if (!session->api->call_table(&job, err)) {
        udf_session_error(session, err);
        return false;
    }
    session->room = job.room;
    if (call->batches) return true;
    const char *query = arena_printf(session->arena, "SELECT * FROM %s", call->table);
    return duck_describe(session->side, session->arena, query, &call->columns, err);
}

static bool find_types(UdfSession *session, UdfTableCall *call, Error *err) {
    call->types = ARENA_ARRAY(session->arena, void *, call->columns.count + 1);
    for (size_t i = 0; i < call->columns.count; i++) {
        call->types[i] = session_type(session, call->udf, call->columns.items[i].type, err);
        if (!call->types[i]) return false;
    }
    return true;
}

bool udf_prepare(UdfSession *session, const char *sql, bool *known, Error *err) {
    if (known) *known = true;
    if (!session) return true;
    Calls calls = calls_in(session->config.udfs, session->arena, sql);
    for (size_t i = 0; i < calls.count; i++) {
        UdfTableCall *call = calls.items[i];
        if (call->ready) continue;
        call->columns = (Columns){0};
        bool inner = true;
        if (call->input_sql && !udf_prepare(session, call->input_sql, &inner, err)) return false;
        if (known && !inner) *known = false;
        bool ok = session->run.stub ? stub_columns(session, call, known, err)
                                           : run_call(session, call, err);
        if (!ok || !find_types(session, call, err)) return false;
        call->ready = true;
    }
    return true;
}

size_t udf_calls(const UdfSession *session) { return session->config.udfs->calls.count; }

bool udf_hands_on(const UdfSession *session, size_t call) {
    return session->config.udfs->calls.items[call]->hands_on;
}

void udf_hand_on(UdfSession *session, size_t call) {
    UdfTableCall *told = session->config.udfs->calls.items[call];
    told->declared_only = !told->declared_only;
}

void udf_release(UdfSession *session) {
    if (!session) return;
    const Udfs *udfs = session->config.udfs;
    for (size_t i = 0; i < udfs->calls.count; i++) {
        UdfTableCall *call = udfs->calls.items[i];
        Error err;
        if (call->ready && call->table && session->side)
            duck_execf(session->side, &err, "DROP TABLE IF EXISTS %s", call->table);
        if (session->api) session->api->give_back(call);
        call->table = NULL;
        call->ready = false;
    }
    session->room = session->memory;
}
