/* A session: registers the functions that the pipeline uses on the run's connection, runs the hooks
 * of their modules, and keeps what went wrong inside Python for the step's error. */
#include "udf/session.h"

#include <string.h>

#include "base/fs.h"

static bool register_use(UdfSession *session, UdfUse *use, Error *err) {
    void **types = ARENA_ARRAY(session->arena, void *, use->param_count + 1);
    const Udf *udf = use->udf;
    for (size_t i = 0; i <= use->param_count; i++) {
        const char *text = udf->return_type;
        if (i < use->param_count) {
            size_t param = use->params[i];
            for (size_t p = 0; param == SIZE_MAX && p < udf->params.count; p++)
                if (udf->params.items[p].variadic) param = p;
            text = udf->params.items[param].type;
        }
        if (text && !(types[i] = session_type(session, udf, text, err))) return false;
    }
    use->nulled = 0;
    use->first_error[0] = '\0';
    return session->api->register_scalar(duck_connection(session->config.duck), use, types,
                                         &session->run, err);
}

static bool run_setup(UdfSession *session, const Udf *udf, Error *err) {
    if (strings_has_exact(&session->modules, udf->import_name)) return true;
    /* Noted first: a module whose setup failed half way is torn down too. */
    strings_add(session->arena, &session->modules, udf->import_name);
    return session->api->hooks(udf->import_name, true, err);
}

/* What table functions return comes on top of the run's own memory_limit: it gets an eighth of it,
 * within bounds. */
static void find_memory(UdfSession *session) {
    enum { SHARE = 8, LEAST = 32 << 20, MOST = 256 << 20 };
    int64_t limit = duck_memory(session->config.duck).limit / SHARE;
    session->memory = session->room = limit < LEAST ? LEAST : limit > MOST ? MOST : limit;
}

static bool register_all(UdfSession *session, Error *err) {
    const Udfs *udfs = session->config.udfs;
    if (udfs->calls.count > 0) find_memory(session);
    /* A result that was not read to its end keeps its transaction until the next statement, which
     * would take back what is registered meanwhile. */
    if (!duck_exec(session->config.duck, "SELECT 1", NULL, err)) return false;
    for (size_t i = 0; i < udfs->uses.count; i++)
        if (!register_use(session, udfs->uses.items[i], err)) return false;
    for (size_t i = 0; i < udfs->calls.count; i++) {
        UdfTableCall *call = udfs->calls.items[i];
        call->ready = false;
        call->columns = (Columns){0};
        call->table = NULL;
        call->batches = NULL;
        call->side = NULL;
        if (!scan_register(session->config.duck, call, err)) return false;
    }
    return true;
}

bool udfs_used(const Udfs *udfs) { return udfs->uses.count || udfs->calls.count; }

bool udf_session_open(Arena *arena, const UdfSessionConfig *config, UdfSession **out, Error *err) {
    *out = NULL;
    if (!udfs_used(config->udfs)) return true;
    if (!catalog_start(config->udfs, err)) return false;
    UdfSession *session = ARENA_NEW(arena, UdfSession);
    session->arena = arena;
    session->config = *config;
    session->api = config->udfs->api;
    session->types = map_exact_on(arena);
    session->run.stub = config->validate;
    session->run.stop = config->stop;
    pthread_mutex_init(&session->run.lock, NULL);
    session->api->arm(true);
    if (register_all(session, err)) {
        *out = session;
        return true;
    }
    Diags none = diags_on(arena);
    udf_session_close(session, &none);
    return false;
}

static void tear_down(UdfSession *session, Diags *diags) {
    while (session->modules.count > 0) {
        Error err;
        if (!session->api->hooks(session->modules.items[--session->modules.count], false, &err))
            diag_add(diags, SEVERITY_WARNING, &err);
    }
}

bool udf_session_setup(UdfSession *session, Error *err) {
    if (!session) return true;
    const Udfs *udfs = session->config.udfs;
    bool ok = true;
    for (size_t i = 0; ok && i < udfs->uses.count; i++)
        ok = run_setup(session, udfs->uses.items[i]->udf, err);
    for (size_t i = 0; ok && i < udfs->calls.count; i++)
        ok = run_setup(session, udfs->calls.items[i]->udf, err);
    if (ok) return true;
    Diags more = diags_on(session->arena);
    tear_down(session, &more);
    for (size_t i = 0; i < more.count; i++) {
        Error first = *err;
        error_set(err, first.code, first.span, "%s\n%s", first.message, more.items[i].message);
        error_hint(err, "%s", first.hint);
    }
    return false;
}

void udf_session_stub(UdfSession *session, bool on) {
    if (session) session->run.stub = on || session->config.validate;
}

bool udf_session_error(UdfSession *session, Error *err) {
    if (!session) return false;
    pthread_mutex_lock(&session->run.lock);
    bool failed = session->run.failed;
    session->run.failed = false;
    pthread_mutex_unlock(&session->run.lock);
    if (!failed) return false;
    Error own = session->run.error;
    own.span = err->span;
    memcpy(own.step, err->step, sizeof own.step);
    *err = own;
    return true;
}

static void report_nulled(const UdfSession *session, Diags *diags) {
    const Udfs *udfs = session->config.udfs;
    for (size_t i = 0; i < udfs->uses.count; i++) {
        const UdfUse *use = udfs->uses.items[i];
        if (!use->nulled) continue;
        diag_warning(diags, ERR_UDF, SPAN_NONE, "%s: %lld error%s became NULL; the first: %s",
                     use->udf->full_name, (long long)use->nulled, use->nulled == 1 ? "" : "s",
                     use->first_error);
    }
}

void udf_session_close(UdfSession *session, Diags *diags) {
    if (!session) return;
    /* An interrupt that ended the run lets them be; one that comes now stops them. */
    session->api->arm(!session->run.stop || !*session->run.stop);
    tear_down(session, diags);
    session->api->arm(false);
    report_nulled(session, diags);
    udf_release(session);
    session_types_free(session);
    duck_close(session->side);
    session->side = NULL;
}
