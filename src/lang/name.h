/* Names: `a`, "a ""b""", a.b, catalog.schema.table as written → their parts. */
#ifndef SQLFLOW_LANG_NAME_H
#define SQLFLOW_LANG_NAME_H

#include "base/str.h"

/* Splits a (qualified) name into unquoted parts; false when the text is not a name (empty part,
 * unterminated quote, other characters). */
bool name_split(Arena *arena, const char *text, Strings *parts);
/* The parts joined as SQL again, quoted where they must be. */
const char *name_join(Arena *arena, const Strings *parts);
/* "Quoted" when it must be (reserved word, odd characters; capital letters are fine), else as it
 * is. */
const char *name_quote_if_needed(Arena *arena, const char *part);
bool name_is_bare(const char *text); /* letters, digits, _, what is not ASCII and no blank */

#endif
