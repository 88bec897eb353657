/* `sqlflow init NAME`: a new project from templates that the program carries inside
 * (src/cli/templates/TEMPLATE/…). Everything is checked before the first file is written. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/embed.h"
#include "base/fs.h"
#include "cli/output.h"

extern const Command command_init;

typedef struct NewFile {
    const char *path; /* in the new project */
    const char *data;
    size_t size;
} NewFile;

typedef struct NewFiles {
    NewFile *items;
    size_t count, capacity;
} NewFiles;

/* "dot.gitignore" is .gitignore: under its own name it would rule the template's folder. */
static const char *real_name(Arena *arena, const char *path) {
    const char *base = fs_basename(path);
    if (!str_starts(base, "dot.")) return path;
    return arena_printf(arena, "%.*s.%s", (int)(base - path), path, base + strlen("dot."));
}

static NewFile new_file(Arena *arena, const EmbeddedFile *file, const char *path,
                        const char *project) {
    NewFile fresh = {real_name(arena, path), (const char *)file->data, file->size};
    if (!str_ends(path, ".md")) return fresh;
    fresh.data = str_replace(arena, fresh.data, "{{name}}", project);
    fresh.size = strlen(fresh.data);
    return fresh;
}

static NewFiles files_of(Arena *arena, const char *template, const char *project) {
    NewFiles files = {0};
    const char *prefix = arena_printf(arena, "cli/templates/%s/", template);
    for (size_t i = 0; i < embedded_files_count; i++)
        if (str_starts(embedded_files[i].name, prefix))
            *LIST_PUSH(arena, &files) = new_file(arena, &embedded_files[i],
                                                 embedded_files[i].name + strlen(prefix), project);
    return files;
}

static bool check_free(Cli *cli, const char *root, const NewFiles *files, Error *err) {
    Strings taken = {0};
    for (size_t i = 0; i < files->count; i++) {
        const char *path = fs_join(cli->arena, root, files->items[i].path);
        if (fs_exists(path)) strings_add(cli->arena, &taken, path);
    }
    if (taken.count == 0 || flag_on(cli, "force")) return true;
    size_t all = taken.count;
    if (taken.count > 5) taken.count = 5;
    error_set(err, ERR_FILE_EXISTS, SPAN_NONE, "%zu file%s there already: %s%s", all,
              all == 1 ? " is" : "s are", strings_join(cli->arena, &taken, ", "),
              all > taken.count ? ", …" : "");
    return error_hint(err, "choose another folder, or overwrite them with --force");
}

static bool write_files(Cli *cli, const char *root, const NewFiles *files, Error *err) {
    for (size_t i = 0; i < files->count; i++) {
        const NewFile *file = &files->items[i];
        if (!fs_write_atomic(fs_join(cli->arena, root, file->path), file->data, file->size, 0644,
                             err))
            return false;
    }
    return true;
}

static const char *first_pipeline(const NewFiles *files, Arena *arena) {
    for (size_t i = 0; i < files->count; i++) {
        const char *base = fs_basename(files->items[i].path);
        if (str_ends(base, ".sf")) return arena_strndup(arena, base, strlen(base) - 3);
    }
    return "NAME";
}

/* As a shell takes it for one word. */
static const char *shell_word(Arena *arena, const char *text) {
    bool plain = *text != '-';
    for (const char *c = text; *c != '\0'; c++)
        plain &= (unsigned char)*c >= 0x80 || isalnum((unsigned char)*c) || strchr("_-./", *c);
    if (plain) return text;
    return arena_printf(arena, "%s'%s'", *text == '-' ? "-- " : "",
                        str_replace(arena, text, "'", "'\\''"));
}

static int tell(Cli *cli, const char *root, const NewFiles *files) {
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_string(&document.json, "project", root);
        json_array(&document.json, "files");
        for (size_t i = 0; i < files->count; i++)
            json_string(&document.json, NULL, files->items[i].path);
        json_end(&document.json);
        return document_end(&document, cli);
    }
    for (size_t i = 0; i < files->count; i++)
        out_printf(cli, "  %s\n", fs_join(cli->arena, root, files->items[i].path));
    out_text(cli, "\nThe project is ready:\n");
    if (!str_eq(root, ".")) out_printf(cli, "  cd %s\n", shell_word(cli->arena, root));
    out_printf(cli, "  sqlflow run %s\n", first_pipeline(files, cli->arena));
    return 0;
}

static int run_init(Cli *cli) {
    Error err;
    const char *name = cli_word(cli, 0), *template = flag_text(cli, "template");
    const char *parent = flag_text(cli, "project-dir");
    if (*name == '\0') return fail_usage(cli, "a project needs a name");
    const char *root = parent == NULL ? name : fs_join(cli->arena, parent, name);
    const char *project = fs_basename(fs_absolute(cli->arena, root));
    NewFiles files = files_of(cli->arena, template == NULL ? "demo" : template, project);
    if (!check_free(cli, root, &files, &err) || !fs_mkdirs(root, 0755, &err) ||
        !write_files(cli, root, &files, &err))
        return fail(cli, &err);
    return tell(cli, root, &files);
}

static const Flag flags[] = {
    {"template", 0, FLAG_TEXT, "NAME", "demo|minimal", "what to start from; demo unless given"},
    {"force", 0, FLAG_SWITCH, NULL, NULL, "overwrite files that are there"},
    {0},
};

const Command command_init = {
    .name = "init",
    .summary = "make a new project that runs at once",
    .arguments = "NAME",
    .about = "NAME is the folder to make; . is the working folder. The demo has three pipelines,\n"
             "data, Python functions and tests; minimal has one small pipeline.",
    .flags = flags,
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"init shop", "a demo project in folder shop"},
                                  {"init . --template minimal", "a small one in this folder"},
                                  {0}},
    .run = run_init,
};
