/* Fuzzes the YAML reader and what a profile makes of it. Beyond not crashing: every span lies in
 * the text, and a tree or an error with a message comes of every input. */
#include <stdint.h>
#include <stdlib.h>

#include "base/redact.h"
#include "project/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const SourceText *source, const Value *value) {
    if (value->span.start > value->span.end || value->span.end > source->size) abort();
    for (size_t i = 0; i < value->count; i++) {
        Span key = value->members[i].key_span;
        if (key.start > key.end || key.end > source->size) abort();
        check_value(source, value->members[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA arena = arena_new();
    const SourceText *source = source_new(arena, "dev.yml", (const char *)data, size);
    redact_add_named(source->text, source->size);
    redact_reset();
    Error err = {0};
    const Value *root = yaml_read(arena, source, &err);
    if (root == NULL) {
        if (err.code == ERR_NONE || *err.message == '\0' || err.span.end > size) abort();
        return 0;
    }
    check_value(source, root);
    Project project = {.arena = arena, .root = "/", .dotenv = map_on(arena)};
    project.profile.name = "dev";
    Diags diags = diags_on(arena);
    profile_fill(&project, root, &diags);
    if (project.profile.variables == NULL || project.profile.target_dir == NULL) abort();
    for (size_t i = 0; i < project.profile.connections.count; i++) {
        Value *expanded;
        project_expand(&project, arena, project.profile.connections.items[i].options, &expanded,
                       &err);
    }
    redact_reset();
    return 0;
}
