/* Maps DuckDB's errors to ours. With errors_as_json a message is "Binder Error: {json}", which
 * tells the exception's type, its text without the trailer, and the position in the SQL. */
#include <stdlib.h>
#include <string.h>

#include "engine/duck_internal.h"
#include "engine/jscan.h"

typedef struct Rule {
    const char *type;     /* DuckDB's exception type; NULL: any */
    const char *contains; /* NULL: any message */
    ErrorCode code;
} Rule;

/* The first that fits wins: what the system says counts more than who reports it. */
static const Rule rules[] = {
    {NULL, "No space left on device", ERR_DISK},
    {NULL, "Disk quota exceeded", ERR_DISK},
    {NULL, "File too large", ERR_DISK},
    {NULL, "Input/output error", ERR_DISK},
    {NULL, "fsync failed", ERR_DISK},
    {NULL, "Could not truncate file", ERR_DISK},
    {NULL, "Could not write", ERR_DISK},
    {NULL, "Too many open files", ERR_LIMIT},
    {NULL, "Could not set lock on file", ERR_LOCKED},
    {NULL, "No files found that match the pattern", ERR_FILE_MISSING},
    {"Interrupt", NULL, ERR_INTERRUPTED},
    {"INTERRUPT", NULL, ERR_INTERRUPTED},
    {"Out of Memory", NULL, ERR_MEMORY},
    {NULL, "Permission denied", ERR_PERMISSION},
    {"IO", "Read-only file system", ERR_PERMISSION},
    {"Conversion", NULL, ERR_CAST},
    {"Mismatch Type", NULL, ERR_CAST},
    {"Parser", NULL, ERR_QUERY_SYNTAX},
    {"Syntax", NULL, ERR_QUERY_SYNTAX},
    {"Binder", NULL, ERR_QUERY},
    {"Catalog", NULL, ERR_QUERY},
    {"HTTP", NULL, ERR_CONNECTION},
    {"INTERNAL", NULL, ERR_INTERNAL},
};

static ErrorCode code_of(const char *type, const char *message) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const Rule *rule = &rules[i];
        if (rule->type != NULL && !str_eq(type, rule->type)) continue;
        if (rule->contains != NULL && strstr(message, rule->contains) == NULL) continue;
        return rule->code;
    }
    return ERR_STEP;
}

/* Cuts "\n\nLINE 1: …" off, the stack trace of internal errors, and advice to SET what a profile
 * sets. */
static const char *without_trailer(Arena *arena, const char *message) {
    static const char *const trailers[] = {"\n\nLINE ", "\nLINE ", "\n\nStack Trace",
                                           "\n\nPossible solutions:"};
    size_t size = strlen(message);
    for (size_t i = 0; i < sizeof trailers / sizeof *trailers; i++) {
        const char *at = strstr(message, trailers[i]);
        if (at != NULL && (size_t)(at - message) < size) size = (size_t)(at - message);
    }
    return str_trim(arena, message, size);
}

typedef struct Parts {
    const char *type, *message;
    int64_t offset;
    bool in_characters; /* the offset: PostgreSQL's parser counts so, all others count bytes */
} Parts;

static bool parts_of_json(Arena *arena, const char *json, Parts *parts) {
    JScan scan;
    if (!jscan_parse(arena, json, strlen(json), &scan)) return false;
    const char *type = jscan_text(arena, &scan, jscan_find(&scan, 0, "exception_type"));
    const char *message = jscan_text(arena, &scan, jscan_find(&scan, 0, "exception_message"));
    if (type == NULL || message == NULL) return false;
    parts->type = type;
    parts->message = message;
    const char *after = jscan_text(arena, &scan, jscan_find(&scan, 0, "header_Retry-After"));
    if (after == NULL)
        after = jscan_text(arena, &scan, jscan_find(&scan, 0, "header_retry-after"));
    if (after != NULL) parts->message = arena_printf(arena, "%s (Retry-After: %s)", message, after);
    const char *position = jscan_text(arena, &scan, jscan_find(&scan, 0, "position"));
    long long offset;
    if (position != NULL && str_to_int64(position, &offset)) parts->offset = offset;
    parts->in_characters = jscan_is(&scan, jscan_find(&scan, 0, "error_subtype"), "SYNTAX_ERROR");
    return true;
}

static Parts parts_of(Arena *arena, const char *message) {
    Parts parts = {.type = "", .message = message, .offset = -1};
    const char *brace = strchr(message, '{');
    if (brace != NULL && parts_of_json(arena, brace, &parts)) return parts;
    const char *error = strstr(message, " Error: ");
    if (error == NULL || (size_t)(error - message) > 24) return parts;
    parts.type = arena_strndup(arena, message, (size_t)(error - message));
    parts.message = error + strlen(" Error: ");
    return parts;
}

int64_t duck_byte_offset(const char *sql, int64_t characters) {
    int64_t at = 0;
    for (; characters > 0 && sql[at] != '\0'; characters--)
        do at++;
        while ((sql[at] & 0xC0) == 0x80);
    return at;
}

enum { MAX_LINES = 8 };

/* DuckDB lists every overload of an operator: the first ones tell enough. */
static const char *without_flood(Arena *arena, const char *text) {
    const char *end = text;
    size_t lines = 0, more = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
        if (lines == MAX_LINES) end = at;
        if (lines > MAX_LINES) more++;
    }
    if (more < 2) return text;
    return arena_printf(arena, "%.*s\n… and %zu more", (int)(end - text), text, more);
}

enum { LONGEST_LINE = 400 };

/* DuckDB quotes the line of a file as a whole, and behind it stands what is wrong. */
static const char *with_short_lines(Arena *arena, const char *text) {
    Buf out = buf_on(arena);
    for (const char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n"), kept = size;
        if (size > LONGEST_LINE) {
            kept = LONGEST_LINE;
            while (kept > 0 && (line[kept] & 0xC0) == 0x80) kept--;
        }
        buf_put(&out, line, kept);
        if (kept < size) buf_puts(&out, "…");
        if (line[size] == '\n') buf_putc(&out, '\n');
        line += size + (line[size] == '\n');
    }
    return buf_text(&out);
}

/* Of a line that cannot be read the file is named at the end, behind all that was detected. */
static const char *with_file(Arena *arena, const char *text) {
    static const char mark[] = "\n  file = ";
    const char *at = str_starts(text, "CSV Error") ? strstr(text, mark) : NULL;
    if (at == NULL) return text;
    at += strlen(mark);
    return arena_printf(arena, "%.*s: %s", (int)strcspn(at, "\n"), at, text);
}

bool duck_follows_abort(const Error *err) {
    return strstr(err->message, "transaction is aborted") != NULL;
}

static void memory_hint(const char *text, Error *err) {
    if (strstr(text, "max_temp_directory_size") != NULL)
        error_hint(err, "raise engines.duckdb.max_temp_directory_size or memory_limit");
    else
        error_hint(err, "raise engines.duckdb.memory_limit, or lower engines.duckdb.threads");
}

bool duck_fail(Duck *duck, const char *sql, const char *message, Error *err) {
    AUTO_ARENA arena = arena_new();
    Parts parts = parts_of(arena, message == NULL ? "unknown error" : message);
    duck->error_offset = parts.in_characters && sql != NULL
                             ? duck_byte_offset(sql, parts.offset)
                             : parts.offset;
    const char *text = without_trailer(arena, with_file(arena, parts.message));
    text = without_flood(arena, text);
    if (strlen(text) > LONGEST_LINE) text = with_short_lines(arena, text);
    ErrorCode code = code_of(parts.type, text);
    error_set(err, code, SPAN_NONE, "%s", *text == '\0' ? "unknown error" : text);
    if (code == ERR_INTERRUPTED) error_set(err, code, SPAN_NONE, "interrupted");
    if (code == ERR_MEMORY) memory_hint(text, err);
    if (!duck_follows_abort(err)) duck->failure = *err;
    return false;
}

void duck_abort_cause(const Duck *duck, Error *err) {
    if (duck_follows_abort(err) && duck->failure.code != ERR_NONE) *err = duck->failure;
}

bool duck_error_parts(const Error *err, const char *mark, Arena *arena, char **parts,
                      size_t count) {
    const char *at = strstr(err->message, mark);
    if (at == NULL) return false;
    at += strlen(mark);
    for (size_t i = 0; i < count; i++) {
        const char *end = strchr(at, '\x1f');
        if (end == NULL) return false;
        parts[i] = arena_strndup(arena, at, (size_t)(end - at));
        at = end + 1;
    }
    return true;
}
