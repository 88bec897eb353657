/* Lenient JSON of PARAMS and OPTIONS: trailing commas, comments, single quotes, """long text""",
 * unquoted keys and ${variables}. Every key and value has its span. Variables inside strings are
 * kept as written, a literal \${ too: plan/resolve substitutes them. */
#ifndef SQLFLOW_LANG_JSON_H
#define SQLFLOW_LANG_JSON_H

#include "base/diag.h"
#include "base/json.h"

/* Parses the value at source->text[*at]; *at moves behind it. NULL when it is malformed: the first
 * error is in diags and *at is where json_skip would go on. A key given twice is reported, too, but
 * the value is returned. */
Value *json_parse(Arena *arena, const SourceText *source, size_t *at, Diags *diags);
/* The whole text as one value; NULL as above. */
Value *json_parse_document(Arena *arena, const SourceText *source, Diags *diags);
/* The place of the next ';' outside strings and comments, or the end of the text. */
size_t json_skip(const SourceText *source, size_t at);

#endif
