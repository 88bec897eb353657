/* Environment: .env, look-ups in the process environment and .env, and the expansion of ${VAR} in
 * values of a profile. Pipelines' variables are vars.c's business. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/redact.h"
#include "project/internal.h"

typedef struct DotenvReader {
    Project *project;
    const SourceText *source;
    size_t at;
    size_t line; /* start of the line being read */
    Error *err;
} DotenvReader;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static bool is_name_char(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.'; }

static char here(const DotenvReader *reader) { return reader->source->text[reader->at]; }
static bool at_line_end(const DotenvReader *reader) {
    return reader->at >= reader->source->size || here(reader) == '\n';
}
static void skip_blanks(DotenvReader *reader) {
    while (!at_line_end(reader) && is_blank(here(reader))) reader->at++;
}

/* The line may be a secret that lost its name, and diagnostics quote it. */
static bool malformed(DotenvReader *reader, const char *message, const char *hint) {
    const char *text = reader->source->text;
    size_t end = reader->line;
    while (end < reader->source->size && text[end] != '\n') end++;
    Arena *arena = reader->project->arena;
    redact_add(str_trim(arena, text + reader->line, end - reader->line));
    Span span = span_of(reader->source, reader->at, reader->at);
    error_set(reader->err, ERR_ENV_FILE, span, "malformed .env: %s", message);
    return error_hint(reader->err, "%s", hint);
}

static bool quoted_value(DotenvReader *reader, Buf *value) {
    size_t start = reader->at;
    char quote = here(reader);
    reader->at++;
    for (; reader->at < reader->source->size; reader->at++) {
        char c = here(reader), next = reader->source->text[reader->at + 1];
        if (c == quote) break;
        if (c == '\r' && next == '\n') continue;
        if (c == '\\' && quote == '"' && next != '\0' && strchr("nrt\"\\$", next) != NULL) {
            reader->at++;
            c = next == 'n' ? '\n' : next == 'r' ? '\r' : next == 't' ? '\t' : next;
        }
        buf_putc(value, c);
    }
    if (reader->at >= reader->source->size) {
        reader->at = start;
        return malformed(reader, "this quote is never closed", "close the quote");
    }
    reader->at++;
    skip_blanks(reader);
    if (at_line_end(reader) || here(reader) == '#') return true;
    return malformed(reader, "nothing may follow the closing quote",
                     "put the whole value into one pair of quotes");
}

static void bare_value(DotenvReader *reader, Buf *value) {
    size_t start = reader->at;
    const char *text = reader->source->text;
    while (!at_line_end(reader)) {
        bool first = reader->at == start || is_blank(text[reader->at - 1]);
        if (first && here(reader) == '#') break;
        reader->at++;
    }
    size_t end = reader->at;
    while (end > start && is_blank(text[end - 1])) end--;
    buf_put(value, text + start, end - start);
}

static bool assignment(DotenvReader *reader) {
    static const char form[] = "a line is NAME=value, export NAME=value or a # comment";
    const char *text = reader->source->text;
    if (strncmp(text + reader->at, "export", 6) == 0 && is_blank(text[reader->at + 6])) {
        reader->at += 6;
        skip_blanks(reader);
    }
    size_t start = reader->at;
    if (!isalpha((unsigned char)here(reader)) && here(reader) != '_')
        return malformed(reader, "a name is expected here", form);
    while (is_name_char(here(reader))) reader->at++;
    const char *name = arena_strndup(reader->project->arena, text + start, reader->at - start);
    skip_blanks(reader);
    if (here(reader) != '=') return malformed(reader, "a `=` is expected behind the name", form);
    reader->at++;
    skip_blanks(reader);
    Buf value = buf_on(reader->project->arena);
    if (!at_line_end(reader) && (here(reader) == '"' || here(reader) == '\'')) {
        if (!quoted_value(reader, &value)) return false;
    } else {
        bare_value(reader, &value);
    }
    char *kept = arena_strdup(reader->project->arena, buf_text(&value));
    if (redact_is_secret_name(name)) redact_add(kept);
    map_set(&reader->project->dotenv, name, kept);
    return true;
}

SourceText *source_read(Arena *arena, const char *path, const char *shown_as, Error *err) {
    size_t size;
    const char *text = fs_read(arena, path, &size, err);
    return text == NULL ? NULL : source_new(arena, shown_as, text, size);
}

bool dotenv_read(Project *project, const char *path, const char *shown_as, Error *err) {
    if (!fs_exists(path) || fs_is_dir(path)) return true;
    const SourceText *source = source_read(project->arena, path, shown_as, err);
    if (source == NULL) return false;
    DotenvReader reader = {.project = project, .source = source, .err = err};
    if (memchr(source->text, '\0', source->size) != NULL)
        return error_set(err, ERR_ENV_FILE, span_of(source, 0, 0), "%s holds a NUL byte", shown_as);
    while (reader.at < source->size) {
        reader.line = reader.at;
        skip_blanks(&reader);
        if (!at_line_end(&reader) && here(&reader) != '#' && !assignment(&reader)) return false;
        while (!at_line_end(&reader)) reader.at++;
        reader.at++;
    }
    return true;
}

const char *project_env(const Project *project, const char *name) {
    const char *value = getenv(name);
    return value != NULL ? value : map_get(&project->dotenv, name);
}

typedef struct Expansion {
    const Project *project;
    Arena *arena;
    Span span; /* of the value */
    Error *err;
} Expansion;

static bool bad_reference(const Expansion *expansion, const char *text) {
    size_t size = strcspn(text, "}\n");
    error_set(expansion->err, ERR_PROFILE, expansion->span, "malformed reference %.*s%s",
              (int)(size < 80 ? size : 80), text, text[size] == '}' ? "}" : "");
    return error_hint(expansion->err, "write ${NAME}, ${NAME|default} or ${NAME:-default}, the "
                                      "default without another ${}; \\${ is a literal ${");
}

/* ${NAME:-default}, as shells have it; no other form of a pipeline's variables is known here. */
static bool shell_ref(Arena *arena, const char *text, VariableRef *ref) {
    size_t name = 2, end = strcspn(text, "}");
    while (is_name_char(text[name])) name++;
    if (strncmp(text + name, ":-", 2) != 0 || text[end] == '\0') return false;
    const char *fallback = text + name + 2;
    size_t size = (size_t)(text + end - fallback);
    bool quoted = size >= 2 && text[end - 1] == *fallback && strchr("'\"", *fallback) != NULL;
    *ref = (VariableRef){.name = arena_strndup(arena, text + 2, name - 2),
                         .fallback = arena_strndup(arena, fallback + quoted, size - 2 * quoted),
                         .size = end + 1};
    return variable_is_name(ref->name) && strstr(ref->fallback, "${") == NULL;
}

bool project_reference(Arena *arena, const char *text, VariableRef *ref, bool *or_empty) {
    const char *why;
    *or_empty = shell_ref(arena, text, ref);
    return *or_empty || (variable_ref(arena, text, strlen(text), ref, &why) && ref->form == 0);
}

/* Expands the ${…} at *text, which moves behind it. */
static bool expand_reference(const Expansion *expansion, const char **text, Buf *out) {
    VariableRef ref;
    bool or_empty;
    if (!project_reference(expansion->arena, *text, &ref, &or_empty))
        return bad_reference(expansion, *text);
    const char *name = ref.name, *value = project_env(expansion->project, name);
    if (value == NULL || (or_empty && *value == '\0')) value = ref.fallback;
    if (value == NULL) {
        error_set(expansion->err, ERR_UNKNOWN_VARIABLE, expansion->span,
                  "${%s} is set neither in the environment nor in .env", name);
        return error_hint(expansion->err,
                          "export %s=…, add %s=… to .env, or give a default: ${%s|default}", name,
                          name, name);
    }
    if (redact_is_secret_name(name)) redact_add(value);
    buf_puts(out, value);
    *text += ref.size;
    return true;
}

static bool expand_text(const Expansion *expansion, const char *text, const char **out) {
    *out = text;
    if (strstr(text, "${") == NULL) return true;
    Buf buf = buf_on(expansion->arena);
    while (*text) {
        if (text[0] == '\\' && text[1] == '$' && text[2] == '{') {
            buf_puts(&buf, "${");
            text += 3;
        } else if (text[0] == '$' && text[1] == '{') {
            if (!expand_reference(expansion, &text, &buf)) return false;
        } else {
            buf_putc(&buf, *text++);
        }
    }
    *out = buf_text(&buf);
    return true;
}

bool project_expand(const Project *project, Arena *arena, const Value *value, Value **out,
                    Error *err) {
    Value *copy = value_new(arena, value->kind, value->span);
    copy->boolean = value->boolean;
    copy->text = value->text;
    *out = copy;
    if (value->kind == VALUE_STRING) {
        Expansion expansion = {project, arena, value->span, err};
        return expand_text(&expansion, value->text, &copy->text);
    }
    for (size_t i = 0; i < value->count; i++) {
        const Member *member = &value->members[i];
        Value *child;
        if (!project_expand(project, arena, member->value, &child, err)) return false;
        value_add(arena, copy, member->key, member->key_span, child);
    }
    return true;
}
