/* Finds the ${variables} of a pipeline and a profile. See usage.h.
 * A text is scanned by its tokens, so that comments do not count; `$name` counts only in the
 * options, paths and URIs, where the language knows it. */
#include "cli/usage.h"

#include <ctype.h>
#include <string.h>

#include "base/redact.h"
#include "lang/lexer.h"

typedef struct Scan {
    Arena *arena;
    VariableUses *uses;
    const char *user;
    const Vars *vars; /* of the pipeline; NULL for the profile */
    const Project *project;
    Strings *connections;
    const SourceText *source; /* NULL: the text has no place */
    bool secret;              /* the text is a secret option's */
    Strings seen;             /* sources scanned */
} Scan;

/* The profile's own ${NAME} come from the environment alone. */
static void find_value(const Scan *scan, VariableUse *use) {
    Error ignored = {0};
    if (scan->vars != NULL) {
        use->value = vars_get(scan->vars, use->name, &use->origin, &ignored);
        return;
    }
    const char *text = project_env(scan->project, use->name);
    if (text == NULL) return;
    use->value = value_string(scan->arena, text, SPAN_NONE);
    use->origin = map_has(&scan->project->dotenv, use->name) ? VAR_DOTENV : VAR_ENVIRONMENT;
}

static void register_secret(const Value *value) {
    if (value != NULL && (value->kind == VALUE_STRING || value->kind == VALUE_NUMBER))
        redact_add(value->text);
}

static void add(const Scan *scan, const char *name, const char *fallback, Span span) {
    VariableUses *uses = scan->uses;
    VariableUse *use = NULL;
    /* Not a Map: names of the environment differ by case. */
    for (size_t i = 0; use == NULL && i < uses->count; i++)
        if (str_eq(uses->items[i].name, name)) use = &uses->items[i];
    if (use == NULL) {
        use = LIST_PUSH(scan->arena, uses);
        *use = (VariableUse){.name = name, .fallback = fallback, .span = span};
    }
    if (use->value == NULL) find_value(scan, use);
    if (fallback == NULL && !use->needed) use->span = span;
    use->needed |= fallback == NULL;
    use->secret |= scan->secret || redact_is_secret_name(name);
    if (use->secret) register_secret(use->value);
    strings_add_unique(scan->arena, &use->users, scan->user);
}

/* Every ${…} in text[start, end); behind a backslash it is text. */
static void scan_text(const Scan *scan, const char *text, size_t start, size_t end) {
    for (size_t i = start; i + 1 < end; i++) {
        VariableRef ref;
        const char *why;
        if (text[i] != '$' || text[i + 1] != '{') continue;
        if (i > start && text[i - 1] == '\\') continue;
        bool or_empty;
        if (scan->vars == NULL ? !project_reference(scan->arena, text + i, &ref, &or_empty)
                               : !variable_ref(scan->arena, text + i, end - i, &ref, &why))
            continue;
        Span span = scan->source == NULL ? SPAN_NONE : span_of(scan->source, i, i + ref.size);
        add(scan, ref.name, ref.fallback, span);
        i += ref.size - 1;
    }
}

/* Every $name of an option, a path or a URI. */
static void scan_short(const Scan *scan, const char *text, Span span) {
    for (const char *c = text; c != NULL && *c != '\0'; c++) {
        size_t size = *c == '$' ? str_name(c + 1) : 0;
        if (size == 0) continue;
        add(scan, arena_strndup(scan->arena, c + 1, size), NULL, span);
        c += size;
    }
}

static void scan_value(const Scan *scan, const Value *value, bool short_form) {
    if (value == NULL) return;
    const char *text =
        value->kind == VALUE_STRING || value->kind == VALUE_VARIABLE ? value->text : NULL;
    if (text != NULL && short_form) scan_short(scan, text, value->span);
    if (text != NULL && !short_form) scan_text(scan, text, 0, strlen(text));
    for (size_t i = 0; i < value->count; i++) scan_value(scan, value->members[i].value, short_form);
}

/* What stands in a secret option is a part of the secret; so may be what no connector knows. */
static void scan_options(const Scan *scan, const Connector *connector, const Value *options) {
    if (options == NULL || options->kind != VALUE_OBJECT) return;
    for (size_t i = 0; i < options->count; i++) {
        const Member *member = &options->members[i];
        const OptionSpec *spec = connector == NULL ? NULL : option_find(connector, member->key);
        Scan own = *scan;
        own.secret = spec != NULL ? spec->secret
                                  : scan->vars == NULL || (connector == NULL &&
                                                           redact_is_secret_name(member->key));
        scan_value(&own, member->value, false);
        const char *text = own.secret ? value_text(member->value) : NULL;
        if (text != NULL && strstr(text, "${") == NULL) register_secret(member->value);
        if (scan->vars != NULL) scan_value(&own, member->value, true);
    }
}

/* By its type, else by the connection that the first part of `place` names; NULL when unknown. */
static const Connector *connector_of(const Scan *scan, const char *type, const char *place) {
    if (type != NULL && connector_find(type) != NULL) return connector_find(type);
    if (place == NULL) return NULL;
    const char *name = arena_strndup(scan->arena, place, strcspn(place, "."));
    const Connection *connection = project_connection(scan->project, name);
    return connector_find(connection == NULL ? name : connection->type);
}

static void scan_source(Scan *scan, const SourceText *source) {
    if (source == NULL || !strings_add_unique(scan->arena, &scan->seen, source->name)) return;
    Tokens tokens = lex(scan->arena, source, 0, source->size);
    scan->source = source;
    for (size_t i = 0; i < tokens.count; i++)
        scan_text(scan, source->text, tokens.items[i].start, tokens.items[i].end);
    scan->source = NULL;
}

/* "warehouse" and "warehouse.sales.daily" mention a connection; so may any other text, which then
 * is no connection's name. */
static void mention(Scan *scan, const char *text) {
    if (text == NULL) return;
    strings_add_unique(scan->arena, scan->connections,
                       arena_strndup(scan->arena, text, strcspn(text, ".")));
}

static void scan_block(Scan *scan, const Block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const Stmt *stmt = block->items[i];
        scan_source(scan, stmt->span.source);
        switch (stmt->kind) {
            case STMT_SOURCE:
                mention(scan, stmt->source.connection.text);
                scan_options(scan, connector_of(scan, stmt->source.type.text,
                                                stmt->source.connection.text),
                             stmt->source.options);
                break;
            case STMT_EXPORT:
                mention(scan, stmt->export.destination.text);
                if (stmt->export.destination.quoted)
                    scan_short(scan, stmt->export.destination.text, stmt->export.destination.span);
                scan_options(scan, connector_of(scan, stmt->export.type.text,
                                                stmt->export.destination.text),
                             stmt->export.options);
                break;
            case STMT_IF:
                for (size_t k = 0; k < stmt->branches.count; k++)
                    scan_block(scan, &stmt->branches.items[k].body);
                break;
            case STMT_LOAD:
            case STMT_CREATE:
            case STMT_INCLUDE:
            case STMT_SET:
            case STMT_ASSERT:
            case STMT_SQL: break;
        }
    }
}

void uses_of_pipeline(Context *context, const Loaded *loaded, VariableUses *uses,
                      Strings *connections) {
    Scan scan = {.arena = context->arena,
                 .uses = uses,
                 .user = loaded->name,
                 .vars = &loaded->vars,
                 .project = &context->project,
                 .connections = connections};
    scan_block(&scan, &loaded->script.block);
}

void uses_of_profile(Context *context, const Strings *connections, VariableUses *uses) {
    const Profile *profile = &context->project.profile;
    const char *user = arena_printf(context->arena, "profile %s", profile->name);
    Scan scan = {.arena = context->arena, .uses = uses, .user = user, .project = &context->project};
    const char *engine[] = {profile->engine.path, profile->engine.memory_limit,
                            profile->engine.temp_directory,
                            profile->engine.max_temp_directory_size};
    for (size_t i = 0; i < sizeof engine / sizeof *engine; i++)
        if (engine[i] != NULL) scan_text(&scan, engine[i], 0, strlen(engine[i]));
    scan_value(&scan, profile->variables, false);
    for (size_t i = 0; i < profile->connections.count; i++) {
        const Connection *connection = &profile->connections.items[i];
        if (connections == NULL || strings_has(connections, connection->name))
            scan_options(&scan, connector_find(connection->type), connection->options);
    }
}

/* -- what the command line gives --------------------------------------------------------- */

static bool in_name(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Also in a comment, or as another thing's name: a warning too few is better than a wrong one. */
static bool text_names(const SourceText *source, const char *name) {
    size_t size = strlen(name);
    for (const char *at = source->text; (at = strcasestr(at, name)) != NULL; at++)
        if ((at == source->text || !in_name(at[-1])) && !in_name(at[size])) return true;
    return false;
}

static bool block_names(const Block *block, const char *name) {
    for (size_t i = 0; i < block->count; i++) {
        const Stmt *stmt = block->items[i];
        if (stmt->span.source != NULL && text_names(stmt->span.source, name)) return true;
        for (size_t k = 0; stmt->kind == STMT_IF && k < stmt->branches.count; k++)
            if (block_names(&stmt->branches.items[k].body, name)) return true;
    }
    return false;
}

/* Where a test gives it; the command line has no places. */
static Span given_at(const Context *context, const char *name) {
    const Value *more = context->variables;
    for (size_t i = 0; more != NULL && i < more->count; i++)
        if (str_ieq(more->members[i].key, name)) return more->members[i].key_span;
    return SPAN_NONE;
}

void warn_unused_variables(Context *context, const Loaded *loaded, const SourceText *source) {
    const Map *given = &loaded->vars.command_line;
    for (size_t i = 0; i < given->count; i++) {
        const char *name = given->entries[i].key;
        bool named = source != NULL && text_names(source, name);
        if (named || block_names(&loaded->script.block, name)) continue;
        VariableUses uses = {0};
        Strings names = {0}, connections = {0};
        uses_of_pipeline(context, loaded, &uses, &connections);
        for (size_t k = 0; k < uses.count; k++)
            strings_add(context->arena, &names, uses.items[k].name);
        diag_warning(&context->diags, WARN_UNUSED_VARIABLE, given_at(context, name),
                     "the variable '%s' is given, and %s has no use for it%s", name, loaded->path,
                     str_did_you_mean(context->arena, name, &names));
    }
}
