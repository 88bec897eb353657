/* Pipeline: names of tables, and the way from a place in substituted SQL back to the file. */
#include "plan/pipeline.h"

#include <ctype.h>
#include <string.h>

TableName table_name(Arena *arena, const char *schema, const char *name, Span span) {
    if (schema != NULL && str_ieq(schema, "main")) schema = NULL;
    TableName table = {.schema = schema, .name = name, .span = span};
    Buf sql = buf_on(arena);
    if (schema != NULL) {
        buf_ident(&sql, schema);
        buf_putc(&sql, '.');
    }
    buf_ident(&sql, name);
    table.sql = buf_text(&sql);
    bool dotted = strchr(name, '.') != NULL || (schema != NULL && strchr(schema, '.') != NULL);
    table.key = str_lower(arena, dotted           ? table.sql
                                 : schema == NULL ? name
                                                  : arena_printf(arena, "%s.%s", schema, name));
    return table;
}

static bool is_word_char(char c) {
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Behind the word that starts at `at`: names, variables and quoted texts that touch, or one
 * character. */
static uint32_t word_end(const SourceText *source, uint32_t at, uint32_t limit) {
    const char *text = source->text;
    uint32_t end = at;
    while (end < limit) {
        char quote = text[end];
        if (text[end] == '$' && text[end + 1] == '{') {
            while (end < limit && text[end] != '}') end++;
            if (end < limit) end++;
        } else if (end == at && (quote == '"' || quote == '\'')) {
            end++;
            while (end < limit && text[end] != quote) end++;
            if (end < limit) end++;
        } else if (is_word_char(text[end])) {
            end++;
        } else {
            break;
        }
    }
    if (end == at && end < limit) end++;
    return end;
}

/* The last segment that starts at or before the offset; the SQL has one at 0. */
static const struct SqlSegment *segment_at(const SqlText *text, uint32_t offset) {
    size_t low = 0, high = text->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (text->segments[middle].sql_start <= offset)
            low = middle;
        else
            high = middle;
    }
    return &text->segments[low];
}

Span sqltext_span(const SqlText *text, int64_t offset) {
    if (text->span.source == NULL || text->segment_count == 0 || offset < 0 || text->sql == NULL ||
        (uint64_t)offset > strlen(text->sql))
        return text->span;
    const struct SqlSegment *segment = segment_at(text, (uint32_t)offset);
    uint32_t start = segment->file_start;
    if (!segment->substituted) start += (uint32_t)offset - segment->sql_start;
    if (start >= text->span.end) start = text->span.end > 0 ? text->span.end - 1 : 0;
    return span_of(text->span.source, start, word_end(text->span.source, start, text->span.end));
}

bool step_is_incremental(const Step *step) {
    return step->mode == MODE_INCREMENTAL || (step->source != NULL && step->source->incremental);
}
