/* The catalog: imports files when a name needs it, finds functions by any form of their name, and
 * says what is wrong with those that cannot be used. */
#include "udf/catalog.h"

#include <string.h>

#include "base/fs.h"

Udfs *udfs_new(Arena *arena, const UdfConfig *config) {
    Udfs *udfs = ARENA_NEW(arena, Udfs);
    udfs->arena = arena;
    udfs->config = *config;
    if (!udfs->config.root) udfs->config.root = fs_absolute(arena, ".");
    udfs->defined = map_on(arena);
    udfs->builtin = map_on(arena);
    return udfs;
}

const char *udfs_python(const Udfs *udfs) { return udfs->python; }

bool catalog_start(Udfs *udfs, Error *err) {
    if (udfs->api) return true;
    catalog_scan(udfs);
    udfs->api = python_load(udfs->arena, &udfs->config, &udfs->path, &udfs->python, err);
    return udfs->api != NULL;
}

/* The line of a Python file, for diagnostics; nowhere when it cannot be read. */
static Span line_span(Arena *arena, const char *path, int line) {
    Error err;
    size_t size = 0;
    const char *text = line > 0 ? fs_read(arena, path, &size, &err) : NULL;
    if (!text) return SPAN_NONE;
    const SourceText *source = source_new(arena, path, text, size);
    const char *at = text;
    for (int i = 1; i < line && (at = strchr(at, '\n')); i++) at++;
    if (!at) return SPAN_NONE;
    at += strspn(at, " \t");
    return span_of(source, (size_t)(at - text), (size_t)(at - text) + strcspn(at, "\r\n"));
}

bool catalog_import(Udfs *udfs, UdfFile *file, Error *err) {
    if (file->state != FILE_NEW) return true;
    if (!catalog_start(udfs, err)) return false;
    Udf origin = {.module = file->module,
                  .import_name = file->import_name,
                  .file = file->path,
                  .handle = file->loose ? (void *)file->path : NULL};
    bool ok =
        udfs->api->import_file(udfs->arena, &origin, &udfs->functions, &file->line, &file->error);
    if (!ok && file->error.code == ERR_INTERRUPTED) {
        *err = file->error;
        return false;
    }
    file->state = ok ? FILE_IMPORTED : FILE_FAILED;
    file->error.span = ok ? SPAN_NONE : line_span(udfs->arena, file->path, file->line);
    return true;
}

bool udfs_import_all(Udfs *udfs, Error *err) {
    catalog_scan(udfs);
    if (!catalog_start(udfs, err)) return false;
    for (size_t i = 0; i < udfs->files.count; i++)
        if (!catalog_import(udfs, udfs->files.items[i], err)) return false;
    return true;
}

bool udfs_import_file(Udfs *udfs, const char *path, Error *err) {
    catalog_scan(udfs);
    const char *wanted = fs_absolute(udfs->arena, path);
    for (size_t i = 0; i < udfs->files.count; i++)
        if (str_eq(fs_absolute(udfs->arena, udfs->files.items[i]->path), wanted))
            return catalog_import(udfs, udfs->files.items[i], err);
    UdfFile *file = ARENA_NEW(udfs->arena, UdfFile);
    const char *base = fs_basename(path);
    size_t size = strlen(base) - (str_ends(base, ".py") ? strlen(".py") : 0);
    file->path = path;
    file->module = arena_strndup(udfs->arena, base, size);
    file->import_name = arena_printf(udfs->arena, "_sqlflow_file_%s", file->module);
    file->loose = true;
    *LIST_PUSH(udfs->arena, &udfs->files) = file;
    return catalog_import(udfs, file, err);
}

const Udf *udfs_at(const Udfs *udfs, size_t index) {
    return index < udfs->functions.count ? udfs->functions.items[index] : NULL;
}

void udfs_problems(const Udfs *udfs, Diags *diags) {
    for (size_t i = 0; i < udfs->files.count; i++) {
        const UdfFile *file = udfs->files.items[i];
        if (file->state == FILE_FAILED) diag_add(diags, SEVERITY_ERROR, &file->error);
    }
    for (size_t i = 0; i < udfs->functions.count; i++) {
        const Udf *udf = udfs->functions.items[i];
        if (udf->problem)
            diag_error(diags, ERR_UDF_DEFINITION, line_span(udfs->arena, udf->file, udf->line),
                       "%s cannot be used: %s", udf->full_name, udf->problem);
    }
}

/* The name below the folder: "python_udfs.a.f" → "a.f". */
static const char *below_folder(const Udfs *udfs, const char *name) {
    for (size_t i = 0; i < udfs->packages.count; i++) {
        size_t size = strlen(udfs->packages.items[i]);
        if (str_istarts(name, udfs->packages.items[i]) && name[size] == '.') return name + size + 1;
    }
    return str_istarts(name, "python_udfs.") ? name + strlen("python_udfs.") : name;
}

/* Imports what may define the name; failures stay with the files. */
static bool import_for(Udfs *udfs, const char *name, const char *dot, Error *err) {
    bool any = false;
    for (size_t i = 0; i < udfs->files.count; i++) {
        UdfFile *file = udfs->files.items[i];
        bool is_it = dot ? str_ieq_n(name, (size_t)(dot - name), file->module)
                         : strings_has(&file->names, name);
        if (is_it && !catalog_import(udfs, file, err)) return false;
        any = any || is_it;
    }
    return any || udfs_import_all(udfs, err);
}

static const Udf *unknown(Udfs *udfs, const char *name, Error *err) {
    if (!udfs_import_all(udfs, err)) return NULL;
    Strings names = {0};
    for (size_t i = 0; i < udfs->functions.count; i++) {
        strings_add_unique(udfs->arena, &names, udfs->functions.items[i]->full_name);
        strings_add_unique(udfs->arena, &names, udfs->functions.items[i]->name);
    }
    error_set(err, ERR_UDF_UNKNOWN, SPAN_NONE, "no Python function '%s'%s", name,
              str_did_you_mean(udfs->arena, below_folder(udfs, name), &names));
    if (!udfs->files.count)
        error_hint(err, "there is no Python file in %s/",
                   udfs->config.dir ? udfs->config.dir : "python_udfs");
    else
        error_hint(err, "`sqlflow udf list` shows the functions of the project");
    return NULL;
}

/* A file that failed to import and may be where the name is. */
static const UdfFile *failed_file(const Udfs *udfs, const char *name, const char *dot) {
    for (size_t i = 0; i < udfs->files.count; i++) {
        const UdfFile *file = udfs->files.items[i];
        if (file->state == FILE_FAILED && (dot ? str_ieq_n(name, (size_t)(dot - name), file->module)
                                               : strings_has(&file->names, name)))
            return file;
    }
    return NULL;
}

static const Udf *ambiguous(Udfs *udfs, const char *name, const Udf *a, const Udf *b, Error *err) {
    error_set(err, ERR_UDF_DEFINITION, SPAN_NONE,
              "'%s' is the name of two Python functions: %s (%s:%d) and %s (%s:%d)", name,
              a->full_name, a->file, a->line, b->full_name, b->file, b->line);
    if (!str_eq(a->full_name, b->full_name))
        error_hint(err, "name the module too: %s.%s", udfs->packages.items[0], a->full_name);
    return NULL;
}

const Udf *udfs_find(Udfs *udfs, const char *name, Error *err) {
    catalog_scan(udfs);
    const char *wanted = below_folder(udfs, name), *dot = strrchr(wanted, '.');
    if (!import_for(udfs, wanted, dot, err)) return NULL;
    const Udf *found = NULL;
    for (size_t i = 0; i < udfs->functions.count; i++) {
        const Udf *udf = udfs->functions.items[i];
        if (!str_ieq(dot ? udf->full_name : udf->name, wanted)) continue;
        if (found) return ambiguous(udfs, wanted, found, udf, err);
        found = udf;
    }
    const UdfFile *failed = failed_file(udfs, wanted, dot);
    if (failed) {
        *err = failed->error;
        return NULL;
    }
    if (!found) return unknown(udfs, name, err);
    if (!found->problem) return found;
    error_set(err, ERR_UDF_DEFINITION, SPAN_NONE, "the Python function %s cannot be used: %s",
              found->full_name, found->problem);
    error_hint(err, "it is defined at %s:%d", found->file, found->line);
    return NULL;
}

const char *udf_sql_name(Udfs *udfs, const Udf *udf) {
    Error ignored = {0};
    if (udfs_find(udfs, udf->name, &ignored) == udf) return udf->name;
    return arena_printf(udfs->arena, "%s.%s", udfs->packages.items[0], udf->full_name);
}

Builtin catalog_builtin(Udfs *udfs, Duck *duck, const char *name) {
    static const Builtin kinds[] = {BUILTIN_NONE, BUILTIN_WORD, BUILTIN_FUNCTION};
    const Builtin *known = map_get(&udfs->builtin, name);
    if (known) return *known;
    AUTO_ARENA arena = arena_new();
    const char *literal = sql_literal(arena, str_lower(arena, name));
    const char *sql = arena_printf(
        arena,
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM duckdb_functions() WHERE function_name = %s AND "
        "function_type <> 'pragma') THEN 2 WHEN EXISTS (SELECT 1 FROM duckdb_keywords() WHERE "
        "keyword_name = %s AND keyword_category <> 'unreserved') THEN 1 ELSE 0 END",
        literal, literal);
    int64_t found = 0;
    Error err;
    if (!duck || !duck_int(duck, sql, &found, &err)) found = 0;
    map_set(&udfs->builtin, name, (void *)&kinds[found]);
    return kinds[found];
}

UdfTableCall *catalog_call(const Udfs *udfs, const char *sql_name) {
    for (size_t i = 0; i < udfs->calls.count; i++)
        if (str_eq(udfs->calls.items[i]->sql_name, sql_name)) return udfs->calls.items[i];
    return NULL;
}

const char *udf_signature(Arena *arena, const Udf *udf) {
    Buf out = buf_on(arena);
    buf_printf(&out, "%s(", udf->name);
    const char *comma = "";
    bool by_name = false; /* what follows is given by name alone */
    if (udf->kind == UDF_TABLE && udf->input != UDF_INPUT_NONE) {
        buf_printf(&out, "%s: table", udf->input_name);
        comma = ", ";
    }
    for (size_t i = 0; i < udf->params.count; i++) {
        const UdfParam *param = &udf->params.items[i];
        if (param->keyword_only && !by_name) {
            buf_printf(&out, "%s*", comma);
            comma = ", ";
        }
        by_name = by_name || param->keyword_only || param->variadic;
        buf_printf(&out, "%s%s%s", comma, param->variadic ? "*" : "", param->name);
        if (param->type) buf_printf(&out, " %s", param->type);
        if (param->fallback) buf_printf(&out, " := %s", param->fallback);
        comma = ", ";
    }
    buf_puts(&out, ")");
    if (udf->return_type) buf_printf(&out, " -> %s", udf->return_type);
    if (udf->kind == UDF_TABLE) buf_puts(&out, " -> table");
    return buf_text(&out);
}
