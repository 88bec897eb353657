/* From files to a relation: the format's reader call, wrapped in projection, types, bound and
 * limit; DuckDB's errors about files made ours. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "connectors/column_types.h"
#include "connectors/csv.h"
#include "connectors/files.h"

static const char file_column[] = "_sqlflow_file";

/* A name that holds * ? [ would be read as a pattern, and match other files. Such a name without
 * a slash comes back from DuckDB with "./" in front, so it gets one at once. */
const char *files_escape(Arena *arena, const char *path) {
    if (strpbrk(path, "*?[") == NULL) return path;
    Buf out = buf_on(arena);
    for (const char *at = path; *at != '\0'; at++) {
        if (strchr("*?[", *at) != NULL)
            buf_printf(&out, "[%c]", *at);
        else
            buf_putc(&out, *at);
    }
    return buf_text(&out);
}

const char *files_unescape(Arena *arena, const char *path) {
    Buf out = buf_on(arena);
    for (const char *at = path; *at != '\0'; at++) {
        bool escaped = *at == '[' && at[1] != '\0' && at[2] == ']';
        if (escaped) at++;
        buf_putc(&out, *at);
        if (escaped) at++;
    }
    return buf_text(&out);
}

void files_path_list(Buf *out, const Strings *paths) {
    buf_putc(out, '[');
    for (size_t i = 0; i < paths->count; i++) {
        if (i > 0) buf_puts(out, ", ");
        buf_literal(out, paths->items[i]);
    }
    buf_putc(out, ']');
}

void files_reader_options(Buf *out, const FileCall *call) {
    const char *hive = link_text(call->link, "hive_partitioning");
    if (call->file_column != NULL) {
        buf_puts(out, ", filename = ");
        buf_literal(out, call->file_column);
    } else if (link_bool(call->link, "filename")) {
        buf_puts(out, ", filename = true");
    }
    if (link_bool(call->link, "union_by_name")) buf_puts(out, ", union_by_name = true");
    if (hive != NULL && !str_ieq(hive, "auto"))
        buf_printf(out, ", hive_partitioning = %s", str_ieq(hive, "true") ? "true" : "false");
    files_put_partition_types(out, call);
}

/* -- errors ------------------------------------------------------------------------------ */

static const struct {
    const char *contains, *hint;
} hints[] = {
    {"not utf-16 encoded",
     "it holds what DuckDB cannot read: convert it by iconv -f UTF-16 -t UTF-8 FILE"},
    {"TProtocolException", "the file is damaged"},
    {"not utf-8 encoded", "set \"encoding\": \"latin-1\" or \"utf-16\""},
    {"Maximum line size", "\"max_line_size\": BYTES allows longer lines"},
    {"state machine reached",
     "a quote may not be closed, or lines end in \\r\\n here and in \\n there, which "
     "`sed -i 's/\\r$//' FILE` repairs"},
    {"Expected Number of Columns",
     "\"null_padding\": true fills missing fields with NULL; \"ignore_errors\": true leaves such "
     "lines out and counts them"},
    {"Could not convert string",
     "name the column's type in column_types, or leave such lines out with "
     "\"ignore_errors\": true"},
    {"automatically detect the CSV",
     "set delimiter and quote_char, or \"null_padding\": true when lines differ in length"},
    {"Schema mismatch", "\"combine_files\": true takes the columns of all files"},
    {"schema mismatch", "\"combine_files\": true takes the columns of all files"},
    {"invalid date field format", "set \"date_format\", such as \"%d-%m-%Y\""},
    {"invalid timestamp field format", "set \"timestamp_format\", such as \"%d-%m-%Y %H:%M\""},
    {"JSON transform error", "an object differs from those that the columns were taken from: "
                             "\"sample_size\": 0 looks at all"},
    {"Option filename adds column", "the data has such a column itself: leave \"filename\" out"},
};

/* DuckDB's advice names its own options and repeats what it detected: neither helps here. */
static void cut(char *message) {
    static const char *const ends[] = {
        "\nPossible ", "\nPotential ", "\n\n  file =", "\nThe search space", "\n* ",
        "\n If this error", "\nThis can happen", "\nTry increasing", "\nIf you are trying",
        "\nThis type was either", "\nColumn "};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char *at = strstr(message, ends[i]);
        if (at != NULL) *at = '\0';
    }
    size_t size = strlen(message);
    while (size > 0 && strchr("\n :", message[size - 1]) != NULL) message[--size] = '\0';
}

/* A word for NULL further down in a column of numbers. */
static void hint_null_word(Error *err) {
    static const char mark[] = "Could not convert string \"";
    const char *word = strstr(err->message, mark);
    if (word == NULL || err->hint[0] != '\0') return;
    word += sizeof mark - 1;
    size_t size = strcspn(word, "\"");
    if (csv_is_null_word(word, size))
        error_hint(err, "\"null_values\": [\"\", \"%.*s\"] takes it for NULL", (int)size, word);
}

static void name_file(const Strings *paths, Error *err) {
    for (size_t i = 0; i < paths->count; i++)
        if (strstr(err->message, paths->items[i]) != NULL) return;
    if (paths->count == 1)
        error_prefix(err, "%s: ", paths->items[0]);
    else if (paths->count > 1)
        error_prefix(err, "%s and %zu more: ", paths->items[0], paths->count - 1);
}

bool files_error(const Link *link, const Strings *paths, Error *err) {
    bool formal = err->code == ERR_STEP || err->code == ERR_CAST || err->code == ERR_QUERY ||
                  err->code == ERR_FILE_FORMAT;
    if (err->code == ERR_PERMISSION) err->code = ERR_FILE_PERMISSION;
    if (err->span.source == NULL) err->span = link_span(link, "path");
    if (!formal) return false;
    err->code = ERR_FILE_FORMAT;
    hint_null_word(err);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(err->message, hints[i].contains) != NULL && err->hint[0] == '\0')
            error_hint(err, "%s", hints[i].hint);
    cut(err->message);
    name_file(paths, err);
    return false;
}

/* -- the relation ------------------------------------------------------------------------ */

static bool check_columns(const Link *link, const ReadSpec *spec, const Columns *columns,
                          Error *err) {
    for (size_t i = 0; spec->columns != NULL && i < spec->columns->count; i++)
        if (columns_find(columns, spec->columns->items[i]) == NULL)
            return column_is_missing(link, columns, "columns", spec->columns->items[i], err);
    if (spec->cursor != NULL && columns_find(columns, spec->cursor) == NULL)
        return column_is_missing(link, columns, "cursor_field", spec->cursor, err);
    return column_types_check(link, columns, err);
}

static void put_columns(Buf *sql, const Link *link, const ReadSpec *spec) {
    bool some = spec->columns != NULL && spec->columns->count > 0;
    if (!some) buf_putc(sql, '*');
    for (size_t i = 0; some && i < spec->columns->count; i++) {
        if (i > 0) buf_puts(sql, ", ");
        buf_ident(sql, spec->columns->items[i]);
    }
    if (spec->add_file_column && some) buf_printf(sql, ", %s", file_column);
    if (spec->add_file_column && link_bool(link, "filename") && !some)
        buf_printf(sql, ", %s AS filename", file_column);
}

static const char *build(Arena *arena, const Link *link, const FileSource *source,
                         const ReadSpec *spec) {
    Buf sql = buf_on(arena);
    buf_puts(&sql, "(SELECT ");
    put_columns(&sql, link, spec);
    buf_printf(&sql, " FROM (SELECT *%s FROM %s", source->casts == NULL ? "" : source->casts,
               source->call);
    if (source->limit > 0) buf_printf(&sql, " LIMIT %lld", source->limit);
    buf_putc(&sql, ')');
    if (spec->lower != NULL) {
        buf_puts(&sql, " WHERE ");
        buf_ident(&sql, spec->cursor);
        buf_printf(&sql, " >= %s", spec->lower);
        if (spec->include_nulls) {
            buf_puts(&sql, " OR ");
            buf_ident(&sql, spec->cursor);
            buf_puts(&sql, " IS NULL");
        }
    }
    buf_putc(&sql, ')');
    return buf_text(&sql);
}

static bool is_plain(const Link *link, const FileSource *source, const ReadSpec *spec) {
    return (spec->columns == NULL || spec->columns->count == 0) && spec->lower == NULL &&
           !spec->add_file_column && source->limit == 0 && !link_has(link, "column_types");
}

static int64_t total_bytes(const Strings *paths) {
    int64_t total = 0, size, mtime;
    for (size_t i = 0; i < paths->count; i++) {
        if (!fs_stat(paths->items[i], &size, &mtime)) return -1;
        total += size;
    }
    return total;
}

/* csv reads its types itself; the other formats have types of their own, which are cast. */
static bool put_types(const Files *files, FileSource *source, Columns *columns, Error *err) {
    if (files->format == &csv_format) return true;
    Buf casts = buf_on(files->session->arena);
    if (!column_types_put(files->session, files->link, columns, &casts, err)) return false;
    source->casts = buf_text(&casts);
    return true;
}

/* Binding finds what is wrong with the files or the options while it can still be told apart from
 * what is wrong with the step's own SQL. */
static bool bind(const Files *files, FileSource *source, const ReadSpec *spec, Error *err) {
    Columns columns = {0};
    const char *sql = arena_printf(files->session->arena, "SELECT * FROM %s", source->call);
    if (source->columns != NULL)
        columns = *source->columns;
    else if (!duck_describe(files->session->duck, files->session->arena, sql, &columns, err))
        return files_error(files->link, files->paths, err);
    return check_columns(files->link, spec, &columns, err) &&
           put_types(files, source, &columns, err);
}

static bool open_source(const Files *files, const ReadSpec *spec, FileSource *source, Error *err) {
    Arena *arena = files->session->arena;
    Strings escaped = {0};
    if (!files_check_partitions(files, err)) return false;
    for (size_t i = 0; i < files->paths->count; i++)
        strings_add(arena, &escaped, files_escape(arena, files->paths->items[i]));
    FileCall call = {.session = files->session, .link = files->link, .paths = &escaped,
                     .file_column = spec->add_file_column ? file_column : NULL,
                     .bytes = total_bytes(files->paths), .careful = spec->careful,
                     .unreadable = spec->unreadable};
    if (!files->format->source(&call, source, err))
        return files_error(files->link, files->paths, err);
    bool bound = is_plain(files->link, source, spec) && files->format == &csv_format;
    return bound || bind(files, source, spec, err);
}

/* No file, and that is fine: nothing but the types of column_types is known. */
static bool no_rows(const Files *files, Relation *relation, Error *err) {
    const Value *types = link_value(files->link, "column_types");
    if (types == NULL || types->count == 0) {
        error_set(err, ERR_FILE_MISSING, link_span(files->link, "path"),
                  "%s: there is no file, and so no columns", files->link->name);
        return error_hint(err, "with \"allow_empty\": true, name the columns in column_types");
    }
    Buf sql = buf_on(files->session->arena);
    buf_puts(&sql, "(SELECT ");
    for (size_t i = 0; i < types->count; i++) {
        const char *type = value_text(types->members[i].value);
        if (!column_type_is(type))
            return error_set(err, ERR_OPTION_VALUE, types->members[i].value->span,
                             "'%s' is no type", type);
        buf_printf(&sql, "%sCAST(NULL AS %s) AS ", i > 0 ? ", " : "", type);
        buf_ident(&sql, types->members[i].key);
    }
    buf_puts(&sql, " WHERE false)");
    *relation = (Relation){.sql = buf_text(&sql), .bounded = true};
    return true;
}

bool files_relation_of(const Files *files, const ReadSpec *spec, Relation *relation, Error *err) {
    FileSource source = {0};
    *relation = (Relation){0};
    if (files->paths->count == 0) return no_rows(files, relation, err);
    if (!files_check_whole(files, err) || !open_source(files, spec, &source, err)) return false;
    bool plain = is_plain(files->link, &source, spec);
    relation->sql = plain ? source.call
                          : build(files->session->arena, files->link, &source, spec);
    relation->bounded = spec->lower != NULL;
    relation->guessed = source.guessed;
    return files_watch(files, &source, relation, err);
}

bool files_schema_of(const Files *files, Columns *columns, Error *err) {
    ReadSpec spec = {0};
    FileSource source = {0};
    Arena *arena = files->session->arena;
    if (files->paths->count == 0) return true;
    if (!open_source(files, &spec, &source, err)) return false;
    const char *sql = is_plain(files->link, &source, &spec)
                          ? source.call
                          : build(arena, files->link, &source, &spec);
    return duck_describe(files->session->duck, arena, arena_printf(arena, "SELECT * FROM %s", sql),
                         columns, err) ||
           files_error(files->link, files->paths, err);
}
