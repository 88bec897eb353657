/* The project's Python files: which there are, and which functions their texts seem to define.
 * Reading the text is cheap and tells whether Python is worth loading at all. */
#include <ctype.h>
#include <string.h>

#include "base/fs.h"
#include "udf/catalog.h"

static bool in_name(char c) { return isalnum((unsigned char)c) || c == '_' || (c & 0x80); }

static size_t name_size(const char *text) {
    size_t size = 0;
    while (in_name(text[size])) size++;
    return size;
}

/* def NAME below a line that starts with @ */
static void names_of_defs(Arena *arena, const char *text, Strings *names) {
    bool decorated = false;
    for (const char *line = text; *line; line += strcspn(line, "\n") + (strchr(line, '\n') != 0)) {
        const char *at = line + strspn(line, " \t");
        if (strncmp(at, "async def ", 10) == 0) at += 6;
        if (*at == '@') decorated = true;
        if (strncmp(at, "class ", 6) == 0) decorated = false;
        if (strncmp(at, "def ", 4) != 0) continue;
        at += 4 + strspn(at + 4, " ");
        if (decorated) strings_add_unique(arena, names, arena_strndup(arena, at, name_size(at)));
        decorated = false;
    }
}

/* Behind "(" or ",": an argument, not an assignment. */
static bool is_argument(const char *text, const char *at) {
    while (at > text && isspace((unsigned char)at[-1])) at--;
    return at > text && (at[-1] == '(' || at[-1] == ',');
}

/* name="NAME" of a decorator, and python_scalar_udf(NAME). A name that is computed can only be told
 * by the import: *computed. */
static void names_given(Arena *arena, const char *text, Strings *names, bool *computed) {
    for (const char *at = text; (at = strstr(at, "name")); at += 4) {
        const char *value = at + 4 + strspn(at + 4, " \t");
        if (*value != '=' || value[1] == '=') continue;
        value += 1 + strspn(value + 1, " \t");
        bool quoted = *value == '"' || *value == '\'';
        const char *end = quoted ? strchr(value + 1, *value) : NULL;
        const char *behind = end ? end + 1 + strspn(end + 1, " \t\r\n") : "";
        *computed = *computed || (is_argument(text, at) && *behind != ',' && *behind != ')');
        if (end)
            strings_add_unique(arena, names,
                               arena_strndup(arena, value + 1, (size_t)(end - value - 1)));
    }
    for (const char *at = text; (at = strstr(at, "_udf(")); at += 5)
        if (name_size(at + 5))
            strings_add_unique(arena, names, arena_strndup(arena, at + 5, name_size(at + 5)));
}

typedef struct Files {
    UdfFile **items;
    size_t count, capacity;
} Files;

static void define(Udfs *udfs, UdfFile *file, const char *name) {
    Files *files = map_get(&udfs->defined, name);
    if (!files) {
        files = ARENA_NEW(udfs->arena, Files);
        map_set(&udfs->defined, name, files);
    }
    *LIST_PUSH(udfs->arena, files) = file;
}

static void add_file(Udfs *udfs, const char *package, const char *path, const char *below) {
    Arena *arena = udfs->arena;
    if (*below == '.' || strstr(below, "/.") || strstr(below, "__pycache__")) return;
    UdfFile *file = ARENA_NEW(arena, UdfFile);
    char *module = arena_strndup(arena, below, strlen(below) - strlen(".py"));
    for (char *c = module; *c; c++)
        if (*c == '/') *c = '.';
    if (str_eq(module, "__init__"))
        module = arena_strdup(arena, "");
    else if (str_ends(module, ".__init__"))
        module[strlen(module) - strlen(".__init__")] = '\0';
    file->path = path;
    file->module = *module ? module : package;
    file->import_name = *module ? arena_printf(arena, "%s.%s", package, module) : package;
    Error err;
    const char *text = fs_read(arena, path, NULL, &err);
    if (text) {
        names_of_defs(arena, text, &file->names);
        names_given(arena, text, &file->names, &file->computed);
        udfs->has_computed |= file->computed;
    }
    for (size_t i = 0; i < file->names.count; i++) define(udfs, file, file->names.items[i]);
    *LIST_PUSH(arena, &udfs->files) = file;
}

static void scan_folder(Udfs *udfs, const char *dir) {
    Arena *arena = udfs->arena;
    const char *clean = fs_absolute(arena, fs_join(arena, udfs->config.root, dir));
    const char *package = fs_basename(clean);
    if (strings_has(&udfs->packages, package) || !fs_is_dir(clean)) return;
    strings_add(arena, &udfs->packages, package);
    strings_add_unique(arena, &udfs->path, fs_dirname(arena, clean));
    Strings paths = {0};
    Error err;
    if (!fs_glob(arena, fs_join(arena, dir, "**/*.py"), &paths, &err)) return;
    size_t prefix = strlen(dir);
    while (prefix && dir[prefix - 1] == '/') prefix--;
    for (size_t i = 0; i < paths.count; i++)
        add_file(udfs, package, paths.items[i], paths.items[i] + prefix + 1);
}

void catalog_scan(Udfs *udfs) {
    if (udfs->scanned) return;
    udfs->scanned = true;
    strings_add(udfs->arena, &udfs->path, udfs->config.root);
    if (udfs->config.dir) scan_folder(udfs, udfs->config.dir);
    scan_folder(udfs, "python_udfs");
}

bool catalog_may_define(Udfs *udfs, const char *name) {
    catalog_scan(udfs);
    return map_get(&udfs->defined, name) != NULL;
}

bool catalog_computes(Udfs *udfs, const char *name) {
    Error ignored;
    bool found = false;
    for (size_t i = 0; i < udfs->files.count; i++) {
        UdfFile *file = udfs->files.items[i];
        if (!file->computed || !catalog_import(udfs, file, &ignored)) continue;
        for (size_t k = 0; k < udfs->functions.count; k++) {
            const Udf *udf = udfs->functions.items[k];
            if (!str_ieq(udf->name, name) || !str_eq(udf->file, file->path)) continue;
            if (strings_add_unique(udfs->arena, &file->names, udf->name))
                define(udfs, file, udf->name);
            found = true;
        }
    }
    return found;
}
