/* SOURCE: finds the connector, checks the options, and reads those that every source knows into
 * the Source. Nothing is read from the source itself. */
#include "plan/resolve.h"

static const char incremental_hint[] =
    "add \"cursor_field\": the column that grows with every new or changed row";

/* TYPE t PARAMS {"connection": "name"} means FROM 'name', which has to be of that type. */
static bool typed_connection(Resolver *resolver, Text type, const Value *named,
                             Endpoint *endpoint) {
    const Connector *wanted = endpoint->connector;
    if (!endpoint_by_connection(resolver, named->text, named->span, endpoint)) return false;
    if (endpoint->connector == wanted) return true;
    diag_error(resolver->diags, ERR_UNKNOWN_CONNECTOR, type.span,
               "the type is %s, but the connection '%s' is of type %s", wanted->name,
               endpoint->connection, endpoint->connector->name)
        ->hint = arena_printf(resolver->arena, "SOURCE name FROM '%s' OPTIONS {…};",
                              endpoint->connection);
    return false;
}

/* `whole`: no variable of the options is missing. */
static bool source_endpoint(Resolver *resolver, const Stmt *stmt, Value *own, bool whole,
                            Endpoint *endpoint) {
    Text connection = stmt->source.connection, type = stmt->source.type;
    size_t missing = resolver->subst.missing;
    bool by_connection = connection.text != NULL;
    Text text = by_connection ? connection : type;
    const char *name = subst_text(&resolver->subst, text.text, text.span, by_connection);
    if (resolver->subst.missing > missing) return false;
    bool found = by_connection
                     ? endpoint_by_connection(resolver, name, text.span, endpoint)
                     : endpoint_by_type(resolver, name, text.span, endpoint);
    if (!found) return false;
    const Value *named = by_connection ? NULL : resolver_take_connection(own);
    if (named != NULL && (!whole || !typed_connection(resolver, type, named, endpoint)))
        return false;
    if (endpoint->connector->can & CAN_READ) return true;
    diag_error(resolver->diags, ERR_UNSUPPORTED, text.span, "%s is for exports; nothing can be "
               "read from it", endpoint->connector->name);
    return false;
}

/* A text option that is not empty; NULL when absent. */
static const char *text_option(Resolver *resolver, const Link *link, const char *name) {
    const char *text = link_text(link, name);
    if (text == NULL || *text != '\0') return text;
    diag_error(resolver->diags, ERR_OPTION_VALUE, link_span(link, name), "%s is empty", name);
    return NULL;
}

static void read_options(Resolver *resolver, Source *source) {
    const Link *link = &source->link;
    source->incremental = str_ieq(link_text(link, "sync_mode"), "incremental");
    source->cursor = text_option(resolver, link, "cursor_field");
    source->cursor_span = link_span(link, "cursor_field");
    source->cursor_is_text = str_ieq(link_text(link, "cursor_type"), "text");
    source->primary_key = link_list(link, resolver->arena, "primary_key");
    source->columns = link_list(link, resolver->arena, "columns");
    source->column_types = link_value(link, "column_types");
    source->duplicates_are_errors = str_ieq(link_text(link, "on_duplicate"), "error");
    source->lookback = text_option(resolver, link, "lookback");
    source->allow_empty = link_bool(link, "allow_empty");
    const char *change = link_text(link, "on_schema_change");
    source->on_schema_change = str_ieq(change, "add_columns") ? SCHEMA_ADD_COLUMNS
                               : str_ieq(change, "ignore")    ? SCHEMA_IGNORE
                                                              : SCHEMA_FAIL;
    const char *nulls = link_text(link, "null_cursor");
    source->null_cursor = str_ieq(nulls, "include")   ? NULL_CURSOR_INCLUDE
                          : str_ieq(nulls, "exclude") ? NULL_CURSOR_EXCLUDE
                                                      : NULL_CURSOR_ERROR;
}

/* Options that only a cursor gives a meaning. */
static void check_cursor_options(Resolver *resolver, const Source *source) {
    static const char *const names[] = {"lookback", "null_cursor", "cursor_type"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!link_has(&source->link, names[i])) continue;
        Span span = link_span(&source->link, names[i]);
        if (!source->incremental)
            diag_warning(resolver->diags, WARN_FOREIGN_OPTION, span,
                         "%s means nothing without \"sync_mode\": \"incremental\"", names[i]);
        else if (source->cursor == NULL)
            diag_error(resolver->diags, ERR_MISSING_OPTION, span,
                       "%s needs cursor_field; files without one are loaded file by file",
                       names[i])
                ->hint = incremental_hint;
    }
}

static void check_is_read(Resolver *resolver, const Source *source, const char *option,
                          const char *column) {
    if (column == NULL || source->columns.count == 0 || strings_has(&source->columns, column))
        return;
    diag_error(resolver->diags, ERR_OPTION_VALUE, link_span(&source->link, option),
               "%s names '%s', which is not among columns%s", option, column,
               str_did_you_mean(resolver->arena, column, &source->columns))
        ->hint = arena_printf(resolver->arena, "add '%s' to columns", column);
}

static void check_options(Resolver *resolver, const Source *source) {
    bool by_file = source->link.connector->can & CAN_BY_FILE;
    if (source->incremental && source->cursor == NULL && !by_file &&
        !link_has(&source->link, "cursor_field"))
        diag_error(resolver->diags, ERR_MISSING_OPTION, link_span(&source->link, "sync_mode"),
                   "sync_mode incremental needs cursor_field")
            ->hint = incremental_hint;
    check_cursor_options(resolver, source);
    check_is_read(resolver, source, "cursor_field", source->cursor);
    for (size_t i = 0; i < source->primary_key.count; i++)
        check_is_read(resolver, source, "primary_key", source->primary_key.items[i]);
}

/* Names an included file defines are known as alias.name, too. */
static void register_source(Resolver *resolver, Source *source) {
    Pipeline *pipeline = resolver->pipeline;
    map_set(&pipeline->source_by_name, source->name, source);
    *LIST_PUSH(resolver->arena, &pipeline->sources) = source;
    for (size_t i = 0; i < resolver->script->aliases.count; i++) {
        const char *alias = resolver->script->aliases.items[i].alias;
        if (!subst_is_aliased(&resolver->subst, alias, source->name)) continue;
        const char *name = arena_printf(resolver->arena, "%s.%s", alias, source->name);
        if (!map_has(&pipeline->source_by_name, name))
            map_set(&pipeline->source_by_name, name, source);
    }
}

static bool is_first(Resolver *resolver, const Source *source) {
    const Source *other = map_get(&resolver->pipeline->source_by_name, source->name);
    if (other == NULL) return true;
    Position at = span_position(other->span);
    diag_error(resolver->diags, ERR_DUPLICATE_DEFINITION, source->span,
               "the source '%s' is defined twice, first at %s:%u:%u", source->name,
               other->span.source->name, at.line, at.column)
        ->hint = "remove or rename one of them; names are compared without case";
    return false;
}

void resolve_source(Resolver *resolver, const Stmt *stmt) {
    const char *name = resolver_column(resolver, stmt->source.name);
    if (name == NULL) return;
    Source *source = ARENA_NEW(resolver->arena, Source);
    source->name = name;
    source->span = stmt->source.name.span;
    source->link = (Link){.name = name, .span = stmt->span};
    if (!is_first(resolver, source)) return;
    register_source(resolver, source);
    source->link.options = value_new(resolver->arena, VALUE_OBJECT, stmt->span);
    source->broken = true;
    if (stmt->broken) return;
    size_t missing = resolver->subst.missing;
    Value *own = subst_value(&resolver->subst, stmt->source.options);
    bool whole = resolver->subst.missing == missing;
    Endpoint endpoint = {0};
    bool found = source_endpoint(resolver, stmt, own, whole, &endpoint);
    source->link.connector = endpoint.connector;
    if (!found) return;
    if (resolver->subst.missing == missing &&
        endpoint_link(resolver, &endpoint, USE_READ, own, &source->link)) {
        source->broken = false;
        read_options(resolver, source);
        check_options(resolver, source);
    }
    Step *step = resolver_step(resolver, STEP_SOURCE, stmt);
    step->name = name;
    step->source = source;
}
