/* Options: rows of a table that drive checks, help, docs and completion; and the Link, the
 * checked options of one source, export or connection. */
#ifndef SQLFLOW_CONNECTORS_OPTIONS_H
#define SQLFLOW_CONNECTORS_OPTIONS_H

#include "base/diag.h"
#include "base/json.h"
#include "base/str.h"

typedef struct Connector Connector;

typedef enum OptionType {
    OPTION_TEXT,
    OPTION_INT,      /* also the text of one: '5' */
    OPTION_NUMBER,
    OPTION_BOOL,     /* also 'true', 'false' */
    OPTION_LIST,     /* a text or a list of texts */
    OPTION_NAMES,    /* a column's name or a list of them: texts that are not empty */
    OPTION_MAP,      /* an object of texts */
    OPTION_CHAR,     /* one character */
    OPTION_ANY,
} OptionType;

/* Where an option may stand (bits of OptionSpec.use). */
typedef enum OptionUse {
    USE_READ = 1,       /* SOURCE */
    USE_WRITE = 2,      /* EXPORT */
    USE_CONNECTION = 4, /* profile */
} OptionUse;

typedef struct OptionSpec {
    const char *name;
    const char *aliases;  /* "sep|delim" or NULL */
    OptionType type;
    unsigned use;         /* bits of OptionUse; 0 means all */
    const char *required; /* NULL: optional; else the text that explains why it is needed */
    const char *fallback; /* the default as text, NULL when none */
    const char *choices;  /* "a|b|c" (compared without case) or NULL */
    bool secret;
    bool positive;        /* a number that must not be 0 */
    const char *help;
} OptionSpec;

/* Options that every source (sync_mode, primary_key, …) and every connector (max_retries, …)
 * knows; both tables end with a row whose name is NULL. */
extern const OptionSpec source_options[];
extern const OptionSpec common_options[];

/* Checked options. Names are the specs' canonical ones. */
typedef struct Link {
    const char *name;       /* of the source, connection or destination, for messages */
    const char *connection; /* profile connection it came through; NULL when none */
    const Connector *connector;
    Span span;
    Value *options; /* an object: canonical name → Value, defaults not included */
    Value *defaults; /* the same of the tables' defaults; NULL in a link made by hand */
} Link;

/* Checks `own` (PARAMS/OPTIONS, may be NULL) over `inherited` (the connection's, expanded, may be
 * NULL) against the connector's table, the common options and, for USE_READ, source_options.
 * Unknown options: error with a suggestion; options that other connectors know: warning. Secret
 * values are registered with redact. Missing required ones are errors. Returns false when errors
 * were added. */
bool options_resolve(Arena *arena, const Connector *connector, OptionUse use,
                     const Value *inherited, const Value *own, Link *link, Diags *diags);

/* Value of an option: as given, else the default of its spec; NULL (0, false, empty) when neither.
 * `name` is canonical. */
const Value *link_value(const Link *link, const char *name);
const char *link_text(const Link *link, const char *name);
long long link_int(const Link *link, const char *name);
double link_number(const Link *link, const char *name);
bool link_bool(const Link *link, const char *name);
bool link_has(const Link *link, const char *name); /* given (or inherited), not a default */
Strings link_list(const Link *link, Arena *arena, const char *name);
/* Of the columns that an export's option names; "year,month" is an older way to write a list. */
Strings link_names(const Link *link, Arena *arena, const char *name);
Span link_span(const Link *link, const char *name); /* of the value, else of the link */
/* The spec of an option by name or alias in any of the connector's tables; NULL when unknown. */
const OptionSpec *option_find(const Connector *connector, const char *name);
/* The options without secrets as a JSON object, for _sqlflow.exports and plans. */
const char *link_json(Arena *arena, const Link *link);

#endif
