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

static bool wrong(Context *context, Span span, const char *name, const char *what) {
    diag_error(&context->diags, ERR_TEST_FILE, span, "'%s': %s", name, what);
    return false;
}

/* `{rows: […]}` or `{file: …}`; what is expected may also be a count. */
static bool check_entry(Context *context, const Member *member, const char *const *keys) {
    const Value *entry = member->value;
    const char *name = member->key;
    if (!check_keys(context, entry, name, keys)) return false;
    const Value *rows = value_get(entry, "rows"), *file = value_get(entry, "file");
    const Value *count = value_get(entry, "count"), *ordered = value_get(entry, "ordered");
    long long number;
    for (size_t i = 0; rows != NULL && i < rows->count; i++)
        if (rows->members[i].value->kind != VALUE_OBJECT) rows = rows->members[i].value;
    if (rows != NULL && rows->kind != VALUE_ARRAY)
        return wrong(context, rows->span, name, "rows are a list of maps: column → value");
    if (rows != NULL && file != NULL)
        return wrong(context, file->span, name, "either rows or a file, not both");
    if (rows == NULL && file == NULL && count == NULL)
        return wrong(context, member->key_span, name, "rows or a file is missing");
    if (file != NULL && file->kind != VALUE_STRING)
        return wrong(context, file->span, name, "file is a path");
    if (ordered != NULL && ordered->kind != VALUE_BOOL)
        return wrong(context, ordered->span, name, "ordered is true or false");
    if (count != NULL && (!str_to_int64(value_text(count), &number) || number < 0))
        return wrong(context, count->span, name, "count is a whole number");
    return true;
}

static bool check_entries(Context *context, const Value *map, const char *what,
                          const char *const *keys) {
    if (map == NULL) return true;
    if (map->kind != VALUE_OBJECT) return check_keys(context, map, what, keys);
    for (size_t i = 0; i < map->count; i++)
        if (!check_entry(context, &map->members[i], keys)) return false;
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

static bool check_pipeline(Context *context, const Value *pipeline) {
    Error err;
    const char *name = value_text(pipeline);
    if (project_pipeline_path(&context->project, context->arena, name, &err) != NULL) return true;
    err.code = ERR_TEST_FILE;
    err.span = pipeline->span;
    return context_error(context, &err);
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
    test->own_vars = test->vars != NULL;
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
    else if (test->error != NULL && (test->tables != NULL || test->exports != NULL))
        diag_error(&context->diags, ERR_TEST_FILE, test->error->span,
                   "the test expects an error, and tables or exports")
            ->hint = "a run that fails leaves none: make two tests of it";
    else if (expects_nothing(test))
        diag_error(&context->diags, ERR_TEST_FILE, own->span, "the test expects nothing")->hint =
            "add expect: with tables, exports or error";
    else
        return check_pipeline(context, pipeline);
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
