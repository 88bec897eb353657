/* Reads the files of tests/ into cases. See test_case.h.
 * Keys that mean nothing are errors: a misspelled `expect` would make a test that cannot fail. */
#include "cli/test_case.h"

#include <string.h>

#include "base/fs.h"

static const char *const case_keys[] = {"name", "pipeline", "vars", "given", "expect", NULL};
static const char *const file_keys[] = {"name",   "pipeline", "vars", "given",
                                        "expect", "cases",    NULL};
static const char *const expect_keys[] = {"tables", "exports", "error", NULL};
static const char *const rows_keys[] = {"rows", "file", "ordered", "count", NULL};
static const char *const given_keys[] = {"rows", "file", NULL};
static const char *const error_keys[] = {"code", "message", NULL};

static bool check_keys(Context *context, const Value *object, const char *what,
                       const char *const *keys) {
    if (object == NULL) return true;
    if (object->kind != VALUE_OBJECT) {
        diag_error(&context->diags, ERR_TEST_FILE, object->span, "%s is a map, not %s", what,
                   value_kind_name(object->kind));
        return false;
    }
    Strings names = {0};
    for (; *keys != NULL; keys++) strings_add(context->arena, &names, *keys);
    for (size_t i = 0; i < object->count; i++) {
        const Member *member = &object->members[i];
        if (strings_has(&names, member->key)) continue;
        diag_error(&context->diags, ERR_TEST_FILE, member->key_span, "unknown key '%s' in %s%s",
                   member->key, what, str_did_you_mean(context->arena, member->key, &names))
            ->hint = arena_printf(context->arena, "there are: %s",
                                  strings_join(context->arena, &names, ", "));
        return false;
    }
    return true;
}

/* Every entry of a map of rows: `{rows: […]}` or `{file: …}`. */
static bool check_entries(Context *context, const Value *map, const char *what,
                          const char *const *keys) {
    if (map == NULL) return true;
    if (map->kind != VALUE_OBJECT) return check_keys(context, map, what, keys);
    for (size_t i = 0; i < map->count; i++) {
        const Value *entry = map->members[i].value, *rows;
        if (!check_keys(context, entry, map->members[i].key, keys)) return false;
        rows = value_get(entry, "rows");
        for (size_t k = 0; rows != NULL && k < rows->count; k++)
            if (rows->members[k].value->kind != VALUE_OBJECT) rows = rows->members[k].value;
        if (rows == NULL || rows->kind == VALUE_ARRAY) continue;
        diag_error(&context->diags, ERR_TEST_FILE, rows->span,
                   "rows of '%s' are a list of maps: column → value", map->members[i].key);
        return false;
    }
    return true;
}

static bool check_vars(Context *context, const Value *vars) {
    bool is_map = vars == NULL || vars->kind == VALUE_OBJECT;
    for (size_t i = 0; vars != NULL && is_map && i < vars->count; i++) {
        const Value *value = vars->members[i].value;
        if (value->kind != VALUE_ARRAY && value->kind != VALUE_OBJECT) continue;
        diag_error(&context->diags, ERR_TEST_FILE, value->span,
                   "a variable is a text, a number, true, false or null");
        return false;
    }
    if (!is_map)
        diag_error(&context->diags, ERR_TEST_FILE, vars->span, "vars is a map: name → value");
    return is_map;
}

static bool expects_nothing(const TestCase *test) {
    return test->tables == NULL && test->exports == NULL && test->error == NULL;
}

static bool read_case(Context *context, const Value *own, const Value *file, TestCase *test) {
    Arena *arena = context->arena;
    if (!check_keys(context, own, "a test", own == file ? file_keys : case_keys)) return false;
    const Value *name = value_get(own, "name"), *pipeline = value_get(own, "pipeline");
    if (pipeline == NULL) pipeline = value_get(file, "pipeline");
    const Value *expect = value_get(own, "expect");
    test->span = own->span;
    const char *text = name == NULL ? NULL : value_text(name);
    if (text != NULL) test->name = arena_printf(arena, "%s: %s", test->name, text);
    test->vars = value_get(own, "vars");
    if (test->vars == NULL) test->vars = value_get(file, "vars");
    if (!check_vars(context, test->vars)) return false;
    test->given = value_get(own, "given");
    if (test->given == NULL) test->given = value_get(file, "given");
    if (!check_keys(context, expect, "expect", expect_keys) ||
        !check_entries(context, test->given, "given", given_keys))
        return false;
    test->tables = value_get(expect, "tables");
    test->exports = value_get(expect, "exports");
    test->error = value_get(expect, "error");
    if (!check_entries(context, test->tables, "tables", rows_keys) ||
        !check_entries(context, test->exports, "exports", rows_keys) ||
        !check_keys(context, test->error, "error", error_keys))
        return false;
    test->pipeline = pipeline == NULL ? NULL : value_text(pipeline);
    if (test->pipeline == NULL)
        diag_error(&context->diags, ERR_TEST_FILE, own->span, "the test names no pipeline");
    else if (expects_nothing(test))
        diag_error(&context->diags, ERR_TEST_FILE, own->span, "the test expects nothing")->hint =
            "add expect: with tables, exports or error";
    else
        return true;
    return false;
}

static void read_file(Context *context, const char *path, TestCases *cases) {
    Arena *arena = context->arena;
    Error err;
    size_t size;
    const char *text = fs_read(arena, path, &size, &err);
    const Value *root =
        text == NULL ? NULL : yaml_read(arena, source_new(arena, path, text, size), &err);
    if (root == NULL) {
        if (err.code == ERR_PROFILE) err.code = ERR_TEST_FILE;
        context_error(context, &err);
        return;
    }
    const char *base = fs_basename(path);
    const char *name = arena_strndup(arena, base, (size_t)(strrchr(base, '.') - base));
    const Value *list = value_get(root, "cases");
    if (list != NULL && list->kind != VALUE_ARRAY) {
        diag_error(&context->diags, ERR_TEST_FILE, list->span, "cases is a list of tests");
        return;
    }
    size_t count = list == NULL ? 1 : list->count;
    for (size_t i = 0; i < count; i++) {
        TestCase test = {.name = name, .file = path};
        const Value *own = list == NULL ? root : list->members[i].value;
        if (read_case(context, own, root, &test)) *LIST_PUSH(arena, cases) = test;
    }
}

bool tests_read(Context *context, TestCases *cases) {
    const char *dir = context->project.profile.tests_dir;
    Strings files = {0}, more = {0};
    Error err;
    *cases = (TestCases){0};
    if (!fs_is_dir(dir)) return true;
    if (!fs_glob(context->arena, fs_join(context->arena, dir, "**/*.yml"), &files, &err) ||
        !fs_glob(context->arena, fs_join(context->arena, dir, "**/*.yaml"), &more, &err))
        return context_error(context, &err);
    for (size_t i = 0; i < more.count; i++) strings_add(context->arena, &files, more.items[i]);
    for (size_t i = 0; i < files.count; i++) read_file(context, files.items[i], cases);
    return context->diags.errors == 0;
}

const char *test_file_path(Arena *arena, const char *test_file, const char *path) {
    const char *beside = fs_join(arena, fs_dirname(arena, test_file), path);
    return fs_exists(beside) ? beside : path;
}
