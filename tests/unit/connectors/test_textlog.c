/* The connector of docs/adding-a-connector.md, compiled from examples/ against the real headers
 * and run. It is not in list.def, so its options are resolved here by its table. */
#include "connectors/file_helpers.h"

#include <string.h>

#include "../../../examples/connector/textlog.c"

static const char good[] = "{\"path\": \"app.log\", "
                           "\"pattern\": \"(\\\\S+) \\\\[(\\\\w+)\\\\] (.*)\", "
                           "\"names\": [\"at\", \"level\", \"message\"]}";

static Link resolved(const char *json) {
    Link link = {.name = "log"};
    assert_true(options_resolve(world.arena, &textlog_connector, USE_READ, NULL, object_of(json),
                                &link, &world.diags));
    return link;
}

static const char *read_columns(const char *json, const Strings *columns) {
    Link link = resolved(json);
    AUTO_RELATION relation = {0};
    Error err = {0};
    if (!textlog_relation(&world.session, &link, &(ReadSpec){.columns = columns}, &relation, &err))
        return arena_printf(world.arena, "!%d %s", (int)err.code, err.message);
    return rows_of(arena_printf(world.arena, "SELECT * FROM %s", relation.sql));
}

static void reads_lines(void **state) {
    (void)state;
    file_write("app.log", "10:00 [INFO] it's \"up\", now\n10:01 [WARN] disk, 90 %\n");
    assert_string_equal(read_columns(good, NULL),
                        "10:00|INFO|it's \"up\", now\n10:01|WARN|disk, 90 %");
    Strings wanted = {0};
    strings_add(world.arena, &wanted, "message");
    strings_add(world.arena, &wanted, "at");
    assert_string_equal(read_columns(good, &wanted), "it's \"up\", now|10:00\ndisk, 90 %|10:01");
}

static void tells_columns_and_probes(void **state) {
    (void)state;
    Link link = resolved(good);
    Columns columns = {0};
    Error err = {0};
    ProbeReport report = {0};
    file_write("app.log", "10:00 [INFO] up\n");
    assert_true(textlog_schema(&world.session, &link, &columns, &err));
    assert_int_equal(columns.count, 3);
    assert_string_equal(columns.items[1].name, "level");
    assert_true(textlog_probe(&world.session, &link, &report, &err));
    assert_int_equal(report.stages.count, 1);
    assert_true(report.stages.items[0].ok);
}

static void says_what_is_wrong(void **state) {
    (void)state;
    file_write("app.log", "10:00 [INFO] up\nTraceback:\n");
    assert_non_null(strstr(read_columns(good, NULL), "does not match the line: Traceback:"));
    Strings wanted = {0};
    strings_add(world.arena, &wanted, "colour");
    assert_non_null(strstr(read_columns(good, &wanted), "log has no column 'colour'"));
    assert_non_null(strstr(read_columns("{\"path\": \"no.log\", \"pattern\": \"(.*)\", "
                                        "\"names\": \"line\"}", NULL), "no.log is not there"));
    Link link = resolved("{\"path\": \"app.log\", \"pattern\": \"(\", \"names\": \"line\"}");
    Columns columns = {0};
    Error err = {0};
    assert_false(textlog_schema(&world.session, &link, &columns, &err));
    assert_true(str_starts(err.message, "log: "));
    assert_false(options_resolve(world.arena, &textlog_connector, USE_READ, NULL,
                                 object_of("{\"path\": \"app.log\"}"), &link, &world.diags));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_lines, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(tells_columns_and_probes, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_wrong, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
