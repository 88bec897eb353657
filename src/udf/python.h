/* The Python module's face: what sqlflow-python.so offers to this room. The module is the only
 * code that knows Python.h; it is opened on demand and calls back into the program (arenas,
 * errors, duck_api). Every function may be called from any thread unless it says otherwise. */
#ifndef SQLFLOW_UDF_PYTHON_H
#define SQLFLOW_UDF_PYTHON_H

#include <pthread.h>

#include "udf/arrow_abi.h"
#include "udf/udf.h"

enum { PYTHON_ABI = 2 };
#define PYTHON_SYMBOL "sqlflow_python"

typedef struct PythonConfig {
    const char *executable;  /* whose environment is used: venv/bin/python3, /usr/bin/python3 */
    const char *const *path; /* put in front of sys.path, in order; ends with NULL */
} PythonConfig;

typedef struct UdfList {
    Udf **items; /* pointers: an Udf never moves */
    size_t count, capacity;
} UdfList;

/* One way in which the pipeline calls a scalar function: which parameters it gives. */
typedef struct UdfUse {
    const Udf *udf;
    const char *sql_name; /* as registered in DuckDB */
    size_t *params;       /* index of the parameter of each argument; SIZE_MAX: of *args */
    size_t param_count;
    size_t positional; /* the first `positional` are passed by position, the rest by name */
    int64_t nulled;    /* errors that became NULL in this run */
    char first_error[400];
} UdfUse;

/* What a session shares with the callbacks that DuckDB calls. */
typedef struct UdfRun {
    pthread_mutex_t lock; /* guards error and failed */
    Error error;
    bool failed;
    bool stub; /* validating: give NULL, call nothing */
    const volatile int *stop;
} UdfRun;

/* A result that Python holds as one Arrow table, in batches of a vector each: it is read where it
 * is. The arrays are Python's and are given back by PythonApi.give_back. */
typedef struct UdfBatches {
    struct ArrowArray *items;
    size_t count;
    void *schema;     /* duckdb_arrow_converted_schema */
    void *connection; /* duckdb_connection of the run, for its settings */
} UdfBatches;

/* One call of a table function. */
typedef struct UdfTableCall {
    const Udf *udf;
    const char *sql_name;  /* of the table function without arguments that stands for it */
    const char *input_sql; /* rewritten SELECT; NULL without a table */
    const char *args_sql;  /* rewritten SELECT of the other arguments, one row; NULL: none */
    Strings arg_names;     /* parameter of each of its columns */
    /* Filled by udf_prepare, read by the scans. */
    Columns columns;
    void **types;      /* duckdb_logical_type of each; the session's */
    UdfBatches *batches; /* the rows, or NULL: then they are in the table */
    const char *table;   /* in `side`; NULL: no rows */
    void *side;          /* duckdb_database */
    bool ready;
    /* Validation: has its input columns that are not declared, and does it leave them out? */
    bool hands_on, declared_only;
} UdfTableCall;

/* Where a table function's rows go: into a database of its own, so that they may spill to disk; or
 * nowhere, when Python has them all as one table of at most `room` bytes. */
typedef struct TableJob TableJob;
struct TableJob {
    UdfTableCall *call;
    UdfRun *run;
    Arena *arena;
    void *connection; /* duckdb_connection of the run: input and arguments are read there */
    void *side;       /* duckdb_connection of the side database; NULL before open_side */
    bool (*open_side)(TableJob *job, Error *err);
    struct UdfSession *session; /* for open_side */
    int64_t room;               /* less what was handed over */
};

typedef struct PythonApi {
    int abi;
    /* Starts the interpreter; later calls do nothing. */
    bool (*start)(const PythonConfig *config, Error *err);
    const char *(*version)(void); /* "3.11.2" */
    /* Imports `import_name` from `file` and lists its functions. false: it failed (message has the
     * reason, `*line` the place in `file` or 0). */
    bool (*import_file)(Arena *arena, const Udf *origin, UdfList *list, int *line, Error *err);
    /* Runs the hooks of a module (all of a kind); true when there are none. */
    bool (*hooks)(const char *import_name, bool setup, Error *err);
    /* The SQL types of `use` must have been resolved: types[i] of argument i (NULL: any),
     * types[param_count] the result's; each a duckdb_logical_type. */
    bool (*register_scalar)(void *connection, UdfUse *use, void *const *types, UdfRun *run,
                            Error *err);
    /* Runs the function; its rows are then in call->batches (with call->columns), or in
     * call->table of the side database. */
    bool (*call_table)(TableJob *job, Error *err);
    void (*give_back)(UdfTableCall *call); /* call->batches, which may be NULL */
    void (*interrupt)(void);
    /* From now on interrupts count, or (teardown) they do not. One that is pending is forgotten. */
    void (*arm)(bool on);
    void (*stop)(void); /* atexit functions */
} PythonApi;

/* Opens the module and starts Python. NULL with err (ERR_PYTHON_MISSING). */
const PythonApi *python_load(Arena *arena, const UdfConfig *config, const Strings *dirs,
                             const char **description, Error *err);

#endif
