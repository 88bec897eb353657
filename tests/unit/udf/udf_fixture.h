/* Fixture: a project with Python files in a temporary folder, an in-memory database, and short
 * ways to run SQL that calls the functions. One interpreter serves a whole test program. */
#ifndef SQLFLOW_TESTS_UDF_FIXTURE_H
#define SQLFLOW_TESTS_UDF_FIXTURE_H

#include "udf/udf.h"

typedef struct Fixture {
    Arena *arena;
    const char *root;
    UdfConfig config;
    Udfs *udfs;
    Duck *duck;
    Diags diags;         /* of the last fixture_run */
    Error err;           /* of the last fixture_run */
    UdfSession *session; /* while fixture_run runs */
    volatile int stop;
    volatile int running;  /* the statement of fixture_run is being run */
    double running_since;  /* clock_steady(), set before `running` */
} Fixture;

/* Makes the folder and writes python_udfs/NAME for each pair name, text; ends with NULL. */
void fixture_open(Fixture *fixture, const char *const *files);
void fixture_close(Fixture *fixture);
/* `fixture` with `files`, and its group set-up and tear-down for a test program. */
#define FIXTURE_OF(files)                \
    static Fixture fixture;              \
    static int open_all(void **state) {  \
        (void)state;                     \
        fixture_open(&fixture, files);   \
        return 0;                        \
    }                                    \
    static int close_all(void **state) { \
        (void)state;                     \
        fixture_close(&fixture);         \
        return 0;                        \
    }
/* The rows as text: columns joined by |, rows by newline, NULL for NULL; or "error: message" or
 * "issue: message". Rewrites, opens a session, prepares, runs, closes. */
const char *fixture_run(Fixture *fixture, const char *sql);
/* "name TYPE, …" as a validating session sees it; "unknown" when the columns cannot be known. */
const char *fixture_types(Fixture *fixture, const char *sql);
/* The rewritten SQL, or "issue: message". */
const char *fixture_rewrite(Fixture *fixture, const char *sql);
/* PYTHON for tests that need pandas and pyarrow: $SQLFLOW_TEST_VENV, else the venv of bootstrap;
 * NULL when it lacks them. */
const char *fixture_venv(Arena *arena);

#endif
