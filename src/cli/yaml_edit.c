/* Edits a profile line by line. See yaml_edit.h.
 * The tree tells where keys stand; lines are cut and put in between, so that everything else stays
 * as its author wrote it. The caller reads the result again before it is saved. */
#include "cli/yaml_edit.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"

/* -- lines ------------------------------------------------------------------------------- */

static size_t line_start(const char *text, size_t at) {
    while (at > 0 && text[at - 1] != '\n') at--;
    return at;
}

static size_t next_line(const char *text, size_t at) {
    at += strcspn(text + at, "\n");
    return at + (text[at] == '\n');
}

static size_t indent_of(const char *text, size_t line) { return strspn(text + line, " "); }

static bool is_blank(const char *text, size_t line) {
    size_t at = line + strspn(text + line, " \t\r");
    return text[at] == '\n' || text[at] == '\0' || text[at] == '#';
}

/* The end of the block below the key in `line`: behind the last line that is indented deeper.
 * Blank lines and comments behind it belong to what follows. */
static size_t block_end(const char *text, size_t line) {
    size_t indent = indent_of(text, line), end = next_line(text, line);
    for (size_t at = end; text[at] != '\0'; at = next_line(text, at)) {
        if (is_blank(text, at)) continue;
        if (indent_of(text, at) <= indent) break;
        end = next_line(text, at);
    }
    return end;
}

/* -- the section ------------------------------------------------------------------------- */

static const Member *member(const Value *object, const char *key) {
    for (size_t i = 0; object != NULL && object->kind == VALUE_OBJECT && i < object->count; i++)
        if (str_ieq(object->members[i].key, key)) return &object->members[i];
    return NULL;
}

/* A lone wrapper key around the whole profile is looked through. */
static const Value *unwrapped(const Value *root) {
    static const char *const known[] = {"engines", "variables", "connections", "connectors",
                                        "python",  "paths",     "logging",     NULL};
    if (root->kind != VALUE_OBJECT || root->count != 1) return root;
    if (str_iin(root->members[0].key, known)) return root;
    const Value *inner = root->members[0].value;
    return inner->kind == VALUE_OBJECT ? inner : root;
}

static const Member *section_of(const Value *root) {
    const Member *section = member(unwrapped(root), "connections");
    return section != NULL ? section : member(unwrapped(root), "connectors");
}

static bool by_hand(Error *err, const char *why) {
    error_set(err, ERR_PROFILE, SPAN_NONE, "this profile cannot be edited: %s", why);
    return error_hint(err, "edit it by hand");
}

/* -- writing ----------------------------------------------------------------------------- */

static bool is_plain(const char *text) {
    static const char *const no_texts[] = {"null", "yes", "no", "on", "off", "~", NULL};
    if (str_iin(text, no_texts)) return false;
    if (str_is_json_number(text)) return true;
    if (!isalpha((unsigned char)*text) && *text != '/' && *text != '_') return false;
    for (const char *c = text; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("_-./", *c) == NULL) return false;
    return true;
}

const char *yaml_scalar(Arena *arena, const char *text) {
    if (is_plain(text)) return text;
    Buf out = buf_on(arena);
    buf_putc(&out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') buf_putc(&out, '\\');
        if ((unsigned char)*c < 0x20)
            buf_printf(&out, "\\x%02x", (unsigned)(unsigned char)*c);
        else
            buf_putc(&out, *c);
    }
    buf_putc(&out, '"');
    return buf_text(&out);
}

static void write_entry(Buf *out, size_t indent, const char *name, const YamlPairs *pairs) {
    buf_printf(out, "%*s%s:\n", (int)indent, "", yaml_scalar(out->arena, name));
    for (size_t i = 0; i < pairs->count; i++)
        buf_printf(out, "%*s%s: %s\n", (int)indent + 2, "", pairs->items[i].key,
                   yaml_scalar(out->arena, pairs->items[i].value));
}

static void put_text(Buf *out, const char *text, size_t size) {
    buf_put(out, text, size);
    if (out->size > 0 && out->data[out->size - 1] != '\n') buf_putc(out, '\n');
}

/* `connections:` and `connections: {}` hold nothing: the line is written anew. */
static bool is_empty(const Value *value) {
    return value->kind == VALUE_NULL || (value->kind == VALUE_OBJECT && value->count == 0);
}

/* The key's line with nothing but `value` behind it; a comment at its end stays. */
static void key_line(Buf *out, const char *text, const Member *section, const char *value) {
    size_t end = section->key_span.end;
    const char *rest = text + end;
    const char *comment = memchr(rest, '#', strcspn(rest, "\n"));
    buf_put(out, text, end);
    buf_printf(out, ":%s", value);
    if (comment != NULL) buf_printf(out, "  %.*s", (int)strcspn(comment, "\r\n"), comment);
    buf_putc(out, '\n');
}

static void add_to_empty(Buf *out, const char *text, const Member *section, const char *name,
                         const YamlPairs *pairs) {
    size_t line = line_start(text, section->key_span.start);
    size_t indent = section->key_span.start - line;
    key_line(out, text, section, "");
    write_entry(out, indent + 2, name, pairs);
    buf_puts(out, text + next_line(text, line));
}

const char *yaml_add_connection(Arena *arena, const char *text, const Value *root, const char *name,
                                const YamlPairs *pairs, Error *err) {
    Buf out = buf_on(arena);
    const Member *section = section_of(root);
    if (section == NULL) {
        const Value *inner = unwrapped(root);
        size_t indent = 0;
        if (inner != root && inner->count > 0) {
            size_t start = inner->members[0].key_span.start;
            indent = start - line_start(text, start);
        }
        put_text(&out, text, strlen(text));
        buf_printf(&out, "%*sconnections:\n", (int)indent, "");
        write_entry(&out, indent + 2, name, pairs);
    } else if (is_empty(section->value)) {
        add_to_empty(&out, text, section, name, pairs);
    } else {
        size_t line = line_start(text, section->key_span.start);
        size_t first = section->value->members[0].key_span.start;
        if (line_start(text, first) == line)
            return by_hand(err, "its connections stand in braces on one line"), NULL;
        size_t end = block_end(text, line);
        put_text(&out, text, end);
        write_entry(&out, first - line_start(text, first), name, pairs);
        buf_puts(&out, text + end);
    }
    return buf_text(&out);
}

const char *yaml_remove_connection(Arena *arena, const char *text, const Value *root,
                                   const char *name, Error *err) {
    const Member *section = section_of(root);
    const Member *entry = section == NULL ? NULL : member(section->value, name);
    if (entry == NULL) return by_hand(err, "the connection was not found in its text"), NULL;
    size_t section_line = line_start(text, section->key_span.start);
    size_t line = line_start(text, entry->key_span.start);
    if (line == section_line)
        return by_hand(err, "its connections stand in braces on one line"), NULL;
    Buf out = buf_on(arena);
    if (section->value->count == 1) {
        key_line(&out, text, section, " {}");
        buf_put(&out, text + next_line(text, section_line), line - next_line(text, section_line));
    } else {
        buf_put(&out, text, line);
    }
    buf_puts(&out, text + block_end(text, line));
    return buf_text(&out);
}
