/* INCLUDE: splicing, paths, variables, aliases, depth. Its errors are in
 * tests/lang_errors/include.test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lang/lang.h"

typedef struct Files {
    const char *names[8], *texts[8];
    int reads;
} Files;

static const char *variable(void *context, const char *name) {
    (void)context;
    return str_eq(name, "env") ? "prod" : NULL;
}

static SourceText *read_text(void *context, Arena *arena, const char *path, Error *err) {
    Files *files = context;
    files->reads++;
    for (size_t i = 0; i < 8 && files->names[i] != NULL; i++)
        if (str_eq(files->names[i], path))
            return source_new(arena, path, files->texts[i], strlen(files->texts[i]));
    error_set(err, ERR_INCLUDE, SPAN_NONE, "missing");
    error_hint(err, "make it");
    return NULL;
}

static Script load(Arena *arena, const char *name, const char *text, Files *files, Diags *diags) {
    IncludeHost host = {files, variable, read_text};
    return lang_load(arena, source_new(arena, name, text, strlen(text)), &host, diags);
}

static const char *print(Arena *arena, const char *text, Files *files) {
    Diags diags = diags_on(arena);
    Buf out = buf_on(arena);
    Script script = load(arena, "pipelines/p.sf", text, files, &diags);
    if (diags.count > 0) fail_msg("%s: %s", text, diags.items[0].message);
    lang_print(&out, &script.block);
    for (size_t i = 0; i < script.aliases.count; i++)
        buf_printf(&out, "%s: %s\n", script.aliases.items[i].alias,
                   strings_join(arena, &script.aliases.items[i].names, " "));
    return buf_text(&out);
}

static void spliced(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Files files = {.names = {"pipelines/lib/a.sf", "pipelines/b.sf", "top.sf",
                             "pipelines/lib/prod.sf", "/abs.sf"},
                   .texts = {"SET a = 1; INCLUDE '../b.sf';", "SET b = 2;", "SET c = 3;",
                             "SET d = 4;", "SET e = 5;"}};
    assert_string_equal(print(arena, "SET x = 0; INCLUDE 'lib/a.sf'; INCLUDE './b.sf'; SET y = 9;",
                              &files),
                        "SET x = 0;\nSET a = 1;\nSET b = 2;\nSET b = 2;\nSET y = 9;\n");
    assert_int_equal(files.reads, 2);
    assert_string_equal(print(arena, "INCLUDE '../top.sf'; INCLUDE '/abs.sf';", &files),
                        "SET c = 3;\nSET e = 5;\n");
    assert_string_equal(
        print(arena, "IF a THEN INCLUDE 'b.sf'; ELSE INCLUDE \"lib/b.sf/../a.sf\"; END IF;",
              &files),
        "IF a THEN\n  SET b = 2;\nELSE\n  SET a = 1;\n  SET b = 2;\nEND IF;\n");
}

static void variables_in_paths(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Files files = {.names = {"pipelines/prod.sf", "pipelines/dev.sf", "pipelines/${x}.sf",
                             "pipelines/$5"},
                   .texts = {"SET a = 1;", "SET b = 2;", "SET c = 3;", "SET d = 4;"}};
    assert_string_equal(print(arena,
                              "INCLUDE '${env}.sf'; INCLUDE '$env.sf'; INCLUDE '${none|dev}.sf';"
                              "INCLUDE '${env|dev}.sf'; INCLUDE '\\${x}.sf'; INCLUDE '$5';",
                              &files),
                        "SET a = 1;\nSET a = 1;\nSET b = 2;\nSET a = 1;\nSET c = 3;\nSET d = 4;\n");
}

static void aliases(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Files files =
        {.names = {"pipelines/a.sf", "pipelines/b.sf"},
         .texts =
             {"SOURCE s TYPE csv PARAMS {}; INCLUDE 'b.sf' AS inner; LOAD t FROM s; LOAD T FROM s;",
              "IF x THEN CREATE TABLE u AS SELECT 1; ELSE CREATE VIEW v AS SELECT 1; END IF;"
              "CREATE TABLE w (a INT); INSERT INTO z VALUES (1); SET k = 1;"}};
    const char *text = print(arena, "INCLUDE 'a.sf' AS lib;", &files);
    const char *names = strstr(text, "inner:");
    assert_non_null(names);
    assert_string_equal(names, "inner: u v w\nlib: s u v w t inner.u inner.v inner.w\n");
}

static void places(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Diags diags = diags_on(arena);
    Files files = {.names = {"a.sf"}, .texts = {"\n SET x = 1;"}};
    Script script = load(arena, "p.sf", "INCLUDE 'a.sf';", &files, &diags);
    assert_string_equal(script.block.items[0]->span.source->name, "a.sf");
    assert_int_equal(span_position(script.block.items[0]->span).line, 2);
    load(arena, "p.sf", "INCLUDE 'none.sf';", &files, &diags);
    assert_string_equal(diags.items[0].hint, "make it");
}

/* f1 includes f2 includes … f17; 16 files deep is right, 17 are not. */
static SourceText *read_chain(void *context, Arena *arena, const char *path, Error *err) {
    int last = *(int *)context, number = path[1] - '0';
    (void)err;
    if (path[2] != '.') number = number * 10 + path[2] - '0';
    const char *text =
        number == last ? "SET x = 1;" : arena_printf(arena, "INCLUDE 'f%d.sf';", number + 1);
    return source_new(arena, path, text, strlen(text));
}

static size_t chain_errors(int last) {
    AUTO_ARENA arena = arena_new();
    Diags diags = diags_on(arena);
    IncludeHost host = {&last, variable, read_chain};
    const char *text = "INCLUDE 'f1.sf';";
    lang_load(arena, source_new(arena, "p.sf", text, strlen(text)), &host, &diags);
    if (diags.count > 0)
        assert_non_null(strstr(diags.items[0].message, "more than 16 files deep: p.sf → f1.sf → "));
    return diags.errors;
}

static void depth(void **state) {
    (void)state;
    assert_int_equal(chain_errors(16), 0);
    assert_int_equal(chain_errors(17), 1);
}

/* Each file includes the next eight times: far too many, but it ends. */
static SourceText *read_bomb(void *context, Arena *arena, const char *path, Error *err) {
    (void)context;
    (void)err;
    Buf text = buf_on(arena);
    for (int i = 0; i < 8; i++) buf_printf(&text, "INCLUDE 'x%s';", path);
    return source_new(arena, path, buf_text(&text), text.size);
}

static void bomb(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Diags diags = diags_on(arena);
    IncludeHost host = {NULL, variable, read_bomb};
    lang_load(arena, source_new(arena, "p", "INCLUDE 'x';", 12), &host, &diags);
    assert_true(diags.errors > 0 && diags.errors < 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spliced), cmocka_unit_test(variables_in_paths),
        cmocka_unit_test(aliases), cmocka_unit_test(places),
        cmocka_unit_test(depth),   cmocka_unit_test(bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
