/* Helpers of the engine's tests. */
#include "engine/duck_helpers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

Duck *open_with(DuckConfig config) {
    Duck *duck = NULL;
    Error err = {0};
    if (!duck_open(&config, &duck, &err)) fail_msg("duck_open: %s", err.message);
    return duck;
}

void exec_ok(Duck *duck, const char *sql) {
    Error err = {0};
    if (!duck_exec(duck, sql, NULL, &err)) fail_msg("%s: %s", sql, err.message);
}

const char *text_in(Arena *arena, Duck *duck, const char *sql) {
    Error err = {0};
    const char *out = NULL;
    if (!duck_text(duck, arena, sql, &out, &err)) fail_msg("%s: %s", sql, err.message);
    return out;
}
