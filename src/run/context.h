/* What the parts of a run share. Internal to run/. */
#ifndef SQLFLOW_RUN_CONTEXT_H
#define SQLFLOW_RUN_CONTEXT_H

#include "connectors/retry.h"
#include "run/run.h"
#include "state/lock.h"
#include "state/state.h"

/* What this transaction has done to a table so far. */
typedef struct Touched {
    size_t step;      /* the first that touched it */
    bool dirty;       /* rows deleted or updated: ALTER must rebuild instead */
    bool had_rows;    /* it holds rows of before the run's first write */
    int64_t rows_before; /* dry run's account; -1: not there */
} Touched;

typedef struct StagedExport {
    const Step *step;
    WriteSpec spec;
    Staged staged;
    bool checked; /* the rows are checked while they are staged */
    bool published;
} StagedExport;

typedef struct Run {
    const Plan *plan;
    const Project *project;
    const RunOptions *options;
    RunReport *report;
    Arena *arena; /* of the report: lives longer than the run */
    Duck *duck;
    Lock lock;
    volatile int stop; /* set by signals and timeouts */
    bool timed_out;
    bool made_folder;  /* the database's folder was not there before */
    bool *keep;        /* steps to run */
    Map touched;       /* table key → Touched * */
    Map views;         /* source name → its open Relation * */
    const Link *broken; /* of the source whose reading failed last; NULL: none did */
    Map remembered;    /* keys of tables into which loads remember having brought rows */
    bool remembers;    /* `remembered` has those of earlier runs, too */
    Map memo;          /* Session.memo */
    Map relations;     /* source name → Relation * that the validation opened for a full read */
    Map guessed;       /* sources that were opened and whose relation is a guess */
    Map careful;       /* sources whose guess was wrong: to be read without one; not NULL where a
                        * value could not be read at all */
    size_t warned;     /* warnings that stay when the transaction is begun anew */
    struct {
        StagedExport *items;
        size_t count, capacity;
    } exports;
    const char *journal; /* path of the journal of staged files */
    int journal_fd;      /* -1 until something is staged */
    unsigned stage_count; /* numbers temporary tables */
    size_t current; /* index of the running step */
    struct Watcher *watcher;
    Breakers breakers;
    struct {
        bool wanted, open;
        size_t begins;  /* index of the first step from which on the run commits in between */
        size_t settled; /* what the steps before this one did is committed on the branch */
    } branch;           /* see branch_plan */
    bool completed_earlier; /* exports of this pipeline's last run were published just now */
    int retries, restarts; /* restarts: of the whole transaction */
    UdfSession *python; /* NULL when no step uses a Python function */
} Run;

/* One step's work: results go to `result`, scratch memory dies with the step. */
typedef struct StepContext {
    Run *run;
    const Step *step;
    StepResult *result;
    Arena *arena;
    bool anew;         /* a LOAD or INCREMENTAL BY that builds its target anew, see begin_load */
    bool no_files;     /* the source has none, which it allows, and so no columns either */
    Relation *reading; /* the source's open relation, which knows why a statement over it failed */
    struct {
        Columns all, writable; /* see table_columns and apply_target_columns, which remember them */
        bool has_all, has_writable;
    } target; /* the step's own */
} StepContext;

/* The session that connectors work in, for this step. */
Session step_session(StepContext *ctx);
/* Runs SQL; DuckDB's error position in the step's own query, when it contains that, is mapped to
 * the file. */
bool step_exec(StepContext *ctx, const char *sql, int64_t *changed, Error *err);
/* "CREATE … TABLE" name AS query; *rows (may be NULL) gets how many it has. */
bool step_create(StepContext *ctx, const char *create, const char *name, const char *query,
                 int64_t *rows, Error *err);
/* Gives an error without place the step's id and, when `sql` holds the step's query, the place
 * in the file. Returns false. */
bool step_error(StepContext *ctx, const char *sql, Error *err);
/* Adds a warning for this step. */
void step_warn(StepContext *ctx, ErrorCode code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

Touched *run_touch(Run *run, const TableName *table, Error *err); /* NULL with err on failure */
/* Columns of a table; count 0 when there is none. */
bool table_columns(StepContext *ctx, const TableName *table, Columns *columns, Error *err);
/* The step has made, replaced or altered its target: its columns are to be asked for again. */
void table_altered(StepContext *ctx);
/* A fresh name for a temporary table, quoted for SQL: temp."…". */
const char *stage_name(StepContext *ctx, const char *what);

/* run/signals.c: a thread that waits for signals, ticks and timeouts. */
typedef struct Watcher Watcher;
Watcher *watcher_start(Run *run, Error *err); /* NULL: the system gives no thread */
/* Which DuckDB to interrupt; NULL when it is about to be closed. */
void watcher_attach(Watcher *watcher, Duck *duck);
void watcher_stop(Watcher *watcher);

/* run/anew.c: before a step that is no incremental load writes a table that one builds anew in this
 * run (--full-refresh): the rows of before go now, so that they do not stay beside the new ones. */
bool run_refresh(StepContext *ctx, Error *err);
/* The rows of the table with this key are gone: all that loads remember of them goes. */
bool run_forget(Run *run, const char *key, Error *err);

/* run/ … : each does one kind of step. */
bool run_load(StepContext *ctx, Error *err);
bool run_transform(StepContext *ctx, Error *err);
bool run_assert(StepContext *ctx, Error *err);
bool run_sql(StepContext *ctx, Error *err);
bool run_export_stage(StepContext *ctx, Error *err);

/* run/load.c: columns of a source, for the validation; what was opened for that is kept. */
bool run_source_columns(void *run, const Source *source, Columns *columns, Error *err);

/* run/load.c: opens a source; carefully when its guess was wrong before. */
bool source_relation(Run *run, Session *session, const Source *source, ReadSpec spec,
                     Relation *relation, Error *err);
/* The same for a step, with the retries that its connection's options say. */
bool source_relation_retrying(StepContext *ctx, Arena *arena, const Source *source,
                              const ReadSpec *spec, Relation *relation, Error *err);

/* run/retrying.c: the call with its retries; *retries is added to. */
bool run_retrying(Run *run, const Link *link, const RetryCall *call, int *retries, Error *err);
/* After the transaction failed in a step: waits and returns true when it is to be begun anew. */
bool run_may_restart(Run *run, const Error *err);
/* The same, at once and no retry: true when a guess about a source was wrong. It makes none when it
 * reads the source again. */
bool run_may_reread(Run *run, const Error *err);

/* run/export.c */
/* Publishes what is staged; stops at the first that fails (it and the rest stay pending). */
bool exports_publish(Run *run, Error *err);
/* Publishes what earlier runs left pending. */
bool exports_publish_pending(Run *run, Error *err);
/* Removes what was staged by a run that is rolled back. */
void exports_unstage(Run *run);

/* run/open.c: what comes before the first step and after the last. */
StepRecord run_step_record(const Run *run, const StepResult *result); /* without an error */
bool run_lock(Run *run, Error *err);
bool run_open(Run *run, Error *err);
/* Validates, publishes what earlier runs left, skips what --resume may skip, records the start. */
bool run_prepare(Run *run, Error *err);
void run_close(Run *run);
/* A run that fails before it starts must not leave an empty database behind. */
void run_remove_new_database(const Run *run);

/* run/branch.c: a second name of the database's file, under which a run may commit before its end.
 * In memory there is no file and no name, only the commits. */
/* Removes a dead run's. Decides whether there is to be one, and from which step on it may be
 * committed to. */
void branch_plan(Run *run);
/* Before the run's transaction begins. Where it cannot be made, the run commits only once. */
bool branch_open(Run *run, Error *err);
/* Before the step: commits what the steps before it did, where it reads many of their rows. */
bool branch_settle(Run *run, size_t index, Error *err);
/* After the run's last COMMIT: makes the branch the database, in one write. */
bool branch_commit(Run *run, Error *err);
/* After the rollback: the database is what it was, under its own name. */
void branch_discard(Run *run);
/* After the database was closed. */
void branch_close(const Run *run);

/* run/journal.c: what a run stages outside the database, noted first, so that the next run can
 * clear it away after a crash. */
bool journal_add(Run *run, const char *connector, const WriteSpec *spec, Error *err);
/* Clears away what dead runs staged and did not commit. */
bool journal_recover(Run *run, Error *err);
/* Ends this run's journal: nothing staged is left, or it is recorded as pending. */
void journal_end(Run *run);

#endif
