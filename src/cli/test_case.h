/* Tests of pipelines: what a tests/NAME.yml says, and the pieces that run it.
 *
 *   test file → TestCase → fixture files, script with other sources → run → compare
 */
#ifndef SQLFLOW_CLI_TEST_CASE_H
#define SQLFLOW_CLI_TEST_CASE_H

#include "cli/links.h"

typedef struct TestCase {
    const char *name, *file, *pipeline;
    const Value *vars; /* an object or NULL; likewise below */
    const Value *given, *tables, *exports, *error;
    bool own_vars; /* not shared with the file's other cases */
    Span span;
} TestCase;

typedef struct TestCases {
    TestCase *items;
    size_t count, capacity;
} TestCases;

/* Reads all test files of the project. Problems go to context->diags. */
bool tests_read(Context *context, TestCases *cases);

typedef struct TestOutcome {
    const TestCase *test;
    bool passed;
    double seconds;
    const char *diff; /* what was not as expected, in lines */
    ErrorCode code;   /* ERR_TEST_FAILED, or ERR_TEST_FILE when the file names what is not there */
} TestOutcome;
/* Runs one case; with --twice also proves that a second run changes nothing. */
TestOutcome test_run(Context *context, const TestCase *test);

/* What an export was made to write instead of its destination. */
typedef struct Capture {
    const char *destination; /* as the pipeline has it */
    const char *file;        /* Parquet in the scratch folder */
} Capture;
typedef struct Captures {
    Capture *items;
    size_t count, capacity;
} Captures;

/* Replaces the sources that the case gives by files, made in the session's scratch folder. `real`
 * has the sources as they were, for their columns. */
bool test_replace_sources(Context *context, const TestCase *test, const Pipeline *real,
                          Loaded *loaded, const Session *session);
/* Makes every export a Parquet file in `scratch`: first in the script, so that no connection is
 * needed, then in the resolved pipeline. */
void test_capture_script(Context *context, Loaded *loaded);
void test_capture_exports(Context *context, Loaded *loaded, const char *scratch,
                          Captures *captures);

typedef struct Compared {
    Duck *duck;
    const char *what;   /* "table customer_summary" */
    const char *actual; /* something to stand in FROM */
    const char *test_file, *scratch;
} Compared;

/* Compares with what is expected: `{rows | file, ordered, count}`. Differences are appended to
 * `diff`, in lines. false with err when it cannot be compared. */
bool test_compare(const Compared *compared, const Value *expected, Buf *diff, Error *err);

/* Rows of a test file as a JSON file; *columns gets the union of their keys. `as_text`: numbers
 * with all their digits, for test_read_rows. */
bool test_write_rows(Arena *arena, const Value *rows, bool as_text, const char *path,
                     Strings *columns, Error *err);
/* read_json(…) over such a file with every column as text. */
const char *test_read_rows(Arena *arena, const char *path, const Strings *columns);
/* Writes the cast of a given or expected column to a real type: a value that would change by it
 * is an error. Floats are compared as near as they come. */
void test_cast(Buf *sql, const Column *from, const char *to);
/* The path of a `file:`, beside the test file or in the project. */
const char *test_file_path(Arena *arena, const char *test_file, const char *path);

#endif
