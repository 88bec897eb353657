/* State: what runs did and how far they came, in schema _sqlflow of the run's own database, so
 * that it commits or rolls back together with the data. Functions work in whatever transaction
 * the connection is in. */
#ifndef SQLFLOW_STATE_STATE_H
#define SQLFLOW_STATE_STATE_H

#include "engine/duck.h"

enum { STATE_VERSION = 2 };

/* The state's version, 0 when there is none; ERR_STATE when a newer sqlflow wrote it. */
bool state_known(Duck *duck, int64_t *version, Error *err);
/* Creates the schema when it is missing and migrates it forward. Run outside a transaction.
 * ERR_STATE when a newer sqlflow wrote it. */
bool state_prepare(Duck *duck, Error *err);
/* Creates what is missing of the schema, in the caller's transaction. */
bool state_create(Duck *duck, Error *err);
/* Is there a _sqlflow schema (read-only users)? */
bool state_exists(Duck *duck, bool *exists, Error *err);

typedef struct RunRecord {
    const char *run_id, *pipeline, *pipeline_hash, *profile, *variables;
    const char *commit_mode; /* run | step */
    int64_t started_us;
} RunRecord;

/* A record found running is that of a run that was killed: it becomes failed. */
bool state_fail_killed(Duck *duck, Error *err);
/* A run record with status running. */
bool state_run_start(Duck *duck, const RunRecord *record, Error *err);
/* status: success | failed | interrupted | pending. `error` may be NULL. Secrets are masked. */
bool state_run_end(Duck *duck, const char *run_id, const char *status, const Error *error,
                   Error *err);

/* Does the run's record say running? */
bool state_run_is_running(Duck *duck, const char *run_id, bool *running, Error *err);

/* A step's error when the run ended before it: its status is skipped, too, but a run that is
 * resumed has still to do it. */
#define STATE_NOT_REACHED "not reached"

typedef struct StepRecord {
    const char *run_id, *step_id, *type, *status, *error; /* error may be NULL */
    int64_t rows_read, rows_inserted, rows_updated, rows_deleted, duplicates_dropped, bytes;
    double seconds;
} StepRecord;
/* Steps of the pipeline's last run, when that run failed or was killed and the pipeline had this
 * hash: ids of those that were committed (none with commit: run), and the run's id (NULL when there
 * is none). */
bool state_committed_steps(Duck *duck, Arena *arena, const RunRecord *record, const char **run_id,
                           Strings *ids, Error *err);
/* One INSERT for all. */
bool state_steps(Duck *duck, const StepRecord *records, size_t count, Error *err);
bool state_assert(Duck *duck, const char *run_id, const char *name, const char *severity,
                  const char *status, int64_t failing_rows, Error *err);

/* Whose watermark: names are compared without case. A table's own INCREMENTAL BY has source "-". */
typedef struct StateKey {
    const char *pipeline, *source, *target, *cursor_field; /* NULL for files */
} StateKey;

typedef struct Watermark {
    const char *value; /* as text of `type`; NULL: there is none */
    const char *type;  /* DuckDB type */
    const char *fingerprint;
    const char *token; /* Relation.token, for people to look at: it is written and never read */
    const char *cursor_field; /* of the state found; differs from the key's after a change */
} Watermark;

/* Finds the watermark of (pipeline, source, target), with whatever cursor; value NULL: none. */
bool state_watermark(Duck *duck, Arena *arena, const StateKey *key, Watermark *watermark,
                     Error *err);
/* Replaces it. */
bool state_set_watermark(Duck *duck, const StateKey *key, const Watermark *watermark,
                         const char *run_id, Error *err);
/* The targets of all watermarks and files, in small letters. */
bool state_targets(Duck *duck, Arena *arena, Strings *targets, Error *err);
/* Forgets watermark, boundary rows and files of the key; NULL parts match all. */
bool state_forget(Duck *duck, const StateKey *key, int64_t *removed, Error *err);
/* WHERE condition for a key's rows: pipeline, source, target (and cursor_field when not NULL). */
const char *state_where(Arena *arena, const StateKey *key);

/* 'text', or NULL. */
const char *state_literal(Arena *arena, const char *text);

typedef struct ExportRecord {
    const char *export_id, *run_id, *pipeline, *step_id, *destination, *type, *connection;
    const char *query, *file, *hash; /* how it is staged; see Staged */
    const char *options;             /* JSON without secrets */
    int64_t rows, bytes;
} ExportRecord;
typedef struct ExportRecords {
    ExportRecord *items;
    size_t count, capacity;
} ExportRecords;

bool state_export_staged(Duck *duck, const ExportRecord *record, Error *err);
bool state_export_done(Duck *duck, const char *export_id, int64_t rows, int64_t bytes, Error *err);
/* Pending ones, oldest first. */
bool state_exports_pending(Duck *duck, Arena *arena, ExportRecords *records, Error *err);
/* Gives a pending export up; *found tells whether there was one. */
bool state_export_discard(Duck *duck, const char *export_id, bool *found, Error *err);
/* Runs with status pending and no pending export left become success, or failed when they ended
 * with their export (commit: step) and left steps behind it undone. */
bool state_settle_runs(Duck *duck, Error *err);

#endif
