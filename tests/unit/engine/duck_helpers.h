/* Short ways to use a database in a test: what fails, fails the test. */
#ifndef SQLFLOW_TESTS_DUCK_HELPERS_H
#define SQLFLOW_TESTS_DUCK_HELPERS_H

#include "engine/duck.h"

Duck *open_with(DuckConfig config);
void exec_ok(Duck *duck, const char *sql);
/* First value of the result, in the arena. */
const char *text_in(Arena *arena, Duck *duck, const char *sql);

#endif
