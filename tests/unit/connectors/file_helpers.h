/* Test helpers for connectors: a temporary folder as working folder, a Session, links from JSON,
 * files on disk, and relations as text. */
#ifndef TESTS_CONNECTORS_FILE_HELPERS_H
#define TESTS_CONNECTORS_FILE_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

#include "connectors/connector.h"

typedef struct World {
    Arena *arena;
    const char *dir; /* the working folder */
    Duck *duck;
    Diags diags;
    Session session;
} World;

extern World world;

int world_set_up(void **state);
int world_tear_down(void **state);

/* An object from text: {"path": "a.csv", "columns": ["a", "b"], "column_types": {"a": "INT"},
 * "n": 5, "b": true}. */
Value *object_of(const char *json);
/* Resolved options of a connector; fails the test when they are wrong. */
Link link_of(const char *connector, OptionUse use, const char *json);
void file_write(const char *path, const char *text);
void file_write_n(const char *path, const char *data, size_t size);
const char *file_read(const char *path);
/* The rows of a query: fields by '|', NULL as ~, rows by '\n'. */
const char *rows_of(const char *sql);
/* The rows of a source, read again without guesses when one was wrong, as a run does; "!CODE
 * message" when it fails. */
const char *read_all(const char *connector, const char *json);
/* "name TYPE, …" */
const char *columns_of(const char *connector, const char *json);
/* How many warnings of this code there are. */
size_t warnings(ErrorCode code);

#endif
