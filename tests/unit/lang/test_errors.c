/* Wrong pipelines: each case of tests/lang_errors/GROUP.test is a pipeline and the diagnostics that
 * lang_load must render for it. UPDATE=1 rewrites the expected parts. A file looks like this:
 *   === name of the case
 *   --- FILE          (p.sf is the pipeline, others can be included; text follows)
 *   --- expected      (the rendered diagnostics, then "exit N") */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "lang/lang.h"

typedef struct Part {
    const char *name, *text;
} Part;

typedef struct Case {
    const char *name;
    Part parts[8];
    size_t count;
} Case;

typedef struct Group {
    const char *path, *head; /* head: the lines before the first case */
    Case *items;
    size_t count, capacity;
} Group;

static Arena *arena;

static const char *part(const Case *test, const char *name) {
    for (size_t i = 0; i < test->count; i++)
        if (str_eq(test->parts[i].name, name)) return test->parts[i].text;
    return NULL;
}

static Group read_group(const char *path) {
    Error err = {0};
    Group group = {.path = path, .head = ""};
    const char *line = fs_read(arena, path, NULL, &err);
    if (line == NULL) fail_msg("%s", err.message);
    Buf text = buf_on(arena);
    const char **target = &group.head;
    while (*line != '\0') {
        size_t size = strcspn(line, "\n");
        char *rest = size > 4 ? arena_strndup(arena, line + 4, size - 4) : NULL;
        bool is_case = str_starts(line, "=== "), is_part = str_starts(line, "--- ");
        if (is_case || is_part) {
            *target = arena_strdup(arena, buf_text(&text));
            text = buf_on(arena);
            if (is_case) LIST_PUSH(arena, &group)->name = rest;
            Case *test = &group.items[group.count - 1];
            static const char *ignored;
            target = &ignored;
            if (is_part) {
                assert_true(test->count < 8);
                test->parts[test->count] = (Part){rest, ""};
                target = &test->parts[test->count++].text;
            }
        } else {
            buf_put(&text, line, size);
            buf_putc(&text, '\n');
        }
        line += size + (line[size] == '\n');
    }
    *target = buf_text(&text);
    return group;
}

static const char *variable(void *context, const char *name) {
    (void)context;
    return str_eq(name, "dir") ? "lib" : NULL;
}

static SourceText *read_part(void *context, Arena *on, const char *path, Error *err) {
    const char *text = part(context, path);
    if (text != NULL) return source_new(on, path, text, strlen(text));
    error_set(err, ERR_INCLUDE, SPAN_NONE, "there is no such file");
    return NULL;
}

static const char *actual(Case *test) {
    const char *text = part(test, "p.sf");
    Diags diags = diags_on(arena);
    IncludeHost host = {test, variable, read_part};
    Buf out = buf_on(arena);
    lang_load(arena, source_new(arena, "p.sf", text, strlen(text)), &host, &diags);
    for (size_t i = 0; i < diags.count; i++) diag_render(&out, &diags.items[i], false);
    buf_printf(&out, "exit %d\n", diags_exit_code(&diags));
    return buf_text(&out);
}

static void print_lines(char mark, const char *from, const char *to) {
    while (from < to) {
        size_t size = strcspn(from, "\n");
        fprintf(stderr, "  %c %.*s\n", mark, (int)size, from);
        from += size + 1;
    }
}

/* The lines that differ, between those that both have in front and behind. */
static void print_diff(const char *want, const char *got) {
    const char *w = want, *g = got, *line_w = want, *line_g = got;
    while (*w != '\0' && *w == *g) {
        if (*w == '\n') line_w = w + 1, line_g = g + 1;
        w++, g++;
    }
    print_lines(' ', want, line_w);
    print_lines('-', line_w, line_w + strlen(line_w));
    print_lines('+', line_g, line_g + strlen(line_g));
}

static void write_group(const Group *group) {
    Buf out = buf_on(arena);
    Error err = {0};
    buf_puts(&out, group->head);
    for (size_t i = 0; i < group->count; i++) {
        Case *test = &group->items[i];
        buf_printf(&out, "=== %s\n", test->name);
        for (size_t p = 0; p < test->count; p++)
            if (!str_eq(test->parts[p].name, "expected"))
                buf_printf(&out, "--- %s\n%s", test->parts[p].name, test->parts[p].text);
        buf_printf(&out, "--- expected\n%s", actual(test));
    }
    if (!fs_write_atomic(group->path, buf_text(&out), out.size, 0644, &err))
        fail_msg("%s", err.message);
}

static void check_group(void **state) {
    Group group = read_group(*state);
    size_t wrong = 0;
    assert_true(group.count > 0);
    if (getenv("UPDATE") != NULL) {
        write_group(&group);
        return;
    }
    for (size_t i = 0; i < group.count; i++) {
        const char *want = part(&group.items[i], "expected");
        const char *got = actual(&group.items[i]);
        if (str_eq(want, got)) continue;
        wrong++;
        fprintf(stderr, "%s: %s\n", group.path, group.items[i].name);
        print_diff(want == NULL ? "" : want, got);
    }
    if (wrong > 0) fail_msg("%zu of %zu cases differ", wrong, group.count);
}

int main(void) {
    struct CMUnitTest tests[64];
    size_t count = 0;
    glob_t files;
    if (glob("tests/lang_errors/*.test", 0, NULL, &files) != 0) {
        fputs("no tests/lang_errors/*.test: run in the project's root\n", stderr);
        return 1;
    }
    arena = arena_new();
    for (; count < files.gl_pathc && count < 64; count++)
        tests[count] = (struct CMUnitTest){files.gl_pathv[count], check_group, NULL, NULL,
                                           files.gl_pathv[count]};
    int failed = _cmocka_run_group_tests("lang_errors", tests, count, NULL, NULL);
    arena_free(arena);
    globfree(&files);
    return failed;
}
