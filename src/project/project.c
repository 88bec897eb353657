/* Project: finds the root, the profiles and the pipelines by name. What a profile says is read by
 * profile.c. */
#include "project/project.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/redact.h"
#include "project/internal.h"

static const char profiles_dir[] = "profiles";
static const char default_file[] = ".sqlflow/profile";

static bool has_profiles(Arena *arena, const char *dir) {
    return fs_is_dir(fs_join(arena, dir, profiles_dir));
}

static bool no_project(Error *err, const char *message) {
    error_set(err, ERR_NO_PROJECT, SPAN_NONE, "%s", message);
    return error_hint(err, "make a project with: sqlflow init my_project; or name its folder with "
                           "--project-dir");
}

bool project_open(Arena *arena, const char *dir, Project *project, Error *err) {
    *project = (Project){
        .arena = arena, .here = fs_absolute(arena, "."), .dotenv = map_on(arena)};
    const char *root = fs_absolute(arena, dir == NULL ? "." : dir);
    if (dir != NULL && !has_profiles(arena, root))
        return no_project(
            err, fs_is_dir(root)
                     ? arena_printf(arena, "%s is not a project: it has no profiles/ folder", root)
                     : arena_printf(arena, "there is no folder %s", root));
    const char *start = root;
    while (!has_profiles(arena, root)) {
        const char *parent = fs_dirname(arena, root);
        if (str_eq(parent, root))
            return no_project(
                err, arena_printf(arena,
                                  "no project here: neither %s nor a folder above it has profiles/",
                                  start));
        root = parent;
    }
    project->root = root;
    return dotenv_read(project, fs_join(arena, root, ".env"), ".env", err);
}

static const char *name_without(Arena *arena, const char *file, const char *suffix) {
    size_t size = strlen(file), less = strlen(suffix);
    if (size <= less || !str_iends(file, suffix)) return NULL;
    return arena_strndup(arena, file, size - less);
}

bool project_profiles(const Project *project, Arena *arena, Strings *names, Error *err) {
    *names = (Strings){0};
    Strings files = {0};
    if (!fs_list(arena, fs_join(arena, project->root, profiles_dir), &files, err)) return false;
    for (size_t i = 0; i < files.count; i++) {
        const char *name = name_without(arena, files.items[i], ".yml");
        if (name == NULL) name = name_without(arena, files.items[i], ".yaml");
        if (name != NULL && *name != '.') strings_add_unique(arena, names, name);
    }
    return true;
}

/* The profile's name when none is given; *origin says where it comes from. */
static const char *chosen_profile(const Project *project, const char **origin) {
    const char *name = getenv("SQLFLOW_PROFILE");
    *origin = "SQLFLOW_PROFILE";
    if (name != NULL && *name != '\0') return name;
    const char *path = fs_join(project->arena, project->root, default_file);
    Error ignored;
    size_t size;
    const char *text = fs_exists(path) ? fs_read(project->arena, path, &size, &ignored) : NULL;
    if (text != NULL) {
        *origin = default_file;
        name = str_trim(project->arena, text, size);
        if (*name != '\0') return name;
    }
    *origin = NULL;
    return "dev";
}

static void no_profile(const Project *project, const char *name, const char *origin,
                       Diags *diags) {
    Arena *arena = diags->arena;
    Strings names;
    Error err;
    if (!project_profiles(project, arena, &names, &err)) {
        diag_add(diags, SEVERITY_ERROR, &err);
        return;
    }
    const char *by = origin == NULL ? "" : arena_printf(arena, ", which %s names", origin);
    if (names.count == 0) {
        diag_error(diags, ERR_NO_PROFILE, SPAN_NONE,
                   "there is no profile '%s'%s: profiles/ holds no .yml file", name, by)
            ->hint = "make one with: sqlflow profiles create dev";
        return;
    }
    const char *there = strings_join(arena, &names, ", ");
    const char *meant = str_did_you_mean(arena, name, &names);
    diag_error(diags, ERR_NO_PROFILE, SPAN_NONE, "there is no profile '%s'%s%s; profiles/ has: %s",
               name, by, meant, there)
        ->hint = "choose one with -p NAME or SQLFLOW_PROFILE";
}

static const char *profile_path(const Project *project, const char *name) {
    static const char *const suffixes[] = {".yml", ".yaml"};
    if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL) return NULL;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const char *path = arena_printf(project->arena, "%s/%s%s", profiles_dir, name, suffixes[i]);
        if (fs_exists(fs_join(project->arena, project->root, path))) return path;
    }
    return NULL;
}

bool project_load_profile(Project *project, const char *name, Diags *diags) {
    Arena *arena = project->arena;
    const char *origin = NULL;
    if (name == NULL) name = chosen_profile(project, &origin);
    size_t errors = diags->errors;
    project->profile = (Profile){.name = arena_strdup(arena, name)};
    const char *path = profile_path(project, name);
    Error err = {0};
    const Value *root = value_new(arena, VALUE_NULL, SPAN_NONE);
    if (path == NULL) {
        no_profile(project, name, origin, diags);
    } else {
        project->profile.path = path;
        const char *file = fs_join(arena, project->root, path);
        const SourceText *source = source_read(arena, file, path, &err);
        if (source != NULL) {
            redact_add_named(source->text, source->size);
            redact_add_urls(source->text);
        }
        const Value *tree = source == NULL ? NULL : yaml_read(arena, source, &err);
        if (tree == NULL)
            diag_add(diags, SEVERITY_ERROR, &err);
        else
            root = tree;
    }
    profile_fill(project, root, diags);
    return diags->errors == errors;
}

const Connection *project_connection(const Project *project, const char *name) {
    const Connections *connections = &project->profile.connections;
    for (size_t i = 0; i < connections->count; i++)
        if (str_ieq(connections->items[i].name, name)) return &connections->items[i];
    return NULL;
}

static const char *pipelines_dir(const Project *project) {
    return project->profile.pipelines_dir == NULL ? "pipelines" : project->profile.pipelines_dir;
}

static bool is_file(const Project *project, Arena *arena, const char *path) {
    const char *file = fs_join(arena, project->root, path);
    return fs_exists(file) && !fs_is_dir(file);
}

/* Only what is found by its name: a folder or NAME.SF is not. */
bool project_pipelines(const Project *project, Arena *arena, Strings *names, Error *err) {
    *names = (Strings){0};
    const char *dir = fs_join(arena, project->root, pipelines_dir(project));
    if (!fs_is_dir(dir)) return true;
    Strings files = {0};
    if (!fs_list(arena, dir, &files, err)) return false;
    for (size_t i = 0; i < files.count; i++) {
        const char *file = files.items[i];
        if (*file != '.' && str_ends(file, ".sf") &&
            is_file(project, arena, fs_join(arena, dir, file)))
            strings_add(arena, names, name_without(arena, file, ".sf"));
    }
    return true;
}

const char *project_typed_path(const Project *project, Arena *arena, const char *path) {
    const char *full = fs_absolute(arena, fs_join(arena, project->here, path));
    size_t root = strlen(project->root);
    return str_starts(full, project->root) && full[root] == '/' ? full + root + 1 : full;
}

const char *project_pipeline_path(const Project *project, Arena *arena, const char *name,
                                  Error *err) {
    const char *dir = pipelines_dir(project);
    const char *in_dir = fs_join(arena, dir, name);
    const char *with_suffix = arena_printf(arena, "%s.sf", name);
    enum { NAMED = 4, ALL = 6 };
    const char *const candidates[ALL] = {fs_join(arena, dir, with_suffix),
                                         in_dir,
                                         name,
                                         with_suffix,
                                         project_typed_path(project, arena, name),
                                         project_typed_path(project, arena, with_suffix)};
    size_t first = str_starts(name, "./") || str_starts(name, "../") ? NAMED : 0;
    for (size_t i = 0; *name != '\0' && i < ALL; i++) {
        const char *path = candidates[(first + i) % ALL];
        if (str_iends(path, ".sf") && is_file(project, arena, path)) return path;
    }
    enum { MOST_SHOWN = 30 };
    Strings names;
    if (!project_pipelines(project, arena, &names, err)) return NULL;
    const char *wanted = project_pipeline_name(arena, name);
    error_set(err, ERR_NO_PIPELINE, SPAN_NONE, "there is no pipeline '%s' in %s/%s", name, dir,
              str_did_you_mean(arena, wanted, &names));
    if (names.count == 0)
        error_hint(err, "pipelines are files %s/NAME.sf", dir);
    else if (names.count <= MOST_SHOWN)
        error_hint(err, "there are: %s", strings_join(arena, &names, ", "));
    else
        error_hint(err, "there are %zu: sqlflow pipeline list shows them", names.count);
    return NULL;
}

const char *project_pipeline_name(Arena *arena, const char *path) {
    const char *base = fs_basename(path);
    const char *name = name_without(arena, base, ".sf");
    return name == NULL ? arena_strdup(arena, base) : name;
}
