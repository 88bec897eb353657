/* Names: splitting, joining and quoting them. See name.h. */
#include "lang/name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "lang/lexer.h"

/* DuckDB's keywords that cannot stand bare where a table or column is named, sorted. */
static const char *const keywords[] = {
    "all",
    "analyse",
    "analyze",
    "and",
    "anti",
    "any",
    "array",
    "as",
    "asc",
    "asof",
    "asymmetric",
    "at",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "by",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "columns",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "describe",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "generated",
    "glob",
    "group",
    "grouping",
    "grouping_id",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lambda",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "map",
    "national",
    "natural",
    "nchar",
    "none",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "pivot",
    "pivot_longer",
    "pivot_wider",
    "placing",
    "position",
    "positional",
    "precision",
    "primary",
    "qualify",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "semi",
    "setof",
    "show",
    "similar",
    "smallint",
    "some",
    "struct",
    "substring",
    "summarize",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "try_cast",
    "union",
    "unique",
    "unpack",
    "unpivot",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
};

static bool is_letter(const char *text) {
    unsigned char c = (unsigned char)*text;
    return isalpha(c) || c == '_' || (c >= 0x80 && unicode_blank(text) == 0);
}

static size_t bare_size(const char *text) {
    if (!is_letter(text)) return 0;
    size_t size = 1;
    while (is_letter(text + size) || isdigit((unsigned char)text[size])) size++;
    return size;
}

bool name_is_bare(const char *text) {
    size_t size = bare_size(text);
    return size > 0 && text[size] == '\0';
}

/* One part at *text, which moves behind it; NULL when there is none. */
static const char *take_part(Arena *arena, const char **text) {
    if (**text != '"') {
        size_t size = bare_size(*text);
        /* DuckDB allows $ inside bare names. */
        while (size > 0 && (is_letter(*text + size) || isdigit((unsigned char)(*text)[size]) ||
                            ((*text)[size] == '$' && (*text)[size + 1] != '{')))
            size++;
        const char *part = size == 0 ? NULL : arena_strndup(arena, *text, size);
        *text += size;
        return part;
    }
    Buf part = buf_on(arena);
    for (const char *c = *text + 1; *c; c++) {
        if (*c == '"' && *++c != '"') {
            *text = c;
            return part.size == 0 ? NULL : buf_text(&part);
        }
        buf_putc(&part, *c);
    }
    return NULL;
}

static void skip_blanks(const char **text) {
    while (isspace((unsigned char)**text)) ++*text;
}

bool name_split(Arena *arena, const char *text, Strings *parts) {
    *parts = (Strings){0};
    for (;;) {
        skip_blanks(&text);
        const char *part = take_part(arena, &text);
        if (part == NULL) return false;
        strings_add(arena, parts, part);
        skip_blanks(&text);
        if (*text == '\0') return true;
        if (*text++ != '.') return false;
    }
}

static int compare(const void *key, const void *item) {
    return strcmp(key, *(const char *const *)item);
}

static bool is_keyword(Arena *arena, const char *text) {
    return bsearch(str_lower(arena, text), keywords, sizeof keywords / sizeof *keywords,
                   sizeof *keywords, compare) != NULL;
}

const char *name_quote_if_needed(Arena *arena, const char *part) {
    return name_is_bare(part) && !is_keyword(arena, part) ? part : sql_ident(arena, part);
}

const char *name_join(Arena *arena, const Strings *parts) {
    Buf out = buf_on(arena);
    for (size_t i = 0; i < parts->count; i++) {
        if (i > 0) buf_putc(&out, '.');
        buf_puts(&out, name_quote_if_needed(arena, parts->items[i]));
    }
    return buf_text(&out);
}
