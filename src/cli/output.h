/* Output: what goes to stdout and stderr, in the form that the command line asks for.
 * Every text passes redact. A reader that went away (EPIPE) is no error. */
#ifndef SQLFLOW_CLI_OUTPUT_H
#define SQLFLOW_CLI_OUTPUT_H

#include "base/diag.h"
#include "cli/command.h"

/* Text for people to stdout; nothing with -q, or when a document was asked for. */
void out_text(Cli *cli, const char *text);
void out_printf(Cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* From here on only this program's own output reaches stdout: what the processes and libraries of
 * Python functions write there goes to stderr. */
void out_keep(void);
/* A document or data to stdout; a newline is added when there is none. -q drops it only when the
 * form was not asked for. */
void out_document(Cli *cli, const Buf *document);
void out_data(Cli *cli, const char *data, size_t size);
/* A note for people to stderr; nothing with -q. */
void note(Cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reports an error (text to stderr, or the document to stdout) and returns its exit code. */
int fail(Cli *cli, const Error *err);
int fail_usage(Cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reports all of them; the first error is the document's. Returns the exit code. */
int fail_diags(Cli *cli, Diags *diags);
/* Diagnostics to stderr only, as text or as log events; warnings not with -q. */
void show_diags(Cli *cli, const Diags *diags);
/* The same as log events only: where show_diags writes text, for the run's log. */
void log_diags(const Diags *diags);
/* One diagnostic more in an array of the document. */
void json_diags(JsonWriter *json, const char *key, const Diags *diags);
void json_diag(Cli *cli, JsonWriter *json, const char *key, const Diag *diag);
/* The member `error` of a command that failed: the error that decides the exit code, if any. */
void json_error(Cli *cli, JsonWriter *json, const Diags *diags);

/* The text of an object's scalar member; NULL when it is not there or no scalar. */
const char *member_text(const Value *object, const char *key);

/* A document `{"schema_version":1, …` under way. */
typedef struct Document {
    Buf buf;
    JsonWriter json;
} Document;
void document_start(Document *document, Cli *cli);
int document_end(Document *document, Cli *cli); /* prints; returns 0 */

/* Help of a command, or of all when it is NULL, in the form that is asked for; returns 0. */
int help_show(Cli *cli, const char *path, const Command *command);

/* A question on the terminal; false with ERR_USAGE when stdin is none. `hidden`: no echo. */
bool prompt(Cli *cli, const char *question, bool hidden, const char **answer, Error *err);
bool can_prompt(void);

/* A table of text: columns as wide as their widest cell, two blanks between. */
typedef struct Table {
    Arena *arena;
    size_t columns;
    Strings cells;            /* the header first, row by row */
    unsigned long long right; /* bit i: column i is right-aligned */
} Table;
Table table_new(Arena *arena, const char *header); /* "NAME|TYPE|>ROWS": > aligns right */
void table_cell(Table *table, const char *text);   /* NULL: empty */
void table_cellf(Table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(Cli *cli, const Table *table);

/* A copy with blanks for control characters, which would break lines and columns. */
char *one_line(Arena *arena, const char *text);
/* Columns that a text takes on a terminal, roughly: characters, combining ones not counted. */
size_t text_width(const char *text);
void buf_pad(Buf *buf, const char *text, size_t width, bool right);

#endif
