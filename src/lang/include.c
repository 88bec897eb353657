/* INCLUDE: parses the files that a text includes, splices their statements in and collects what
 * they define under an alias. Values of variables come from the host. See lang.h. */
#include <string.h>

#include "base/map.h"
#include "lang/lang.h"
#include "lang/lexer.h"

enum { DEPTH_MAX = 16, FILES_MAX = 10000 };

/* A file, read and parsed once however often it is included. */
typedef struct File {
    Block block;
    const char *error, *hint; /* why it cannot be read, or NULL */
} File;

typedef struct Chain {
    const struct Chain *outer;
    const char *path;
    unsigned depth;
} Chain;

typedef struct Includer {
    Arena *arena;
    const IncludeHost *host;
    Diags *diags;
    Script *script;
    Map files; /* by path */
    size_t expanded;
} Includer;

static Block expand(Includer *includer, const Block *block, const Chain *chain);

/* The same error of a file that is included twice is told once. */
static void fail(Includer *includer, Span span, ErrorCode code, const char *message,
                 const char *hint) {
    for (size_t i = 0; i < includer->diags->count; i++) {
        const Diag *diag = &includer->diags->items[i];
        if (diag->span.source == span.source && diag->span.start == span.start &&
            strcmp(diag->message, message) == 0)
            return;
    }
    diag_error(includer->diags, code, span, "%s", message)->hint = hint;
}

/* dir/./x, dir/y/../x → dir/x, so that one file has one name. */
static const char *clean_path(Arena *arena, const char *path) {
    Strings parts = {0};
    bool absolute = *path == '/';
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        const char *part = arena_strndup(arena, path, size);
        bool up = strcmp(part, "..") == 0;
        bool poppable = parts.count > 0 && strcmp(parts.items[parts.count - 1], "..") != 0;
        if (up && poppable)
            parts.count--;
        else if (*part != '\0' && strcmp(part, ".") != 0 && !(up && absolute))
            strings_add(arena, &parts, part);
        path += size + (path[size] == '/');
    }
    return arena_printf(arena, "%s%s", absolute ? "/" : "", strings_join(arena, &parts, "/"));
}

static const char *beside(Arena *arena, const char *including, const char *path) {
    const char *slash = strrchr(including, '/');
    if (*path == '/' || slash == NULL) return clean_path(arena, path);
    return clean_path(arena,
                      arena_printf(arena, "%.*s/%s", (int)(slash - including), including, path));
}

/* Length of $name at text, 0 when there is none. */
static size_t dollar_name(const char *text) {
    size_t size = *text == '$' ? str_name(text + 1) : 0;
    return size == 0 ? 0 : size + 1;
}

static bool put_variable(Includer *includer, const Text *path, const VariableRef *ref, Buf *out) {
    const char *value = includer->host->variable(includer->host->context, ref->name);
    if (value == NULL) value = ref->fallback;
    if (value == NULL) {
        fail(includer, path->span, ERR_UNKNOWN_VARIABLE,
             arena_printf(includer->arena, "unknown variable `%s` in the path of INCLUDE",
                          ref->name),
             "INCLUDE sees variables of the command line, the profile and the environment only");
        return false;
    }
    buf_puts(out, value);
    return true;
}

/* The path with its variables; NULL with an error. */
static const char *path_of(Includer *includer, const Text *path) {
    Buf out = buf_on(includer->arena);
    VariableRef ref;
    const char *why;
    for (const char *c = path->text; *c != '\0';) {
        size_t name = dollar_name(c);
        if (c[0] == '\\' && c[1] == '$' && c[2] == '{') {
            buf_puts(&out, "${");
            c += 3;
        } else if (c[0] == '$' && c[1] == '{') {
            /* a malformed one was reported by the parser */
            if (!variable_ref(includer->arena, c, strlen(c), &ref, &why)) return NULL;
            if (!put_variable(includer, path, &ref, &out)) return NULL;
            c += ref.size;
        } else if (name > 0) {
            ref = (VariableRef){.name = arena_strndup(includer->arena, c + 1, name - 1)};
            if (!put_variable(includer, path, &ref, &out)) return NULL;
            c += name;
        } else {
            buf_putc(&out, *c++);
        }
    }
    return buf_text(&out);
}

/* a.sf → b.sf → a.sf, or NULL when `path` is not among the including files. */
static const char *cycle(Arena *arena, const Chain *chain, const char *path) {
    const char *text = path;
    for (; chain != NULL; chain = chain->outer) {
        text = arena_printf(arena, "%s → %s", chain->path, text);
        if (strcmp(chain->path, path) == 0) return text;
    }
    return NULL;
}

static const char *whole_chain(Arena *arena, const Chain *chain) {
    const char *text = chain->path;
    while ((chain = chain->outer) != NULL) text = arena_printf(arena, "%s → %s", chain->path, text);
    return text;
}

static File *read_file(Includer *includer, const Text *where, const char *path) {
    Arena *arena = includer->arena;
    File *file = map_get(&includer->files, path);
    if (file == NULL) {
        Error err = {0};
        file = ARENA_NEW(arena, File);
        map_set(&includer->files, path, file);
        SourceText *source = includer->host->read(includer->host->context, arena, path, &err);
        if (source != NULL) {
            file->block = lang_parse(arena, source, includer->diags);
        } else {
            file->error = arena_printf(arena, "cannot include %s: %s", path, err.message);
            file->hint = err.hint[0] != '\0' ? arena_strdup(arena, err.hint)
                                             : "the path is relative to the including file";
        }
    }
    if (file->error != NULL) fail(includer, where->span, ERR_INCLUDE, file->error, file->hint);
    return file;
}

static void define(Arena *arena, Strings *names, const Text *name) {
    if (name->text != NULL) strings_add_unique(arena, names, name->text);
}

/* Tables, views, sources, macros and types that the statements define, in all branches. */
static void collect(Arena *arena, const Block *block, Strings *names) {
    for (size_t i = 0; i < block->count; i++) {
        const Stmt *stmt = block->items[i];
        if (stmt->kind == STMT_SOURCE) define(arena, names, &stmt->source.name);
        if (stmt->kind == STMT_LOAD) define(arena, names, &stmt->load.table);
        if (stmt->kind == STMT_CREATE) define(arena, names, &stmt->create.table);
        if (stmt->kind == STMT_SQL && sql_verb(stmt->sql.verb)->makes != NULL)
            define(arena, names, &stmt->sql.target);
        for (size_t b = 0; stmt->kind == STMT_IF && b < stmt->branches.count; b++)
            collect(arena, &stmt->branches.items[b].body, names);
    }
}

/* What the file includes under aliases of its own is its, too: inner.name. */
static void collect_inner(Includer *includer, size_t first, Strings *names) {
    Arena *arena = includer->arena;
    for (size_t i = first; i < includer->script->aliases.count; i++) {
        const IncludeAlias *inner = &includer->script->aliases.items[i];
        for (size_t k = 0; k < inner->names.count; k++)
            strings_add_unique(arena, names,
                               arena_printf(arena, "%s.%s", inner->alias, inner->names.items[k]));
    }
}

static void splice(Includer *includer, const Stmt *stmt, const Chain *chain, Block *out) {
    Arena *arena = includer->arena;
    const Text *where = &stmt->include.path;
    const char *path = path_of(includer, where);
    if (path == NULL) return;
    path = beside(arena, chain->path, path);
    const char *circle = cycle(arena, chain, path);
    if (circle != NULL) {
        fail(includer, where->span, ERR_INCLUDE,
             arena_printf(arena, "INCLUDE goes in a circle: %s", circle),
             "move what both files need into a third one");
        return;
    }
    if (chain->depth == DEPTH_MAX || ++includer->expanded > FILES_MAX) {
        fail(includer, where->span, ERR_INCLUDE,
             chain->depth == DEPTH_MAX
                 ? arena_printf(arena, "INCLUDE is more than %d files deep: %s", DEPTH_MAX,
                                whole_chain(arena, chain))
                 : arena_printf(arena, "more than %d files are included", FILES_MAX),
             "");
        return;
    }
    Chain inner = {chain, path, chain->depth + 1};
    File *file = read_file(includer, where, path);
    size_t inner_aliases = includer->script->aliases.count;
    Block block = expand(includer, &file->block, &inner);
    for (size_t i = 0; i < block.count; i++) *LIST_PUSH(arena, out) = block.items[i];
    if (stmt->include.alias.text == NULL) return;
    IncludeAlias alias = {.alias = stmt->include.alias.text};
    collect(arena, &block, &alias.names);
    collect_inner(includer, inner_aliases, &alias.names);
    *LIST_PUSH(arena, &includer->script->aliases) = alias;
}

/* A copy of the IF whose branches have their INCLUDEs expanded. */
static Stmt *expand_if(Includer *includer, const Stmt *stmt, const Chain *chain) {
    Stmt *copy = ARENA_NEW(includer->arena, Stmt);
    *copy = *stmt;
    copy->branches.items = ARENA_ARRAY(includer->arena, Branch, stmt->branches.count);
    copy->branches.capacity = stmt->branches.count;
    for (size_t i = 0; i < stmt->branches.count; i++) {
        copy->branches.items[i].condition = stmt->branches.items[i].condition;
        copy->branches.items[i].body = expand(includer, &stmt->branches.items[i].body, chain);
    }
    return copy;
}

static Block expand(Includer *includer, const Block *block, const Chain *chain) {
    Block out = {0};
    for (size_t i = 0; i < block->count; i++) {
        Stmt *stmt = block->items[i];
        if (stmt->kind == STMT_INCLUDE)
            splice(includer, stmt, chain, &out);
        else
            *LIST_PUSH(includer->arena, &out) =
                stmt->kind == STMT_IF ? expand_if(includer, stmt, chain) : stmt;
    }
    return out;
}

Script lang_load(Arena *arena, const SourceText *source, const IncludeHost *host, Diags *diags) {
    Script script = {0};
    Includer includer = {.arena = arena,
                         .host = host,
                         .diags = diags,
                         .script = &script,
                         .files = map_exact_on(arena)};
    Chain chain = {NULL, clean_path(arena, source->name), 0};
    Block block = lang_parse(arena, source, diags);
    script.block = expand(&includer, &block, &chain);
    diags_sort(diags);
    return script;
}
