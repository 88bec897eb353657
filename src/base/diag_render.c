/* Diagnostics for people: the message, the place, the line with a caret, the hint. See diag.h. */
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/redact.h"
#include "base/str.h"

/* REACH: how many bytes of a very long line are looked at to either side of the caret. */
enum { TAB = 4, WIDTH = 96, MARGIN = 24, REACH = 4096 };

typedef struct Style {
    const char *title, *frame, *bold, *off;
} Style;

static Style style_of(Severity severity, bool color) {
    if (!color) return (Style){"", "", "", ""};
    return (Style){severity == SEVERITY_ERROR ? "\033[1;31m" : "\033[1;33m", "\033[1;34m",
                   "\033[1m", "\033[0m"};
}

/* One character of a line: its bytes and the columns it takes on a terminal. */
static size_t char_size(const char *text, size_t left) {
    size_t size = 1;
    while (size < left && ((unsigned char)text[size] & 0xc0) == 0x80) size++;
    return size;
}

static unsigned code_point(const char *text, size_t size) {
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    if (size > 4) return 0;
    unsigned code = (unsigned char)text[0] & masks[size];
    for (size_t i = 1; i < size; i++) code = (code << 6) | ((unsigned char)text[i] & 0x3f);
    return code;
}

static size_t char_width(const char *text, size_t size) {
    unsigned code = code_point(text, size);
    if (code >= 0x300 && code <= 0x36f) return 0;
    bool wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd);
    return wide ? 2 : 1;
}

/* The text as it is printed: tabs as blanks, control characters and what is not UTF-8 as ?.
 * Gives its columns. */
static size_t put_visible(Buf *out, const char *text, size_t size, size_t column) {
    size_t start = column;
    for (size_t i = 0, bytes; i < size; i += bytes) {
        bytes = char_size(text + i, size - i);
        if (text[i] == '\t') {
            do buf_putc(out, ' ');
            while (++column % TAB != 0);
        } else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f ||
                   utf8_invalid_at(text + i, bytes) < bytes) {
            buf_putc(out, '?');
            column++;
        } else {
            buf_put(out, text + i, bytes);
            column += char_width(text + i, bytes);
        }
    }
    return column - start;
}

/* The source line as shown, cut around the marked columns when it is long. */
typedef struct Line {
    const char *text;
    size_t caret, marked; /* columns before the caret, and under it */
} Line;

static const char *clip(Arena *arena, const char *text, size_t from) {
    Buf out = buf_on(arena);
    size_t column = 0, size = strlen(text), bytes;
    if (from > 0) buf_puts(&out, "…");
    for (size_t i = 0; i < size; i += bytes) {
        bytes = char_size(text + i, size - i);
        size_t width = char_width(text + i, bytes);
        if (column >= from + WIDTH) {
            buf_puts(&out, "…");
            break;
        }
        if (column >= from) buf_put(&out, text + i, bytes);
        column += width;
    }
    return buf_text(&out);
}

/* Secrets are masked in the whole line; what stands before the caret is masked alike, so that the
 * caret stays below its text. */
static Line line_of(Arena *arena, Span span) {
    const char *text = span.source->text;
    size_t size = span.source->size, start = span.start < size ? span.start : size, end = start;
    size_t first = start > REACH ? start - REACH : 0;
    size_t last = size - end > REACH ? end + REACH : size;
    while (start > first && text[start - 1] != '\n') start--;
    while (start == first && start < end && ((unsigned char)text[start] & 0xc0) == 0x80)
        first = ++start;
    while (end < last && text[end] != '\n') end++;
    if (end > start && text[end - 1] == '\r') end--;
    size_t mark = span.start < end ? span.start : end;
    size_t mark_end = span.end < end ? span.end : end;
    const char *before = redact_text(arena, arena_strndup(arena, text + start, mark - start));
    const char *marked = redact_text(arena, arena_strndup(arena, text + mark,
                                                          mark_end > mark ? mark_end - mark : 0));
    const char *whole = redact_text(arena, arena_strndup(arena, text + start, end - start));
    Buf shown = buf_on(arena), rest = buf_on(arena);
    size_t columns = put_visible(&shown, whole, strlen(whole), 0);
    Line line = {.caret = put_visible(&rest, before, strlen(before), 0)};
    line.marked = put_visible(&rest, marked, strlen(marked), line.caret);
    line.text = buf_text(&shown);
    if (columns <= WIDTH) return line;
    size_t from = line.caret > WIDTH - MARGIN ? line.caret - MARGIN : 0;
    line.text = clip(arena, line.text, from);
    line.caret = line.caret - from + (from > 0 ? 1 : 0);
    if (line.caret + line.marked > WIDTH) line.marked = WIDTH - line.caret;
    return line;
}

static void put_place(Buf *out, const Diag *diag, int gutter, const Style *style) {
    AUTO_ARENA scratch = arena_new();
    Position position = span_position(diag->span);
    Line line = line_of(scratch, diag->span);
    const char *frame = style->frame, *off = style->off;
    buf_printf(out, "%*s%s-->%s %s:%u:%u\n", gutter + 1, "", frame, off, diag->span.source->name,
               position.line, position.column);
    buf_printf(out, "%s%*s |%s\n", frame, gutter + 1, "", off);
    buf_printf(out, "%s %*u |%s%s%s\n", frame, gutter, position.line, off,
               *line.text == '\0' ? "" : " ", line.text);
    buf_printf(out, "%s%*s |%s %*s%s", frame, gutter + 1, "", off, (int)line.caret, "",
               style->title);
    for (size_t i = 0; i == 0 || i < line.marked; i++) buf_putc(out, '^');
    buf_printf(out, "%s\n", off);
}

/* "   = hint: …", further lines below the first. */
static void put_note(Buf *out, const char *name, const char *text, int gutter, const Style *style) {
    if (text == NULL || *text == '\0') return;
    buf_printf(out, "%s%*s =%s %s%s:%s ", style->frame, gutter + 1, "", style->off, style->bold,
               name, style->off);
    for (const char *c = redact_text(out->arena, text); *c; c++) {
        buf_putc(out, *c);
        if (*c == '\n') buf_printf(out, "%*s", gutter + 6 + (int)strlen(name), "");
    }
    buf_putc(out, '\n');
}

void diag_render(Buf *out, const Diag *diag, bool color) {
    Style style = style_of(diag->severity, color);
    int gutter = snprintf(NULL, 0, "%u", span_position(diag->span).line);
    buf_printf(out, "%s%s[%s]%s%s: %s%s\n", style.title,
               diag->severity == SEVERITY_ERROR ? "error" : "warning",
               diag_code(out->arena, diag->code), style.off, style.bold,
               redact_text(out->arena, diag->message), style.off);
    if (diag->span.source != NULL) put_place(out, diag, gutter, &style);
    put_note(out, "step", diag->step, gutter, &style);
    put_note(out, "hint", diag->hint, gutter, &style);
}
