/* Connector: the interface behind which every kind of data outside the database lives.
 *
 * A connector is one file (or folder) with one `const Connector` and one line in list.def. It
 * exchanges relations, not rows: `relation` gives DuckDB something to select from, `publish`
 * consumes a query. Load modes, watermarks, staging, exactly-once and retries are not its
 * business: they live once, in run/.
 *
 * MUST: functions are called from one thread at a time, keep no state outside what they are given,
 * allocate results in session->arena, and release foreign handles before they return (a Relation's
 * are released by its `close`). A function that fails fills err; err->transient says that a retry
 * may help. A retry calls the same function again after the caller dropped everything the failed
 * call produced, so a call must leave nothing half done where a reader could see it. */
#ifndef SQLFLOW_CONNECTORS_CONNECTOR_H
#define SQLFLOW_CONNECTORS_CONNECTOR_H

#include "base/diag.h"
#include "base/map.h"
#include "connectors/options.h"
#include "engine/duck.h"

enum {
    CAN_READ = 1,
    CAN_WRITE = 2,
    CAN_INCREMENTAL = 4, /* pushes a lower bound on the cursor into the read */
    CAN_DISCOVER = 8,
    CAN_BY_FILE = 16,    /* lists files, so it can load by file without a cursor */
    IS_LOCAL = 32,       /* reaches no other machine: looked at by validate, no circuit breaker */
};

/* What a connector's function works in. */
typedef struct Session {
    Arena *arena; /* results; lives as long as the step */
    Duck *duck;   /* the run's connection */
    Diags *diags; /* warnings (ragged lines, rejected rows, …) */
    const char *stage_dir; /* scratch folder for staged files, on local disk, exists */
    Map *memo; /* what a connector may remember from one call of a run to the next, under keys that
                * begin with its name; values live in the map's arena. NULL: nothing is kept */
    const volatile int *stop; /* not 0 when the run was interrupted; check in long waits */
} Session;

/* What a read asks for. */
typedef struct ReadSpec {
    const Strings *columns; /* projection by name; NULL or empty: all */
    const char *cursor;     /* column; NULL for a full read */
    const char *lower;      /* SQL literal with its type, e.g. TIMESTAMP '…'; NULL: no bound */
    bool include_nulls;     /* rows whose cursor is NULL pass the bound */
    const Strings *files;   /* CAN_BY_FILE: read only these (as listed by `files`); NULL: all */
    bool add_file_column;   /* CAN_BY_FILE: add the path as column _sqlflow_file */
    bool careful;           /* no guesses: see Relation.guessed */
    bool unreadable;        /* careful, after a value that could not be read as what was guessed */
    bool looks_back;        /* `lower` is below the watermark: rows may come a little late */
} ReadSpec;

/* Something that stands in FROM: `SELECT * FROM <sql>`. */
typedef struct Relation {
    const char *sql;
    bool bounded;           /* the lower bound was applied by the source itself */
    /* Late commits: rows may still appear below the highest cursor read. The new watermark is at
     * most this SQL literal (never below the old one); rows above it come again in the next run
     * and are recognised there. NULL: max(cursor) of the rows is safe. */
    const char *safe_upper;
    const char *token;      /* kept beside the watermark: how the source stood; may be NULL */
    const char *now;        /* by the source's own clock, a TIMESTAMP; NULL: by this machine's */
    bool watermark_stays;   /* late commits still pending: do not move the watermark */
    bool unordered;         /* rows have no order to keep: read it with DuckDB's
                             * preserve_insertion_order off, or only one thread is used */
    /* It reads fast by a guess from a sample. A statement over it may fail with an error that
     * relation_misguessed knows; then the relation is to be opened again with spec.careful. */
    bool guessed;
    void *handle;           /* the connector's own */
    /* MAY: the connector's error behind a statement over `sql` that failed: with its own code and
     * `transient`, where DuckDB's error has only its text. false when the failure is not the
     * connector's. */
    bool (*failure)(void *handle, Error *err);
    void (*close)(void *handle); /* releases what the relation needs while it is read, or NULL */
} Relation;

/* One file of a CAN_BY_FILE source. */
typedef struct FileEntry {
    const char *path;
    int64_t size, mtime_us; /* mtime 0 when only an etag is known */
    const char *etag;       /* NULL when there is none */
} FileEntry;
typedef struct FileEntries {
    FileEntry *items;
    size_t count, capacity;
} FileEntries;

/* An export: what is written where. */
typedef struct WriteSpec {
    const char *export_id;
    const char *pipeline, *run_id;
    const char *destination; /* path or URI; for databases "schema.table" (may be unqualified) */
    int64_t rows;            /* rows of the staged query, known after staging; -1 before */
} WriteSpec;

/* What `stage` left behind: by reference (query, nothing copied), or a file or folder. All of it
 * is kept in _sqlflow.exports, so that another process can publish it. */
typedef struct Staged {
    const char *query; /* SELECT that gives the rows: over tables of the database, or the file */
    const char *file;  /* staged file or folder; NULL when by reference */
    int64_t rows, bytes;  /* -1 when unknown */
    const char *hash;  /* content hash of the file; NULL when unknown */
} Staged;

typedef struct Receipt {
    int64_t rows, bytes; /* as written; -1 when unknown */
    bool already_done;   /* an earlier try had published it */
} Receipt;

typedef struct ProbeStage {
    const char *name;   /* "resolve", "connect", "tls", "authenticate", "list", "read", "write" */
    const char *detail; /* what was seen; "" */
    bool ok;
} ProbeStage;
typedef struct ProbeReport {
    bool check_write; /* asked for: also try to write */
    struct {
        ProbeStage *items;
        size_t count, capacity;
    } stages;
} ProbeReport;

typedef struct Object {
    const char *name; /* path, key, schema.table */
    const char *kind; /* "file", "table", "view" */
    int64_t rows, bytes; /* -1 when unknown */
    Columns columns;     /* may be empty */
} Object;
typedef struct Objects {
    Object *items;
    size_t count, capacity;
} Objects;

typedef struct Connector {
    const char *name, *summary;
    const OptionSpec *options; /* ends with a row whose name is NULL */
    unsigned can;
    /* MAY: checks that go beyond single options (combinations). Reports to diags. */
    void (*check)(const Link *link, OptionUse use, Diags *diags);
    /* MUST: one real round trip, stage by stage; stops at the first stage that fails. */
    bool (*probe)(Session *session, const Link *link, ProbeReport *report, Error *err);
    /* MUST when CAN_READ: names and types, without reading all. */
    bool (*schema)(Session *session, const Link *link, Columns *columns, Error *err);
    /* MUST when CAN_READ. */
    bool (*relation)(Session *session, const Link *link, const ReadSpec *spec, Relation *relation,
                     Error *err);
    /* MUST when CAN_BY_FILE: the files there are now, sorted by path. None is no error here. */
    bool (*files)(Session *session, const Link *link, FileEntries *files, Error *err);
    /* MAY when CAN_WRITE: the query with checks around it that fail, during the run, where a value
     * cannot be written as it is; without any, the query itself. */
    bool (*checked)(Session *session, const Link *link, const WriteSpec *spec, const char *query,
                    const char **checked, Error *err);
    /* MAY when CAN_WRITE: prepares the export during the run. Without it, run/ stages by reference
     * or as Parquet. `query` is the SELECT to export. Must leave nothing at the destination itself
     * (a temporary beside it is fine). */
    bool (*stage)(Session *session, const Link *link, const WriteSpec *spec, const char *query,
                  Staged *staged, Error *err);
    /* MUST when CAN_WRITE: makes the staged rows appear at the destination, all at once. Called
     * again after a crash or a lost answer; then it must find out whether it was done already. */
    bool (*publish)(Session *session, const Link *link, const WriteSpec *spec,
                    const Staged *staged, Receipt *receipt, Error *err);
    /* MAY: removes what `stage` left (failed or discarded run). Missing pieces are fine. */
    bool (*unstage)(Session *session, const WriteSpec *spec, const Staged *staged, Error *err);
    /* MAY: the run was stopped (session.stop is set already). Ends what waits for a server and does
     * not look at that by itself. Called from another thread, again and again. */
    void (*interrupt)(void);
    /* MUST when CAN_DISCOVER. */
    bool (*discover)(Session *session, const Link *link, Objects *objects, Error *err);
} Connector;

/* The table of connectors (list.def). */
const Connector *connector_find(const char *name); /* without case; `postgresql` too; or NULL */
const Connector *connector_at(size_t index);       /* NULL past the last */
/* Connector.interrupt of all. */
void connectors_interrupt(void);
void connector_names(Arena *arena, Strings *names);
/* The connector for a file by its extension (.csv .tsv .parquet .json .jsonl .ndjson, with
 * .gz/.zst), or by URI scheme (s3://); NULL when unknown. */
const Connector *connector_for_path(Arena *arena, const char *path);

void relation_close(Relation *relation);
/* Is this the failure of a statement over a relation that was guessed wrongly? */
bool relation_misguessed(const Error *err);
/* Turns an error that a relation's own SQL raised into ours; false when it is some other. */
bool relation_error_read(Error *err);
/* The same for an error that Connector.checked raised. */
bool export_error_read(Error *err);
void relation_cleanup(Relation *relation);
#define AUTO_RELATION __attribute__((cleanup(relation_cleanup))) Relation
/* report->stages gets one more. */
void probe_stage(Session *session, ProbeReport *report, const char *name, bool ok,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
