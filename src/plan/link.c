/* A Link from what _sqlflow.exports keeps of it. See link.h. */
#include "plan/link.h"

#include <string.h>

#include "lang/json.h"

bool link_restore(Arena *arena, const Project *project, const LinkRecord *record, Link *link,
                  Error *err) {
    const Connector *connector = connector_find(record->connector);
    if (connector == NULL)
        return error_set(err, ERR_UNKNOWN_CONNECTOR, SPAN_NONE, "there is no connector '%s'",
                         record->connector);
    Value *inherited = NULL, *own = NULL;
    if (record->connection != NULL) {
        const Connection *connection = project_connection(project, record->connection);
        if (connection == NULL)
            return error_set(err, ERR_UNKNOWN_CONNECTION, SPAN_NONE,
                             "the profile has no connection '%s'", record->connection);
        if (!project_expand(project, arena, connection->options, &inherited, err)) return false;
    }
    Diags diags = diags_on(arena);
    if (record->options != NULL) {
        const SourceText *text =
            source_new(arena, "_sqlflow.exports", record->options, strlen(record->options));
        own = json_parse_document(arena, text, &diags);
    }
    link->name = record->connection != NULL ? record->connection : connector->name;
    link->connection = record->connection;
    if (options_resolve(arena, connector, USE_WRITE, inherited, own, link, &diags)) return true;
    for (size_t i = 0; i < diags.count; i++)
        if (diags.items[i].severity == SEVERITY_ERROR)
            return error_set(err, diags.items[i].code, SPAN_NONE, "%s", diags.items[i].message);
    return error_set(err, ERR_STATE, SPAN_NONE, "the export's options cannot be read");
}
