/* Resolve: walks a Script with the variables' values, takes the branches whose conditions hold and
 * makes Sources and Steps of the statements. Who reads which table is the graph's business. */
#include "plan/resolve.h"

#include <string.h>

#include "base/buf.h"
#include "lang/cond.h"
#include "lang/name.h"

static const char state_schema[] = "_sqlflow";

Step *resolver_step(Resolver *resolver, StepKind kind, const Stmt *stmt) {
    Step *step = LIST_PUSH(resolver->arena, &resolver->pipeline->steps);
    *step = (Step){.kind = kind, .span = stmt->span};
    return step;
}

bool resolver_may_use(Resolver *resolver, const char *schema, Span span) {
    if (!str_ieq(schema, state_schema)) return true;
    diag_error(resolver->diags, ERR_REFUSED_STATEMENT, span,
               "the schema _sqlflow holds the state of runs and is not for pipelines")
        ->hint = "use another schema; `sqlflow state` looks at and changes the state";
    return false;
}

bool resolver_table(Resolver *resolver, Text name, TableName *table) {
    Strings parts;
    *table = (TableName){.span = name.span};
    if (!subst_name(&resolver->subst, name, &parts)) return false;
    subst_drop_alias(&resolver->subst, &parts);
    const char *const *items = parts.items;
    size_t count = parts.count;
    if (count == 3 && str_ieq(items[0], "db")) items++, count--;
    /* The run's own instance; in memory mode it is the pipeline's database. */
    bool elsewhere = count == 2 && str_ieq(items[0], "memory") &&
                     resolver->project->profile.engine.persistent;
    if (count > 2 || elsewhere) {
        diag_error(resolver->diags, ERR_UNKNOWN_TABLE, name.span,
                   "`%s` lies in another database; a pipeline has one", name.text)
            ->hint = "name a table as table or schema.table";
        return false;
    }
    const char *schema = count == 2 ? items[0] : NULL;
    *table = table_name(resolver->arena, schema, items[count - 1], name.span);
    return resolver_may_use(resolver, schema, name.span);
}

const char *resolver_column(Resolver *resolver, Text name) {
    Strings parts;
    if (!subst_name(&resolver->subst, name, &parts)) return NULL;
    if (parts.count == 1) return parts.items[0];
    diag_error(resolver->diags, ERR_SYNTAX, name.span, "`%s` is a qualified name; one without `.` "
               "is wanted here", name.text)
        ->hint = "quote a name that holds a `.`: \"a.b\"";
    return NULL;
}

SqlText resolver_query(Resolver *resolver, Text query) {
    size_t missing = resolver->subst.missing;
    SqlText text = subst_sql(&resolver->subst, query.span);
    if (resolver->subst.missing == missing) return text;
    return (SqlText){.sql = "SELECT NULL", .span = query.span};
}

/* A duration as INTERVAL reads it: no comments, one blank between words, quotes taken off. */
static const char *duration(Resolver *resolver, Span span) {
    const char *sql = subst_sql(&resolver->subst, span).sql;
    const SourceText *source = source_new(resolver->arena, "", sql, strlen(sql));
    Tokens tokens = lex(resolver->arena, source, 0, source->size);
    Buf text = buf_on(resolver->arena);
    for (size_t i = 0; tokens.items[i].kind != TOKEN_END; i++) {
        if (i > 0 && tokens.items[i].start > tokens.items[i - 1].end) buf_putc(&text, ' ');
        buf_puts(&text, token_text(resolver->arena, source, tokens.items[i]));
    }
    return buf_text(&text);
}

void resolver_mode(Resolver *resolver, const Mode *mode, Step *step) {
    step->mode = mode->kind;
    step->mode_span = mode->span;
    for (size_t i = 0; i < mode->keys.count; i++) {
        const char *key = resolver_column(resolver, mode->keys.items[i]);
        if (key != NULL && !strings_add_unique(resolver->arena, &step->keys, key))
            diag_error(resolver->diags, ERR_MODE, mode->keys.items[i].span,
                       "the key column '%s' is given twice", key);
    }
    if (mode->cursor.text != NULL) step->cursor = resolver_column(resolver, mode->cursor);
    if (mode->lookback.text != NULL) step->lookback = duration(resolver, mode->lookback.span);
}

static void connectors_hint(Resolver *resolver, Diag *diag) {
    Strings names = {0};
    connector_names(resolver->arena, &names);
    diag->hint = arena_printf(resolver->arena, "the types are: %s",
                              strings_join(resolver->arena, &names, ", "));
}

static const char *nearest_connector(Resolver *resolver, const char *type) {
    Strings names = {0};
    connector_names(resolver->arena, &names);
    return str_did_you_mean(resolver->arena, type, &names);
}

bool endpoint_by_type(Resolver *resolver, const char *type, Span span, Endpoint *endpoint) {
    *endpoint = (Endpoint){.connector = connector_find(type)};
    if (endpoint->connector != NULL) return true;
    connectors_hint(resolver, diag_error(resolver->diags, ERR_UNKNOWN_CONNECTOR, span,
                                         "there is no connector '%s'%s", type,
                                         nearest_connector(resolver, type)));
    return false;
}

bool endpoint_of(Resolver *resolver, const Connection *connection, Endpoint *endpoint) {
    *endpoint = (Endpoint){.connection = connection->name};
    strings_add_unique(resolver->arena, &resolver->used_connections, connection->name);
    if (*connection->type == '\0') return false; /* reported with the profile */
    endpoint->connector = connector_find(connection->type);
    if (endpoint->connector == NULL) {
        connectors_hint(resolver,
                        diag_error(resolver->diags, ERR_UNKNOWN_CONNECTOR, connection->type_span,
                                   "the connection '%s' has the unknown type '%s'%s",
                                   connection->name, connection->type,
                                   nearest_connector(resolver, connection->type)));
        return false;
    }
    Error err = {0};
    if (project_expand(resolver->project, resolver->arena, connection->options,
                       &endpoint->inherited, &err))
        return true;
    error_prefix(&err, "the connection '%s': ", connection->name);
    diag_add(resolver->diags, SEVERITY_ERROR, &err);
    return false;
}

bool endpoint_by_connection(Resolver *resolver, const char *name, Span span, Endpoint *endpoint) {
    Arena *arena = resolver->arena;
    const Connection *connection = project_connection(resolver->project, name);
    if (connection != NULL) return endpoint_of(resolver, connection, endpoint);
    const Connections *all = &resolver->project->profile.connections;
    Strings names = {0};
    for (size_t i = 0; i < all->count; i++) strings_add(arena, &names, all->items[i].name);
    const char *profile = resolver->project->profile.name;
    diag_error(resolver->diags, ERR_UNKNOWN_CONNECTION, span,
               "the profile '%s' has no connection '%s'%s", profile == NULL ? "" : profile, name,
               str_did_you_mean(arena, name, &names))
        ->hint = names.count == 0
                     ? arena_printf(arena, "add it: sqlflow connect add %s --type …", name)
                     : arena_printf(arena, "its connections are: %s",
                                    strings_join(arena, &names, ", "));
    return false;
}

const Value *resolver_take_connection(Value *own) {
    for (size_t i = 0; i < own->count; i++) {
        Member member = own->members[i];
        if (!str_ieq(member.key, "connection") || member.value->kind != VALUE_STRING) continue;
        memmove(&own->members[i], &own->members[i + 1],
                (own->count - i - 1) * sizeof(Member));
        own->count--;
        return member.value;
    }
    return NULL;
}

bool endpoint_link(Resolver *resolver, const Endpoint *endpoint, OptionUse use, const Value *own,
                   Link *link) {
    link->connector = endpoint->connector;
    link->connection = endpoint->connection;
    bool right = options_resolve(resolver->arena, endpoint->connector, use, endpoint->inherited,
                                 own, link, resolver->diags);
    if (link->options == NULL) link->options = value_new(resolver->arena, VALUE_OBJECT, link->span);
    return right;
}

static const Value *condition_variable(void *context, const char *name, bool pipeline_only) {
    const Vars *vars = context;
    if (pipeline_only) return vars_get_pipeline(vars, name);
    Error ignored = {0}; /* a value that cannot be had is null in a condition */
    return vars_get(vars, name, NULL, &ignored);
}

static void resolve_block(Resolver *resolver, Vars *vars, const Block *block);

static void resolve_if(Resolver *resolver, Vars *vars, const Stmt *stmt) {
    CondHost host = {vars, condition_variable};
    Diags told = diags_on(resolver->arena); /* the parser has reported what is malformed */
    for (size_t i = 0; i < stmt->branches.count; i++) {
        const Branch *branch = &stmt->branches.items[i];
        bool taken = branch->condition.text == NULL;
        if (!taken &&
            !cond_evaluate(resolver->arena, branch->condition.span, &host, &taken, &told))
            return;
        if (!taken) continue;
        resolve_block(resolver, vars, &branch->body);
        return;
    }
}

static void resolve_statement(Resolver *resolver, Vars *vars, const Stmt *stmt) {
    switch (stmt->kind) {
        case STMT_SOURCE: resolve_source(resolver, stmt); break;
        case STMT_LOAD: resolve_load(resolver, stmt); break;
        case STMT_CREATE: resolve_create(resolver, stmt); break;
        case STMT_EXPORT: resolve_export(resolver, stmt); break;
        case STMT_ASSERT: resolve_assert(resolver, stmt); break;
        case STMT_SQL: resolve_sql(resolver, stmt); break;
        case STMT_IF: resolve_if(resolver, vars, stmt); break;
        case STMT_SET:
            vars_set(vars, stmt->set.name.text,
                     stmt->broken
                         ? subst_set_unknown(&resolver->subst, stmt->set.name.text)
                         : subst_set(&resolver->subst, stmt->set.name.text, stmt->set.value));
            break;
        case STMT_INCLUDE: break; /* one that could not be read, already reported */
    }
}

static void resolve_block(Resolver *resolver, Vars *vars, const Block *block) {
    for (size_t i = 0; i < block->count; i++) resolve_statement(resolver, vars, block->items[i]);
}

/* Of types that no connector has; those that a step uses are errors there. */
static void warn_of_unknown_types(Resolver *resolver) {
    const Connections *all = &resolver->project->profile.connections;
    for (size_t i = 0; i < all->count; i++) {
        const Connection *connection = &all->items[i];
        bool known = *connection->type == '\0' || connector_find(connection->type) != NULL;
        if (known || strings_has(&resolver->used_connections, connection->name)) continue;
        connectors_hint(resolver,
                        diag_warning(resolver->diags, WARN_UNKNOWN_KEY, connection->type_span,
                                     "the connection '%s' has the unknown type '%s'%s",
                                     connection->name, connection->type,
                                     nearest_connector(resolver, connection->type)));
    }
}

void resolve(const Script *script, Vars *vars, const Project *project, Pipeline *pipeline,
             Diags *diags) {
    Arena *arena = vars->arena;
    const Value *name = map_get(&vars->builtin, "pipeline");
    *pipeline = (Pipeline){.name = name == NULL ? "" : name->text,
                           .arena = arena,
                           .source_by_name = map_on(arena)};
    Resolver resolver = {.arena = arena,
                         .script = script,
                         .project = project,
                         .pipeline = pipeline,
                         .diags = diags,
                         .subst = subst_new(arena, vars, script, diags)};
    resolve_block(&resolver, vars, &script->block);
    resolve_load_sources(&resolver);
    subst_finish(&resolver.subst);
    warn_of_unknown_types(&resolver);
}
