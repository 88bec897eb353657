/* The project's Python files: which there are, and which functions their texts seem to define.
 * Reading the text is cheap and tells whether Python is worth loading at all. */
#include <ctype.h>
#include <stdlib.h>
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

/* A walk through a folder. Linked folders come last, and each folder is read once. */
typedef struct Walk {
    Arena *arena;
    Strings read;  /* without links in their paths */
    Strings links; /* to folders */
    Strings paths; /* found */
} Walk;

static bool was_read(const Walk *walk, const char *real) {
    size_t size = strlen(real);
    for (size_t i = 0; i < walk->read.count; i++) {
        const char *other = walk->read.items[i]; /* or lies in `real`: a link that leads up */
        if (str_starts(other, real) && (other[size] == '/' || !other[size])) return true;
    }
    return false;
}

static void find_files(Walk *walk, const char *dir) {
    Arena *arena = walk->arena;
    const char *real = fs_real(arena, dir);
    Strings names;
    Error err;
    if (was_read(walk, real) || !fs_list(arena, dir, &names, &err)) return;
    strings_add(arena, &walk->read, real);
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i], *path = fs_join(arena, dir, name);
        if (*name == '.' || str_eq(name, "__pycache__")) continue;
        if (!fs_is_dir(path) && str_ends(name, ".py"))
            strings_add(arena, &walk->paths, path);
        else if (fs_is_dir(path) && str_eq(fs_real(arena, path), fs_join(arena, real, name)))
            find_files(walk, path);
        else if (fs_is_dir(path))
            strings_add(arena, &walk->links, path);
    }
}

static int by_path(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void scan_folder(Udfs *udfs, const char *dir) {
    Arena *arena = udfs->arena;
    const char *clean = fs_absolute(arena, fs_join(arena, udfs->config.root, dir));
    const char *package = fs_basename(clean);
    if (strings_has(&udfs->packages, package) || !fs_is_dir(clean)) return;
    strings_add(arena, &udfs->packages, package);
    strings_add_unique(arena, &udfs->path, fs_dirname(arena, clean));
    Walk walk = {.arena = arena};
    find_files(&walk, dir);
    for (size_t i = 0; i < walk.links.count; i++) find_files(&walk, walk.links.items[i]);
    Strings *paths = &walk.paths;
    if (paths->count) qsort(paths->items, paths->count, sizeof *paths->items, by_path);
    size_t prefix = strlen(dir);
    while (prefix && dir[prefix - 1] == '/') prefix--;
    for (size_t i = 0; i < paths->count; i++)
        add_file(udfs, package, paths->items[i], paths->items[i] + prefix + 1);
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

void udf_hint_misspelt(Udfs *udfs, Error *err) {
    static const char before[] = "Function with name ";
    const char *name = strstr(err->message, before);
    if (!name || *err->hint) return;
    catalog_scan(udfs);
    name += strlen(before);
    name = arena_strndup(udfs->arena, name, strcspn(name, " !"));
    Strings names = {0};
    for (size_t i = 0; i < udfs->files.count; i++)
        for (size_t n = 0; n < udfs->files.items[i]->names.count; n++)
            strings_add(udfs->arena, &names, udfs->files.items[i]->names.items[n]);
    const char *nearest = str_nearest(name, &names);
    if (nearest) error_hint(err, "did you mean the Python function '%s'?", nearest);
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
