/* Commits within a run that the database's file does not see.
 *
 * DuckDB has no statistics of rows that are not committed, and takes the tables that a run has just
 * made for empty: it then joins them in an order that can take ten thousand times as long. So where
 * a step joins many new rows, what was done so far is committed before it – on a branch: the file
 * is opened under a second name (a hard link), where its log is not found by those who open the
 * first. No checkpoint moves that log into the file before the run's end, and that one is the
 * commit of the whole run. Until then the file is, under its own name, as it was before the run. */
#include "run/context.h"

#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"

/* Below these no order of joins takes long, and a branch costs some 15 ms. */
#define MANY_ROWS 10000
#define MANY_BYTES 1000000

static const char *branch_path(const Run *run) {
    return arena_printf(run->arena, "%s.run", run->project->profile.engine.path);
}

static const char *log_of(const Run *run, const char *path) {
    return arena_printf(run->arena, "%s.wal", path);
}

static void remove_branch(const Run *run) {
    const char *path = branch_path(run);
    unlink(path);
    unlink(log_of(run, path));
}

/* -- is one wanted? ---------------------------------------------------------------------- */

/* Does the step read a source, also through a view? `made`: keys of the tables of earlier steps. */
static bool reads_source(const Run *run, const Step *step, const Map *made, const Map *views) {
    if (step->kind == STEP_SOURCE) return false;
    if (step->source != NULL) return true;
    for (size_t i = 0; i < step->reads.count; i++) {
        const TableName *read = &step->reads.items[i];
        if (map_has(views, read->key)) return true;
        if (read->schema == NULL && !map_has(made, read->key) &&
            map_has(&run->plan->pipeline->source_by_name, read->name))
            return true;
    }
    return false;
}

static bool is_join(const Step *step, const Map *made) {
    if (step->kind == STEP_SOURCE || step->reads.count < 2) return false;
    for (size_t i = 0; i < step->reads.count; i++)
        if (map_has(made, step->reads.items[i].key)) return true;
    return false;
}

static bool loads_files(const Step *step) {
    return step->kind == STEP_LOAD && step->source != NULL && !step->source->incremental &&
           (step->mode == MODE_NONE || step->mode == MODE_REPLACE) &&
           (step->source->link.connector->can & IS_LOCAL) != 0;
}

/* May the step make many rows? What it reads is known to be little only where it is made in this
 * run, or comes from local files, which are measured. */
static bool may_be_large(const Step *step, const Map *made) {
    if (step->kind == STEP_LOAD && step->source != NULL) return !loads_files(step);
    for (size_t i = 0; i < step->reads.count; i++)
        if (!map_has(made, step->reads.items[i].key)) return true;
    return step->writes.count > 0 && step->reads.count == 0 && step->kind != STEP_SOURCE;
}

static bool files_are_large(Run *run) {
    AUTO_ARENA scratch = arena_new();
    int64_t bytes = 0;
    for (size_t i = 0; i < run->plan->steps.count; i++) {
        const Step *step = &run->plan->steps.items[i];
        if (!run->keep[i] || !loads_files(step)) continue;
        const Link *link = &step->source->link;
        StepContext ctx = {.run = run, .step = step, .arena = scratch};
        Session session = step_session(&ctx);
        FileEntries files = {0};
        Error ignored = {0}; /* the step itself will tell */
        if (!link->connector->files(&session, link, &files, &ignored)) continue;
        for (size_t k = 0; k < files.count; k++) bytes += files.items[k].size;
    }
    return bytes >= MANY_BYTES;
}

void branch_plan(Run *run) {
    Map made = map_on(run->arena), views = map_on(run->arena);
    bool joins = false, large = false;
    if (run->project->profile.engine.persistent) remove_branch(run); /* of a run that was killed */
    if (run->options->commit_step && !run->options->dry_run) return;
    for (size_t i = 0; i < run->plan->steps.count; i++) {
        const Step *step = &run->plan->steps.items[i];
        if (!run->keep[i]) continue;
        bool sourced = reads_source(run, step, &made, &views);
        if (sourced) run->branch.begins = i + 1;
        joins = joins || is_join(step, &made);
        large = large || may_be_large(step, &made);
        for (size_t k = 0; k < step->writes.count; k++)
            map_set(sourced && step->sql.verb == SQL_CREATE_VIEW ? &views : &made,
                    step->writes.items[k].key, run);
    }
    run->branch.wanted = joins && (large || files_are_large(run));
}

/* -- making and ending one --------------------------------------------------------------- */

/* The file must hold all there is: what is in its own log would be missing from the branch. */
static bool log_is_empty(const Run *run) {
    int64_t size = 0, ignored;
    const char *path = log_of(run, run->project->profile.engine.path);
    return !fs_stat(path, &size, &ignored) || size == 0;
}

void branch_discard(Run *run) {
    Error err = {0};
    const char *path = run->project->profile.engine.path;
    run->branch.settled = 0;
    if (!run->branch.open) return;
    run->branch.open = false;
    if (!run->project->profile.engine.persistent) return;
    if (!duck_switch(run->duck, path, &err) ||
        !duck_exec(run->duck, "RESET wal_autocheckpoint; PRAGMA enable_checkpoint_on_shutdown",
                   NULL, &err))
        log_event(LOG_WARNING, NULL, "branch_failed", "%s", err.message);
    remove_branch(run);
}

bool branch_open(Run *run, Error *err) {
    const char *path = run->project->profile.engine.path;
    if (!run->branch.wanted) return true;
    if (!run->project->profile.engine.persistent) {
        run->branch.open = true;
        return true;
    }
    if (!run->options->dry_run && !duck_exec(run->duck, "CHECKPOINT db", NULL, err)) return false;
    if (!log_is_empty(run) || link(path, branch_path(run)) != 0) {
        log_event(LOG_INFO, NULL, "no_branch", "%s cannot have a second name", path);
        return true;
    }
    run->branch.open = true;
    if (duck_exec(run->duck, "SET wal_autocheckpoint = '1TB'; PRAGMA "
                             "disable_checkpoint_on_shutdown", NULL, err) &&
        duck_switch(run->duck, branch_path(run), err))
        return true;
    branch_discard(run);
    return false;
}

bool branch_settle(Run *run, size_t index, Error *err) {
    const Step *step = &run->plan->steps.items[index];
    /* What reads a source may make the whole transaction begin anew. */
    if (!run->branch.open || index < run->branch.begins || step->reads.count < 2) return true;
    int64_t rows = 0;
    for (size_t i = run->branch.settled; i < index; i++)
        rows += run->report->steps[i].rows_inserted + run->report->steps[i].rows_updated;
    if (rows < MANY_ROWS) return true;
    run->branch.settled = index;
    log_event(LOG_INFO, step->id, "settled", "%lld rows, before they are joined", (long long)rows);
    return duck_exec(run->duck, "COMMIT; BEGIN", NULL, err);
}

/* A checkpoint can fail after it has changed the file. Its DuckDB answers no more then: another one
 * is asked. */
static bool is_committed(Run *run) {
    const EngineConfig *engine = &run->project->profile.engine;
    DuckConfig config = {.path = engine->path, .read_only = true};
    AUTO_DUCK duck = NULL;
    bool running = false;
    Error ignored = {0}; /* then it is not known, and nothing may be cleared away */
    return !duck_open(&config, &duck, &ignored) ||
           !state_run_is_running(duck, run->report->run_id, &running, &ignored) || !running;
}

bool branch_commit(Run *run, Error *err) {
    if (!run->branch.open || !run->project->profile.engine.persistent) return true;
    /* From here on each commit is a checkpoint, too: the branch's log goes with its name. */
    if (duck_exec(run->duck, "CHECKPOINT db", NULL, err) &&
        duck_exec(run->duck, "SET wal_autocheckpoint = '0B'", NULL, err))
        return true;
    branch_discard(run);
    if (is_committed(run)) run->report->status = RUN_PENDING; /* the next run goes on from there */
    return false;
}

void branch_close(const Run *run) {
    if (run->branch.wanted && run->project->profile.engine.persistent) remove_branch(run);
}
