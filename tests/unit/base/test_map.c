/* Map: keys without case, insertion order, replacing, growing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/map.h"

static void sets_and_gets(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Map map = map_on(arena);
    int one = 1, two = 2;
    assert_null(map_get(&map, "a"));
    assert_false(map_has(&map, "a"));
    map_set(&map, "Key", &one);
    map_set(&map, "nothing", NULL);
    assert_ptr_equal(map_get(&map, "kEY"), &one);
    assert_true(map_has(&map, "NOTHING"));
    assert_null(map_get(&map, "nothing"));
    assert_false(map_has(&map, "ke"));
    map_set(&map, "KEY", &two);
    assert_ptr_equal(map_get(&map, "key"), &two);
    assert_int_equal(map.count, 2);
    assert_string_equal(map.entries[0].key, "Key");
}

static void keeps_order_while_growing(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Map map = map_on(arena);
    char key[16];
    static int numbers[5000];
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "Key%d", i);
        map_set(&map, key, &numbers[i]);
    }
    assert_int_equal(map.count, 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "kEY%d", i);
        assert_ptr_equal(map_get(&map, key), &numbers[i]);
        assert_ptr_equal(map.entries[i].value, &numbers[i]);
    }
}

static void an_exact_map_tells_case(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Map map = map_exact_on(arena);
    int one = 1, two = 2;
    map_set(&map, "a.csv", &one);
    assert_null(map_get(&map, "A.csv"));
    map_set(&map, "A.csv", &two);
    assert_ptr_equal(map_get(&map, "a.csv"), &one);
    assert_ptr_equal(map_get(&map, "A.csv"), &two);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sets_and_gets),
                                       cmocka_unit_test(keeps_order_while_growing),
                                       cmocka_unit_test(an_exact_map_tells_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
