/* Reads PostgreSQL's SQL just far enough to tell words from quotes and comments. */
#include "connectors/postgres/querytext.h"

#include <ctype.h>
#include <string.h>
#include <stdbool.h>

/* Behind the closing `quote`; doubled quotes stay inside, so do backslashed ones in E''. */
static const char *skip_quoted(const char *p, char quote, bool escapes)
{
    for (p++; *p; p++) {
        if (escapes && *p == '\\' && p[1]) p++;
        else if (*p == quote && p[1] == quote) p++;
        else if (*p == quote) return p + 1;
    }
    return p;
}

/* $tag$ … $tag$; NULL when this is no dollar quote. */
static const char *skip_dollar(const char *p)
{
    size_t tag = 1;
    while (isalnum((unsigned char)p[tag]) || p[tag] == '_' || (unsigned char)p[tag] > 127) tag++;
    if (p[tag] != '$' || isdigit((unsigned char)p[1])) return NULL;
    tag++;
    for (const char *end = p + tag; *end; end++)
        if (strncmp(end, p, tag) == 0) return end + tag;
    return p + strlen(p);
}

static const char *skip_comment(const char *p)
{
    if (p[0] == '-' && p[1] == '-') return p + strcspn(p, "\n");
    if (p[0] != '/' || p[1] != '*') return NULL;
    int depth = 1;
    for (p += 2; *p && depth > 0; p++) {
        if (p[0] == '/' && p[1] == '*') depth++, p++;
        else if (p[0] == '*' && p[1] == '/') depth--, p++;
    }
    return p;
}

size_t pg_query_end(const char *query)
{
    const char *end = query, *p = query;
    while (*p) {
        const char *next = skip_comment(p);
        if (next) {
            p = next;
            continue;
        }
        if (*p == ';' || isspace((unsigned char)*p)) {
            p++;
            continue;
        }
        bool escapes = *p == '\'' && p > query && (p[-1] == 'E' || p[-1] == 'e');
        if (*p == '\'' || *p == '"') next = skip_quoted(p, *p, escapes);
        else if (*p == '$') next = skip_dollar(p);
        end = p = next ? next : p + 1;
    }
    return (size_t)(end - query);
}
