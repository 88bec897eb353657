/* The table of connectors, made from list.def, and how one is found: by name, extension, scheme. */
#include "base/fs.h"
#include "connectors/connector.h"

#define CONNECTOR(name) extern const Connector name##_connector;
#include "connectors/list.def"
#undef CONNECTOR

static const Connector *const connectors[] = {
#define CONNECTOR(name) &name##_connector,
#include "connectors/list.def"
#undef CONNECTOR
};

static const struct {
    const char *extension, *connector;
} extensions[] = {
    {"csv", "csv"},   {"tsv", "csv"},    {"parquet", "parquet"},
    {"json", "json"}, {"jsonl", "json"}, {"ndjson", "json"},
};

const Connector *connector_at(size_t index) {
    return index < sizeof connectors / sizeof *connectors ? connectors[index] : NULL;
}

const Connector *connector_find(const char *name) {
    if (str_ieq(name, "postgresql")) name = "postgres";
    for (size_t i = 0; connector_at(i) != NULL; i++)
        if (str_ieq(connector_at(i)->name, name)) return connector_at(i);
    return NULL;
}

void connectors_interrupt(void) {
    for (size_t i = 0; connector_at(i) != NULL; i++)
        if (connector_at(i)->interrupt != NULL) connector_at(i)->interrupt();
}

void connector_names(Arena *arena, Strings *names) {
    for (size_t i = 0; connector_at(i) != NULL; i++)
        strings_add(arena, names, connector_at(i)->name);
}

const Connector *connector_for_path(Arena *arena, const char *path) {
    if (str_istarts(path, "s3://")) return connector_find("s3");
    if (str_istarts(path, "postgres://") || str_istarts(path, "postgresql://"))
        return connector_find("postgres");
    const char *extension = fs_extension(arena, path);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (str_eq(extensions[i].extension, extension))
            return connector_find(extensions[i].connector);
    return NULL;
}
