/* From text to tree: the language room's public face.
 *
 *   SourceText → lexer → parser → Script (INCLUDEs expanded)
 *
 * Knows no DuckDB, no project, no variables' values. All problems of a text go to Diags in one
 * go; a Script is returned even then, with what could be read. */
#ifndef SQLFLOW_LANG_LANG_H
#define SQLFLOW_LANG_LANG_H

#include "lang/ast.h"

/* Checks encoding (BOM, NUL, UTF-8) and parses one text. After an error the parser goes on behind
 * the next ';' outside quotes and parentheses. */
Block lang_parse(Arena *arena, const SourceText *source, Diags *diags);

/* How lang_load gets at the world: `variable` gives the value of a variable for an INCLUDE
 * path (command line, profile and environment only; NULL when unknown), `read` reads a file. */
typedef struct IncludeHost {
    void *context;
    const char *(*variable)(void *context, const char *name);
    /* Text in the arena, or NULL with err filled. `path` is relative to the working folder. */
    SourceText *(*read)(void *context, Arena *arena, const char *path, Error *err);
} IncludeHost;

/* Parses the text and everything it INCLUDEs (branches too). `path` is the file's own path. */
Script lang_load(Arena *arena, const SourceText *source, const IncludeHost *host, Diags *diags);

/* Prints a block as text that parses to the same tree (used by tests and fuzzers). */
void lang_print(Buf *out, const Block *block);

#endif
