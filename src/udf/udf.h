/* Udf: the project's Python functions, from SQL text to running them. The room's public face.
 *
 *   udfs_new → udf_rewrite (each query) → udf_session_open → udf_prepare (each step) → close
 *
 * Python is loaded when a query names one of the functions, not before. Rewriting is textual and
 * yields SQL that DuckDB parses: scalar functions become registered functions, a table function
 * becomes a function without arguments whose rows udf_prepare gets ready before the step. */
#ifndef SQLFLOW_UDF_UDF_H
#define SQLFLOW_UDF_UDF_H

#include "base/diag.h"
#include "engine/duck.h"

typedef enum UdfKind { UDF_SCALAR, UDF_TABLE } UdfKind;
typedef enum UdfInput {
    UDF_INPUT_NONE, /* a table function that takes no table */
    UDF_INPUT_ANY,  /* no hint: a DataFrame, or a list of dicts where pandas is missing */
    UDF_INPUT_PANDAS,
    UDF_INPUT_ARROW,
    UDF_INPUT_READER,
    UDF_INPUT_ROWS,  /* list of dicts */
    UDF_INPUT_NUMPY, /* vectorized functions only */
} UdfInput;

typedef struct UdfParam {
    const char *name;
    const char *type;     /* DuckDB's type; NULL: takes any */
    const char *hint;     /* as Python shows it; "" without one */
    const char *fallback; /* repr of the default; NULL: the argument is required */
    bool keyword_only;
    bool variadic; /* *args: any number of further arguments */
} UdfParam;

typedef struct Udf {
    const char *name;        /* of the decorator, else of the function */
    const char *module;      /* below the folder: "text_utils", "sub.tax" */
    const char *full_name;   /* "text_utils.clean" */
    const char *import_name; /* "python_udfs.text_utils" */
    const char *file;        /* relative to the project */
    int line;
    UdfKind kind;
    struct {
        UdfParam *items;
        size_t count, capacity;
    } params;                /* of table functions: without the table itself */
    const char *return_type; /* scalar: DuckDB's type */
    bool keys_needed;        /* of STRUCTs that it returns, but for the optional ones */
    Strings optional;
    bool special_nulls, is_volatile, vectorized, null_on_error;
    UdfInput input;
    const char *input_name; /* name of the parameter that takes the table */
    Columns output;         /* table: output_schema; empty when it is inferred */
    Strings required;       /* table: required_columns */
    const char *doc;        /* first paragraph of the docstring; "" */
    const char *problem;    /* why it cannot be used; NULL when it can */
    void *handle;           /* the Python callable, kept alive by the module */
} Udf;

typedef struct UdfConfig {
    const char *root; /* of the project, absolute */
    const char *dir;  /* paths.udfs; python_udfs is looked into as well */
    const char *venv; /* python.venv of the profile; NULL: VIRTUAL_ENV, then the system's Python */
} UdfConfig;

typedef struct Udfs Udfs;

/* Cheap: reads no file. Lives in the arena, which must outlive all that is made from it. */
Udfs *udfs_new(Arena *arena, const UdfConfig *config);

/* -- looking around (sqlflow udf …) -------------------------------------------------------- */

/* Imports every file. false only when Python cannot be had (ERR_PYTHON_MISSING). */
bool udfs_import_all(Udfs *udfs, Error *err);
/* Imports one file that may lie outside of the folders; its functions are added. */
bool udfs_import_file(Udfs *udfs, const char *path, Error *err);
const Udf *udfs_at(const Udfs *udfs, size_t index); /* of those imported; NULL past the last */
/* "f", "module.f" or "python_udfs.module.f"; imports what it must. NULL with err:
 * ERR_UDF_UNKNOWN with suggestions, ERR_UDF_DEFINITION, ERR_PYTHON_MISSING. */
const Udf *udfs_find(Udfs *udfs, const char *name, Error *err);
/* To DuckDB, a misspelt Python function is an unknown one of its own. The nearest name of those
 * that the files seem to define becomes the hint. Imports nothing. */
void udf_hint_misspelt(Udfs *udfs, Error *err);
/* Files that failed to import and functions that cannot be used, as errors, with file and line. */
void udfs_problems(const Udfs *udfs, Diags *diags);
/* Reports types of hints and schemas that DuckDB does not know. */
void udfs_check_types(const Udfs *udfs, Duck *duck, Diags *diags);
/* "3.11.2 (/usr/bin/python3)"; NULL when Python is not loaded. */
const char *udfs_python(const Udfs *udfs);
/* "f(price: float, rate: float = 0.1) -> DOUBLE" */
const char *udf_signature(Arena *arena, const Udf *udf);
/* The shortest name that calls it in SQL: its own, or with its module where another function has
 * that name, too. */
const char *udf_sql_name(Udfs *udfs, const Udf *udf);
/* Writes the module `sqlflow.udfs` to the user's cache; the folder for PYTHONPATH, or NULL. */
const char *udf_package_path(Arena *arena, Error *err);

/* -- rewriting ----------------------------------------------------------------------------- */

/* [start, end) of the SQL given is replaced by text. */
typedef struct UdfEdit {
    size_t start, end;
    const char *text;
} UdfEdit;

typedef struct UdfIssue {
    size_t start, end; /* in the SQL given */
    Severity severity;
    Error error; /* without span */
} UdfIssue;

typedef struct UdfRewrite {
    const char *sql; /* for DuckDB; the text given when nothing changed */
    struct {
        UdfEdit *items;
        size_t count, capacity;
    } edits; /* in order, not overlapping */
    struct {
        UdfIssue *items;
        size_t count, capacity;
    } issues;
    Strings functions; /* full names of the functions used */
} UdfRewrite;

/* Finds PYTHON_FUNC("m.f", …), python_udfs.m.f(…) and f(…) anywhere in a statement. `duck` tells
 * which names are DuckDB's own (those win over a bare Python name, with a warning). Without any
 * such call this costs a look at the text. Not for SQL that was rewritten before. */
void udf_rewrite(Udfs *udfs, Duck *duck, const char *sql, UdfRewrite *out);
/* Does any query rewritten so far use a function? */
bool udfs_used(const Udfs *udfs);
/* The queries whose rows the table functions in this (rewritten) SQL take, those inside them
 * included: a step reads what these read. Empty when it calls none. */
Strings udf_inputs(const Udfs *udfs, Arena *arena, const char *sql);

/* -- running ------------------------------------------------------------------------------- */

typedef struct UdfSession UdfSession;
typedef struct UdfSessionConfig {
    Udfs *udfs;
    Duck *duck;               /* functions are registered on its connection */
    const char *stage_dir;    /* scratch folder for outputs that do not fit in memory; NULL: none */
    const volatile int *stop; /* not 0 when the run was interrupted; may be NULL */
    bool validate;            /* types only: no body, no hook runs, rows are NULL */
} UdfSessionConfig;

/* Registers the functions of all queries rewritten so far. Call it outside of a transaction. *out
 * is NULL (and true returned) when none is used. */
bool udf_session_open(Arena *arena, const UdfSessionConfig *config, UdfSession **out, Error *err);
/* Runs @on_setup of the modules, before the first function is to run. When one fails, those that
 * began are torn down, and what fails then is part of err. NULL is allowed. */
bool udf_session_setup(UdfSession *session, Error *err);
/* While on, a session is like a validating one: a run binds its steps so before the first. */
void udf_session_stub(UdfSession *session, bool on);
/* Runs the table functions in this (rewritten) SQL and keeps their rows for it. Call before the
 * statement, on the same connection, with no streaming result open. In a validating session,
 * *known (may be NULL) is false when the columns of one cannot be known without running it. */
bool udf_prepare(UdfSession *session, const char *sql, bool *known, Error *err);
/* A validating session takes it that a table function hands on the columns of its input that its
 * output_schema lacks. Does this call (of udf_calls) have such? From now on the other way round. */
size_t udf_calls(const UdfSession *session);
bool udf_hands_on(const UdfSession *session, size_t call);
void udf_hand_on(UdfSession *session, size_t call);
/* Forgets the rows of udf_prepare (after the step). */
void udf_release(UdfSession *session);
/* After a statement failed: when a Python function was the cause, replaces err's code, message and
 * hint by the whole story (ERR_UDF, ERR_INTERRUPTED) and returns true. Keeps the span. */
bool udf_session_error(UdfSession *session, Error *err);
/* Runs @on_teardown of every module whose @on_setup ran (their errors are warnings) and reports
 * how many errors became NULL. The connection may be closed before or after. NULL is allowed. */
void udf_session_close(UdfSession *session, Diags *diags);
/* Thread-safe: makes the running function stop (KeyboardInterrupt, blocking calls are woken). May
 * be repeated while the run winds down. Does nothing when Python is not loaded. */
void udf_interrupt(void);
/* Runs Python's atexit functions. Call once before the process ends; fine without Python. */
void udf_shutdown(void);

#endif
