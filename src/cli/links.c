/* Connectors used from the command line: tests, discovery, validation with --live. See links.h.
 * What a connector does is its own business; here it only gets a session to work in. */
#include "cli/links.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

const Connection *connection_named(Context *context, const char *name, Error *err) {
    const Connection *connection = project_connection(&context->project, name);
    if (connection != NULL) return connection;
    const Profile *profile = &context->project.profile;
    Strings names = {0};
    for (size_t i = 0; i < profile->connections.count; i++)
        strings_add(context->arena, &names, profile->connections.items[i].name);
    error_set(err, ERR_USAGE, SPAN_NONE, "profile '%s' has no connection '%s'%s", profile->name,
              name, str_did_you_mean(context->arena, name, &names));
    error_hint(err, names.count == 0 ? "sqlflow connect add makes one" : "there are: %s",
               strings_join(context->arena, &names, ", "));
    return NULL;
}

bool link_of_connection(Context *context, const Connection *connection, Link *link) {
    Error err;
    const Connector *connector = connector_find(connection->type);
    if (connector == NULL) {
        Strings names = {0};
        connector_names(context->arena, &names);
        diag_error(&context->diags, ERR_UNKNOWN_CONNECTOR, connection->type_span,
                   "unknown connector '%s'%s", connection->type,
                   str_did_you_mean(context->arena, connection->type, &names))
            ->hint = arena_printf(context->arena, "there are: %s",
                                  strings_join(context->arena, &names, ", "));
        return false;
    }
    Value *expanded;
    if (!project_expand(&context->project, context->arena, connection->options, &expanded, &err))
        return context_error(context, &err);
    *link = (Link){.name = connection->name, .connection = connection->name};
    link->span = connection->span;
    return options_resolve(context->arena, connector, USE_CONNECTION, expanded, NULL, link,
                           &context->diags);
}

bool session_open(Context *context, Session *session) {
    Error err;
    char stage[] = "/tmp/sqlflow-XXXXXX";
    *session = (Session){.arena = context->arena, .diags = &context->diags};
    if (mkdtemp(stage) == NULL) {
        fs_error(&err, "create the folder", stage);
        return context_error(context, &err);
    }
    session->stage_dir = arena_strdup(context->arena, stage);
    if (duck_open(&(DuckConfig){.threads = 2}, &session->duck, &err)) return true;
    session_close(session);
    return context_error(context, &err);
}

void session_close(Session *session) {
    Error ignored;
    duck_close(session->duck);
    session->duck = NULL;
    if (session->stage_dir != NULL) fs_remove_tree(session->stage_dir, &ignored);
}

static bool ask_source(Context *context, Session *session, const Source *source) {
    Columns columns = {0};
    Error err = {0};
    if (source->link.connector == NULL || source->link.connector->schema == NULL) return true;
    if (source->link.connector->schema(session, &source->link, &columns, &err)) return true;
    if (err.span.source == NULL) err.span = source->span;
    error_prefix(&err, "source %s: ", source->name);
    return context_error(context, &err);
}

static bool ask_export(Context *context, Session *session, const Step *step) {
    const Link *link = &step->export.link;
    ProbeReport report = {.check_write = true};
    Error err = {0};
    if (link->connector == NULL || step->export.connection == NULL) return true;
    if (link->connector->probe(session, link, &report, &err)) return true;
    if (err.span.source == NULL) err.span = step->span;
    error_prefix(&err, "export to %s: ", step->name);
    return context_error(context, &err);
}

bool links_check_live(Context *context, const Plan *plan) {
    Session session;
    if (!session_open(context, &session)) return false;
    bool ok = true;
    for (size_t i = 0; i < plan->pipeline->sources.count; i++)
        ok &= ask_source(context, &session, plan->pipeline->sources.items[i]);
    for (size_t i = 0; i < plan->steps.count; i++)
        if (plan->steps.items[i].kind == STEP_EXPORT)
            ok &= ask_export(context, &session, &plan->steps.items[i]);
    session_close(&session);
    return ok;
}
