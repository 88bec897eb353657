/* Small helpers of the connector interface. */
#include "connectors/connector.h"

void relation_close(Relation *relation) {
    if (relation->close != NULL) relation->close(relation->handle);
    *relation = (Relation){0};
}

void relation_cleanup(Relation *relation) { relation_close(relation); }

void probe_stage(Session *session, ProbeReport *report, const char *name, bool ok,
                 const char *format, ...) {
    va_list args;
    va_start(args, format);
    *LIST_PUSH(session->arena, &report->stages) =
        (ProbeStage){.name = name, .ok = ok,
                     .detail = arena_vprintf(session->arena, format, args)};
    va_end(args);
}
