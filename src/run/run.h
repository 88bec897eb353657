/* Run: executes a Plan as one transaction and reports what happened. See behaviour.md. */
#ifndef SQLFLOW_RUN_RUN_H
#define SQLFLOW_RUN_RUN_H

#include <pthread.h>
#include <signal.h>

#include "plan/plan.h"

typedef struct RunOptions {
    const char *run_id;
    int64_t started_us;
    bool full_refresh;
    const char *start, *end; /* --start/--end, as given; NULL when not */
    bool resume;
    bool commit_step;
    bool dry_run;
    double wait_seconds;    /* < 0: do not wait */
    double timeout_seconds; /* 0: none */
    double since;           /* from this time (clock_steady) on; 0: from the run's start */
    const char *select, *exclude; /* NULL when not given */
    const char *variables_json;   /* the run's variables, secrets masked */
    struct RunListener *listener; /* may be NULL */
    Duck *duck; /* opened with the profile's settings, without a database; closed by the run. NULL:
                 * the run opens one */
} RunOptions;

typedef enum StepStatus { STATUS_PENDING, STATUS_RUNNING, STATUS_OK, STATUS_WARN, STATUS_FAILED,
                          STATUS_SKIPPED } StepStatus;

typedef struct StepResult {
    const Step *step;
    StepStatus status;
    int64_t rows_read, rows_inserted, rows_updated, rows_deleted, duplicates_dropped;
    int64_t bytes; /* -1 when unknown */
    int retries;
    double seconds;
    const char *detail; /* what the report shows behind the id ("csv data/a.csv"); "" */
} StepResult;

typedef struct ExportResult {
    const char *export_id, *step_id, *destination, *type;
    int64_t rows, bytes;
    bool done;
} ExportResult;

typedef enum RunStatus { RUN_SUCCESS, RUN_FAILED, RUN_INTERRUPTED, RUN_PENDING } RunStatus;

/* One table of a dry run's account. */
typedef struct TableChange {
    const char *table;
    int64_t rows_before, rows_after; /* -1: not there */
    int64_t inserted, updated, deleted;
} TableChange;

typedef struct RunReport {
    Arena *arena;
    const char *run_id, *pipeline, *profile;
    RunStatus status;
    int64_t started_us;
    double seconds;
    bool in_memory, dry_run;
    int retries, breaker_openings; /* of all connections */
    size_t committed_steps;        /* commit: step: those that stay although the run failed */
    StepResult *steps;
    size_t step_count;
    struct {
        ExportResult *items;
        size_t count, capacity;
    } exports;
    struct {
        TableChange *items;
        size_t count, capacity;
    } changes; /* dry run only */
    Diags diags;    /* warnings */
    Diags problems; /* what was wrong before the run started; the leading one is `error` */
    bool failed;
    Error error;  /* when failed (or pending: what prevented the export) */
} RunReport;

/* Told of progress while a run goes on; every function may be NULL. Called from the run's thread,
 * but `tick` from a timer thread (a few times a second, with the running step). */
typedef struct RunListener {
    void *context;
    void (*step_started)(void *context, const StepResult *step, size_t index, size_t count);
    void (*step_ended)(void *context, const StepResult *step, size_t index, size_t count);
    void (*tick)(void *context, const StepResult *step, size_t index, size_t count,
                 double percent);
} RunListener;

/* Blocks SIGINT, SIGTERM and SIGHUP until run_plan waits for them. Call it before DuckDB is opened,
 * whose threads would else take them. */
void run_block_signals(void);
/* Those, and SIGUSR2, which only wakes the thread that waits for them. Without SIGHUP where that is
 * ignored: under nohup. */
void run_watched_signals(sigset_t *signals);
/* How long a thread that watches waits for them: a tenth of a second, or until the time that began
 * at `started` is up (limit 0: never). */
struct timespec run_watch_pause(double limit, double started);
/* pthread_create, with an error of ours. */
bool run_thread_start(pthread_t *thread, void *(*body)(void *), void *argument, Error *err);

/* Runs the plan. Returns the exit code; everything worth telling is in the report. While it
 * runs, the first SIGINT, SIGTERM or SIGHUP rolls back, the second exits at once. */
int run_plan(const Plan *plan, const Project *project, const RunOptions *options,
             RunReport *report);

/* The run document of cli.md. */
void report_json(const RunReport *report, Buf *out);
/* Step lines are printed by the listener; this prints the head and the closing lines. */
void report_head(const RunReport *report, Buf *out);
void report_step(const StepResult *result, size_t index, size_t count, Buf *out);
void report_tail(const RunReport *report, Buf *out, bool color);
const char *run_status_name(RunStatus status);
const char *step_status_name(StepStatus status);

#endif
