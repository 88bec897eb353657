/* YAML: libyaml's events made into a Value tree with spans. Profiles and test files are read with
 * it. Anchors, aliases and tags are refused, so a small file cannot unfold into a huge tree. What
 * keys mean is the callers' business. */
#include <string.h>
#include <yaml.h>

#include "project/project.h"

enum { DEPTH_MAX = 64 };

/* An open map or list. */
typedef struct Frame {
    Value *value;
    Map keys;        /* of a map: key → its Value, to find the ones given twice */
    const char *key; /* of a map: read, its value still to come */
    Span key_span;
} Frame;

typedef struct Reader {
    Arena *arena;
    const SourceText *source;
    Error *err;
    size_t chars, bytes; /* the place asked for last: libyaml counts characters, spans bytes */
    Frame frames[DEPTH_MAX];
    size_t depth;
    Value *root;
} Reader;

static void parser_cleanup(yaml_parser_t *parser) { yaml_parser_delete(parser); }
static void event_cleanup(yaml_event_t *event) { yaml_event_delete(event); }

static bool is_inside_char(const Reader *reader, size_t at) {
    return ((unsigned char)reader->source->text[at] & 0xc0) == 0x80;
}

/* Marks come nearly in order, so walking from the last one is linear in all. */
static size_t byte_at(Reader *reader, size_t chars) {
    while (reader->chars < chars && reader->bytes < reader->source->size) {
        do reader->bytes++;
        while (reader->bytes < reader->source->size && is_inside_char(reader, reader->bytes));
        reader->chars++;
    }
    while (reader->chars > chars && reader->bytes > 0) {
        do reader->bytes--;
        while (reader->bytes > 0 && is_inside_char(reader, reader->bytes));
        reader->chars--;
    }
    return reader->bytes;
}

static Span event_span(Reader *reader, const yaml_event_t *event) {
    size_t start = byte_at(reader, event->start_mark.index);
    size_t end = byte_at(reader, event->end_mark.index);
    const char *text = reader->source->text;
    /* Block scalars and empty values end in front of the next token. */
    while (end > start && strchr(" \t\r\n", text[end - 1]) != NULL) end--;
    return span_of(reader->source, start, end);
}

/* One character, or nothing at the end of a line. */
static Span char_span(const Reader *reader, size_t start) {
    size_t end = start, size = reader->source->size;
    if (end < size && strchr("\r\n", reader->source->text[end]) == NULL) end++;
    while (end < size && is_inside_char(reader, end)) end++;
    return span_of(reader->source, start, end);
}

/* libyaml's reasons in plain words. */
static const struct {
    const char *reason, *message, *hint;
} reasons[] = {
    {"did not find expected key", "a key (`name:`) is expected here",
     "check the indentation: keys of one level start in the same column"},
    {"did not find expected '-' indicator", "a list item (`- …`) is expected here",
     "check the indentation: items of one list start in the same column"},
    {"mapping values are not allowed in this context", "a `:` cannot stand here",
     "quote a value that holds `: `; check the indentation and the `:` of the line above"},
    {"block sequence entries are not allowed in this context", "a list item cannot stand here",
     "start the list on a line of its own below its key"},
    {"block mapping entries are not allowed in this context", "a key cannot stand here", ""},
    {"found character that cannot start any token", "this character cannot start a value",
     "indent with blanks, not tabs, and quote values that start with @, ` or %"},
    {"could not find expected ':'", "a `:` is missing behind the key on this line or the one above",
     "keys are written `name: value`, with a blank behind the colon"},
    {"found unexpected end of stream", "this quote is never closed", "close the quote"},
    {"found unexpected document indicator", "this quote is never closed", "close the quote"},
    {"did not find expected ',' or '}'", "a `,` or `}` is expected here",
     "inside {…} quote values that hold any of {}[],"},
    {"did not find expected ',' or ']'", "a `,` or `]` is expected here",
     "inside […] quote values that hold any of {}[],"},
    {"found unknown escape character", "there is no such escape in a \"…\" value",
     "write \\\\ for a backslash, or put the value into single quotes"},
    {"did not find expected <document start>", "only one document is allowed here", ""},
    {"control characters are not allowed", "a control character is not allowed here",
     "remove it, or write it as an escape in a \"…\" value"},
};

static bool syntax_error(Reader *reader, const yaml_parser_t *parser) {
    const char *message = parser->problem ? parser->problem : "it cannot be read", *hint = "";
    size_t at = parser->error == YAML_READER_ERROR ? parser->problem_offset
                                                   : byte_at(reader, parser->problem_mark.index);
    if (at > reader->source->size) at = reader->source->size;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (!str_eq(message, reasons[i].reason)) continue;
        /* At the end of the file the opening quote is the place to look at. */
        if (str_starts(reasons[i].message, "this quote"))
            at = byte_at(reader, parser->context_mark.index);
        message = reasons[i].message;
        hint = reasons[i].hint;
        break;
    }
    error_set(reader->err, ERR_PROFILE, char_span(reader, at), "malformed YAML: %s", message);
    return error_hint(reader->err, "%s", hint);
}

static bool refuse(Reader *reader, Span span, const char *what, const char *hint) {
    error_set(reader->err, ERR_PROFILE, span, "%s", what);
    return error_hint(reader->err, "%s", hint);
}

static bool add_value(Reader *reader, Value *value) {
    if (reader->depth == 0) {
        reader->root = value;
        return true;
    }
    Frame *frame = &reader->frames[reader->depth - 1];
    value_add(reader->arena, frame->value, frame->key, frame->key_span, value);
    frame->key = NULL;
    return true;
}

/* Keys compare without case, as names do everywhere. */
static bool set_key(Reader *reader, Frame *frame, const char *key, Span span) {
    Span *first = map_get(&frame->keys, key);
    if (first != NULL) {
        error_set(reader->err, ERR_PROFILE, span, "the key '%s' is given twice, first in line %u",
                  key, span_position(*first).line);
        return error_hint(reader->err, "remove one of them; keys are compared without case");
    }
    Span *kept = ARENA_NEW(reader->arena, Span);
    *kept = span;
    map_set(&frame->keys, key, kept);
    frame->key = arena_strdup(reader->arena, key);
    frame->key_span = span;
    return true;
}

static bool wants_key(const Reader *reader) {
    if (reader->depth == 0) return false;
    const Frame *frame = &reader->frames[reader->depth - 1];
    return frame->value->kind == VALUE_OBJECT && frame->key == NULL;
}

/* Plain scalars by the core schema; anything quoted is text. */
static Value *scalar_value(Reader *reader, const char *text, bool plain, Span span) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    if (plain && str_in(text, nulls)) return value_new(reader->arena, VALUE_NULL, span);
    if (plain && (str_in(text, trues) || str_in(text, falses))) {
        Value *value = value_new(reader->arena, VALUE_BOOL, span);
        value->boolean = str_in(text, trues);
        return value;
    }
    Value *value = value_string(reader->arena, arena_strdup(reader->arena, text), span);
    if (plain && str_is_json_number(text)) value->kind = VALUE_NUMBER;
    return value;
}

static bool scalar(Reader *reader, const yaml_event_t *event, Span span) {
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return refuse(reader, span, "a value cannot hold a NUL character", "");
    if (wants_key(reader))
        return set_key(reader, &reader->frames[reader->depth - 1], text, span);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return add_value(reader, scalar_value(reader, text, plain, span));
}

static bool open_frame(Reader *reader, ValueKind kind, Span span) {
    if (wants_key(reader))
        return refuse(reader, char_span(reader, span.start), "a key must be a simple text",
                      "quote a key or value that starts with { or [, such as \"{…}\"");
    if (reader->depth == DEPTH_MAX)
        return refuse(reader, char_span(reader, span.start), "nested more than 64 levels deep", "");
    Value *value = value_new(reader->arena, kind, span);
    add_value(reader, value);
    reader->frames[reader->depth++] = (Frame){.value = value, .keys = map_on(reader->arena)};
    return true;
}

static bool close_frame(Reader *reader, Span span) {
    Value *value = reader->frames[--reader->depth].value;
    /* Only flow style has a bracket that ends it. */
    if (span.end > span.start)
        value->span.end = span.end;
    else if (value->count > 0)
        value->span.end = value->members[value->count - 1].value->span.end;
    return true;
}

static bool has_extras(Reader *reader, const yaml_event_t *event, Span span) {
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT)
        anchor = event->data.scalar.anchor, tag = event->data.scalar.tag;
    else if (event->type == YAML_MAPPING_START_EVENT)
        anchor = event->data.mapping_start.anchor, tag = event->data.mapping_start.tag;
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        anchor = event->data.sequence_start.anchor, tag = event->data.sequence_start.tag;
    if (anchor != NULL)
        refuse(reader, char_span(reader, span.start), "YAML anchors (&name) are not supported",
               "write the values out, or quote text that starts with &");
    else if (tag != NULL)
        refuse(reader, char_span(reader, span.start), "YAML tags (!name) are not supported",
               "remove the tag, or quote text that starts with !");
    return anchor != NULL || tag != NULL;
}

static bool take_event(Reader *reader, const yaml_event_t *event) {
    Span span = event_span(reader, event);
    if (has_extras(reader, event, span)) return false;
    switch (event->type) {
        case YAML_DOCUMENT_START_EVENT:
            return reader->root == NULL ||
                   refuse(reader, span, "only one document is allowed here", "remove the `---`");
        case YAML_ALIAS_EVENT:
            return refuse(reader, span, "YAML aliases (*name) are not supported",
                          "write the values out, or quote text that starts with *");
        case YAML_SCALAR_EVENT: return scalar(reader, event, span);
        case YAML_SEQUENCE_START_EVENT: return open_frame(reader, VALUE_ARRAY, span);
        case YAML_MAPPING_START_EVENT: return open_frame(reader, VALUE_OBJECT, span);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT: return close_frame(reader, span);
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT: break;
    }
    return true;
}

static bool is_text(Reader *reader) {
    const SourceText *source = reader->source;
    size_t bad = utf8_invalid_at(source->text, source->size);
    if (bad < source->size)
        return refuse(reader, span_of(source, bad, bad + 1), "this is not valid UTF-8",
                      "save the file as UTF-8");
    const char *nul = memchr(source->text, '\0', source->size);
    if (nul == NULL) return true;
    size_t at = (size_t)(nul - source->text);
    return refuse(reader, span_of(source, at, at + 1), "the file holds a NUL byte",
                  "save the file as UTF-8 text");
}

Value *yaml_read(Arena *arena, const SourceText *source, Error *err) {
    Reader *reader = ARENA_NEW(arena, Reader);
    *reader = (Reader){.arena = arena, .source = source, .err = err};
    if (!is_text(reader)) return NULL;
    __attribute__((cleanup(parser_cleanup))) yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        memset(&parser, 0, sizeof parser);
        error_set(err, ERR_INTERNAL, SPAN_NONE, "libyaml cannot start");
        return NULL;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)source->text,
                                 source->size);
    for (;;) {
        __attribute__((cleanup(event_cleanup))) yaml_event_t event;
        memset(&event, 0, sizeof event);
        if (!yaml_parser_parse(&parser, &event)) {
            syntax_error(reader, &parser);
            return NULL;
        }
        if (event.type == YAML_STREAM_END_EVENT) break;
        if (!take_event(reader, &event)) return NULL;
    }
    if (reader->root == NULL)
        reader->root = value_new(arena, VALUE_NULL, span_of(source, 0, 0));
    return reader->root;
}
