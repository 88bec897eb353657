/* Tables of text, and questions on the terminal. See output.h.
 * Tables are small (lists of things in a project); the rows of queries are streamed elsewhere. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/output.h"

size_t text_width(const char *text) {
    size_t width = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if ((*c & 0xC0) == 0x80) continue;
        /* U+0300…U+036F are put upon the letter before them. */
        bool combining = (*c == 0xCC && c[1] >= 0x80) || (*c == 0xCD && c[1] <= 0xAF);
        width += !combining;
    }
    return width;
}

void buf_pad(Buf *buf, const char *text, size_t width, bool right) {
    size_t own = text_width(text);
    size_t blanks = own < width ? width - own : 0;
    if (!right) buf_puts(buf, text);
    for (size_t i = 0; i < blanks; i++) buf_putc(buf, ' ');
    if (right) buf_puts(buf, text);
}

Table table_new(Arena *arena, const char *header) {
    Table table = {.arena = arena};
    for (const char *c = header; *c != '\0'; c += *c == '|') {
        if (*c == '>') {
            table.right |= 1ull << table.columns;
            c++;
        }
        size_t size = strcspn(c, "|");
        strings_add(arena, &table.cells, arena_strndup(arena, c, size));
        table.columns++;
        c += size;
    }
    return table;
}

char *one_line(Arena *arena, const char *text) {
    char *copy = arena_strdup(arena, text);
    for (char *c = copy; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c)) *c = ' ';
    return copy;
}

void table_cell(Table *table, const char *text) {
    strings_add(table->arena, &table->cells, text == NULL ? "" : one_line(table->arena, text));
}

void table_cellf(Table *table, const char *format, ...) {
    va_list args;
    va_start(args, format);
    strings_add(table->arena, &table->cells, arena_vprintf(table->arena, format, args));
    va_end(args);
}

void table_print(Cli *cli, const Table *table) {
    size_t *widths = ARENA_ARRAY(table->arena, size_t, table->columns);
    for (size_t i = 0; i < table->cells.count; i++) {
        size_t width = text_width(table->cells.items[i]);
        if (width > widths[i % table->columns]) widths[i % table->columns] = width;
    }
    Buf out = buf_on(table->arena);
    for (size_t i = 0; i < table->cells.count; i++) {
        size_t column = i % table->columns;
        bool last = column + 1 == table->columns;
        bool right = (table->right >> column & 1) != 0;
        bool header = i < table->columns;
        size_t width = last && !right ? 0 : widths[column];
        if (header && cli->color_out) buf_puts(&out, "\033[1m");
        buf_pad(&out, table->cells.items[i], width, right);
        if (header && cli->color_out) buf_puts(&out, "\033[0m");
        if (!last) buf_puts(&out, "  ");
        while (last && out.size > 0 && out.data[out.size - 1] == ' ') out.size--;
        if (last) buf_putc(&out, '\n');
    }
    out_text(cli, buf_text(&out));
}

/* -- questions --------------------------------------------------------------------------- */

bool can_prompt(void) { return isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0; }

/* Unbuffered, so that nothing of what follows is read ahead. */
static const char *read_line(Arena *arena) {
    Buf line = buf_on(arena);
    char c;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || c == '\n') break;
        buf_putc(&line, c);
    }
    return buf_text(&line);
}

bool prompt(Cli *cli, const char *question, bool hidden, const char **answer, Error *err) {
    if (!can_prompt())
        return error_set(err, ERR_USAGE, SPAN_NONE, "%s must be given: there is no terminal to ask",
                         question);
    fprintf(stderr, "%s: ", question);
    struct termios before, silent;
    bool changed = hidden && tcgetattr(STDIN_FILENO, &before) == 0;
    if (changed) {
        silent = before;
        silent.c_lflag &= (tcflag_t) ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    *answer = read_line(cli->arena);
    if (changed) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fprintf(stderr, "\n");
    }
    return true;
}
