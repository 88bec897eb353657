/* EXPORT: what is written, where to and by which connector. A destination is a path, a URI, or a
 * connection of the profile with an object in it. */
#include <string.h>

#include "base/fs.h"
#include "lang/name.h"
#include "plan/resolve.h"

/* The destination while it is worked out. */
typedef struct Draft {
    const Stmt *stmt;
    Span span;            /* of the destination */
    TableName table;      /* exported; name NULL for a query */
    Value *own;           /* OPTIONS, substituted; an object of our own */
    const Connector *type; /* TYPE; NULL when not written */
    Endpoint endpoint;
    Strings parts;        /* of the object in a connection: schema, table */
    const char *path;     /* path or URI; NULL when it comes from the options */
} Draft;

static bool is_database(const Connector *connector) { return !(connector->can & CAN_BY_FILE); }
static bool is_s3(const Connector *connector) { return str_eq(connector->name, "s3"); }
static bool is_s3_uri(const char *text) { return str_istarts(text, "s3://"); }
static bool is_postgres_uri(const char *text) {
    return str_istarts(text, "postgres://") || str_istarts(text, "postgresql://");
}

static bool fail(Resolver *resolver, ErrorCode code, Span span, const char *message,
                 const char *hint) {
    diag_error(resolver->diags, code, span, "%s", message)->hint = hint;
    return false;
}

/* The member of OPTIONS that means the connector's option `name`. */
static const Value *own_option(const Draft *draft, const Connector *connector, const char *name) {
    for (size_t i = 0; i < draft->own->count; i++) {
        const OptionSpec *spec = option_find(connector, draft->own->members[i].key);
        if (spec != NULL && str_eq(spec->name, name)) return draft->own->members[i].value;
    }
    return NULL;
}

static void add_own(Resolver *resolver, Draft *draft, const char *name, const char *text) {
    if (own_option(draft, draft->endpoint.connector, name) != NULL) return;
    value_add(resolver->arena, draft->own, name, draft->span,
              value_string(resolver->arena, text, draft->span));
}

static bool type_mismatch(Resolver *resolver, const Draft *draft, const Connector *wanted) {
    Text type = draft->stmt->export.type;
    diag_error(resolver->diags, ERR_UNKNOWN_CONNECTOR, type.text == NULL ? draft->span : type.span,
               "this is for %s, but the connection '%s' is of type %s", wanted->name,
               draft->endpoint.connection, draft->endpoint.connector->name)
        ->hint = type.text == NULL ? "name a connection of that type, or none"
                                   : "leave TYPE out: the connection has one";
    return false;
}

/* TYPE beside a connection says the same again, or the file format within S3. */
static bool agree_type(Resolver *resolver, Draft *draft) {
    const Connector *connector = draft->endpoint.connector;
    if (draft->type == NULL || draft->type == connector) return true;
    if (!is_s3(connector) || is_database(draft->type))
        return type_mismatch(resolver, draft, draft->type);
    add_own(resolver, draft, "file_format", draft->type->name);
    return true;
}

/* The bucket a connection is for: NULL when it names none, "" when it cannot be told yet. */
static const char *connection_bucket(Resolver *resolver, const Connection *connection) {
    const Value *bucket = value_get(connection->options, "bucket");
    if (bucket == NULL || bucket->kind != VALUE_STRING) return NULL;
    Value *expanded;
    Error ignored = {0};
    return project_expand(resolver->project, resolver->arena, bucket, &expanded, &ignored)
               ? expanded->text
               : "";
}

/* Connections of type s3 for this bucket; with bucket NULL those that are for any. */
static size_t find_buckets(Resolver *resolver, const char *bucket, Strings *names,
                           const Connection **found) {
    const Connections *all = &resolver->project->profile.connections;
    *names = (Strings){0};
    for (size_t i = 0; i < all->count; i++) {
        const Connector *connector = connector_find(all->items[i].type);
        if (connector == NULL || !is_s3(connector)) continue;
        if (!str_eq(connection_bucket(resolver, &all->items[i]), bucket)) continue;
        strings_add(resolver->arena, names, all->items[i].name);
        *found = &all->items[i];
    }
    return names->count;
}

/* The connection that the bucket picks; without one the AWS chain has the credentials. */
static bool pick_bucket(Resolver *resolver, Draft *draft) {
    const char *start = draft->path + strlen("s3://");
    const char *bucket = arena_strndup(resolver->arena, start, strcspn(start, "/"));
    if (*bucket == '\0')
        return fail(resolver, ERR_OPTION_VALUE, draft->span, "the S3 destination has no bucket",
                    "write s3://bucket/key.csv, or s3://bucket/prefix/ for several files");
    Strings names;
    const Connection *found = NULL;
    size_t count = find_buckets(resolver, bucket, &names, &found);
    if (count == 0) count = find_buckets(resolver, NULL, &names, &found);
    if (count == 0) return true;
    if (count == 1) return endpoint_of(resolver, found, &draft->endpoint);
    diag_error(resolver->diags, ERR_UNKNOWN_CONNECTION, draft->span,
               "several S3 connections fit the bucket '%s': %s", bucket,
               strings_join(resolver->arena, &names, ", "))
        ->hint = "name one: OPTIONS {\"connection\": \"…\"}, or give only one of them this bucket";
    return false;
}

static bool s3_path(Resolver *resolver, Draft *draft, bool connected) {
    if (is_s3_uri(draft->path)) return connected || pick_bucket(resolver, draft);
    const Value *bucket = own_option(draft, draft->endpoint.connector, "bucket");
    if (bucket == NULL && draft->endpoint.inherited != NULL)
        bucket = value_get(draft->endpoint.inherited, "bucket");
    const char *name = bucket == NULL ? NULL : value_text(bucket);
    if (name == NULL)
        return fail(resolver, ERR_MISSING_OPTION, draft->span, "the S3 destination has no bucket",
                    "write TO 's3://bucket/key.csv'");
    const char *key = draft->path + strspn(draft->path, "/");
    draft->path = arena_printf(resolver->arena, "s3://%s/%s", name, key);
    return true;
}

/* TYPE postgres with a quoted destination: a URI, a connection's name, or a table. */
static bool database_text(Resolver *resolver, Draft *draft, bool connected) {
    const char *text = draft->path;
    draft->path = NULL;
    if (is_postgres_uri(text)) {
        add_own(resolver, draft, "connection_string", text);
        return true;
    }
    const Connection *connection = connected ? NULL : project_connection(resolver->project, text);
    if (connection != NULL && connector_find(connection->type) == draft->endpoint.connector)
        return endpoint_of(resolver, connection, &draft->endpoint);
    if (!name_split(resolver->arena, text, &draft->parts) || draft->parts.count > 2)
        return fail(resolver, ERR_OPTION_VALUE, draft->span,
                    arena_printf(resolver->arena, "'%s' is no table of a database", text),
                    "write TO connection.schema.table, or TO 'schema.table' TYPE postgres");
    return true;
}

static const char *format_hint(Resolver *resolver, const char *path) {
    const char *first = arena_strndup(resolver->arena, path, strcspn(path, "."));
    if (project_connection(resolver->project, first) != NULL)
        return arena_printf(resolver->arena,
                            "the name of a connection stands without quotes: TO %s", path);
    return "add TYPE csv, parquet or json, or end the path in .csv, .tsv, .parquet, .json or "
           ".jsonl (with .gz or .zst when compressed)";
}

static const Connector *connector_of_text(Resolver *resolver, const Draft *draft) {
    const Connector *connector =
        is_postgres_uri(draft->path) ? connector_find("postgres")
        : is_s3_uri(draft->path)     ? connector_find("s3")
        : draft->type != NULL        ? draft->type
                                     : connector_for_path(resolver->arena, draft->path);
    bool foreign = strstr(draft->path, "://") != NULL && !is_postgres_uri(draft->path) &&
                   !is_s3_uri(draft->path);
    if (connector != NULL && !foreign) return connector;
    if (foreign)
        fail(resolver, ERR_UNKNOWN_CONNECTOR, draft->span,
             arena_printf(resolver->arena, "no connector writes to %.*s",
                          (int)(strstr(draft->path, "://") + 3 - draft->path), draft->path),
             "export to a path, s3://… or a connection of the profile");
    else
        fail(resolver, ERR_UNKNOWN_CONNECTOR, draft->span,
             arena_printf(resolver->arena, "the format of '%s' cannot be told from its extension",
                          draft->path),
             format_hint(resolver, draft->path));
    return NULL;
}

static bool text_destination(Resolver *resolver, Draft *draft) {
    Text text = draft->stmt->export.destination;
    size_t missing = resolver->subst.missing;
    draft->path = subst_text(&resolver->subst, text.text, text.span, true);
    if (resolver->subst.missing > missing) return false;
    if (*draft->path == '\0')
        return fail(resolver, ERR_OPTION_VALUE, draft->span, "the destination is empty",
                    "write TO 'output/file.csv'");
    const Value *named = resolver_take_connection(draft->own);
    const Connector *connector = connector_of_text(resolver, draft);
    if (connector == NULL) return false;
    draft->endpoint = (Endpoint){.connector = connector};
    if (named != NULL) {
        if (!endpoint_by_connection(resolver, named->text, named->span, &draft->endpoint))
            return false;
        if (draft->endpoint.connector != connector)
            return type_mismatch(resolver, draft, connector);
    }
    if (!agree_type(resolver, draft)) return false;
    if (is_s3(connector)) return s3_path(resolver, draft, named != NULL);
    if (is_database(connector)) return database_text(resolver, draft, named != NULL);
    draft->path = fs_home(resolver->arena, draft->path);
    return true;
}

/* connection[.schema][.table], or an older `TO csv PARAMS {…}` that names a connector. */
static bool named_destination(Resolver *resolver, Draft *draft) {
    Text text = draft->stmt->export.destination;
    Strings parts;
    if (!subst_name(&resolver->subst, text, &parts)) return false;
    const char *first = parts.items[0];
    bool connection = project_connection(resolver->project, first) != NULL;
    if (!connection && parts.count == 1 && connector_find(first) != NULL) {
        const Value *named = resolver_take_connection(draft->own);
        draft->endpoint = (Endpoint){.connector = connector_find(first)};
        if (named != NULL &&
            !endpoint_by_connection(resolver, named->text, named->span, &draft->endpoint))
            return false;
    } else if (!endpoint_by_connection(resolver, first, draft->span, &draft->endpoint)) {
        return false;
    }
    draft->parts = (Strings){parts.items + 1, parts.count - 1, parts.count - 1};
    if (!agree_type(resolver, draft)) return false;
    if (draft->parts.count > 0 && !is_database(draft->endpoint.connector))
        return fail(resolver, ERR_OPTION_VALUE, draft->span,
                    arena_printf(resolver->arena, "'%s' is a %s connection and has no tables",
                                 first, draft->endpoint.connector->name),
                    "name the file in the options, or write TO 'path'");
    if (draft->parts.count > 2)
        return fail(resolver, ERR_OPTION_VALUE, draft->span,
                    "a destination has at most three parts: connection.schema.table",
                    "the connection says which database");
    return true;
}

/* A destination that names the table leaves nothing for the options to say. */
static bool agree_table(Resolver *resolver, const Draft *draft) {
    for (size_t i = 1; i <= 2 && i <= draft->parts.count; i++) {
        const char *option = i == 1 ? "table" : "schema";
        const Value *own = own_option(draft, draft->endpoint.connector, option);
        const char *named = draft->parts.items[draft->parts.count - i];
        const char *text = own == NULL ? NULL : value_text(own);
        Strings own_parts = {0};
        if (text != NULL && name_split(resolver->arena, text, &own_parts))
            text = own_parts.items[own_parts.count - 1];
        if (text == NULL || str_ieq(text, named)) continue;
        return fail(resolver, ERR_OPTION_VALUE, own->span,
                    arena_printf(resolver->arena, "the destination names the %s '%s' already",
                                 option, named),
                    "name it in one place");
    }
    return true;
}

/* Schema and table: as written behind the connection, by the options, or like what is exported. */
static const char *database_object(Resolver *resolver, const Draft *draft, const Link *link) {
    Arena *arena = resolver->arena;
    Strings parts = draft->parts;
    if (!agree_table(resolver, draft)) return NULL;
    if (parts.count == 0 && link_has(link, "table")) {
        const char *table = link_text(link, "table");
        if (!name_split(arena, table, &parts) || parts.count > 2) {
            parts = (Strings){0};
            strings_add(arena, &parts, table);
        }
    } else if (parts.count == 0 && draft->table.name != NULL) {
        strings_add(arena, &parts, draft->table.name);
    }
    if (parts.count == 0) {
        fail(resolver, ERR_MISSING_OPTION, draft->span, "the exported query needs a table to go to",
             "write TO connection.table, or OPTIONS {\"table\": \"…\"}");
        return NULL;
    }
    if (parts.count == 2 || !link_has(link, "schema")) return name_join(arena, &parts);
    Strings qualified = {0};
    strings_add(arena, &qualified, link_text(link, "schema"));
    strings_add(arena, &qualified, parts.items[0]);
    return name_join(arena, &qualified);
}

/* The file of a destination that names a connection only. */
static const char *file_object(Resolver *resolver, const Draft *draft, const Link *link) {
    Arena *arena = resolver->arena;
    if (!is_s3(link->connector)) {
        Strings paths = link_list(link, arena, "path");
        if (paths.count == 1 && *paths.items[0] != '\0') return fs_home(arena, paths.items[0]);
        fail(resolver, ERR_MISSING_OPTION, draft->span, "the export has no path",
             "write TO 'output/file.csv', or OPTIONS {\"path\": \"…\"}");
        return NULL;
    }
    if (link_has(link, "uri")) return link_text(link, "uri");
    const char *key = link_has(link, "key") ? link_text(link, "key") : NULL;
    const char *prefix = link_has(link, "path_prefix") ? link_text(link, "path_prefix") : NULL;
    const char *bucket = link_text(link, "bucket");
    if (bucket != NULL && (key != NULL || prefix != NULL))
        return arena_printf(arena, "s3://%s/%s%s", bucket, key != NULL ? key : prefix,
                            key == NULL && !str_ends(prefix, "/") ? "/" : "");
    fail(resolver, ERR_MISSING_OPTION, draft->span, "the export has no S3 object to go to",
         "write TO 's3://bucket/key.csv', or OPTIONS {\"key\": \"…\"}");
    return NULL;
}

/* A destination that is a path or URI leaves nothing for the options to say. */
static bool agree_path(Resolver *resolver, const Draft *draft) {
    static const char *const options[] = {"path", "uri", "bucket", "key", "path_prefix"};
    const Connector *connector = draft->endpoint.connector;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const Value *own = own_option(draft, connector, options[i]);
        const char *text = own == NULL ? NULL : value_text(own);
        const char *bucket =
            text == NULL ? "" : arena_printf(resolver->arena, "s3://%s/", text);
        if (own == NULL || str_eq(fs_home(resolver->arena, text), draft->path)) continue;
        if (str_eq(options[i], "bucket") && str_starts(draft->path, bucket)) continue;
        return fail(resolver, ERR_OPTION_VALUE, own->span,
                    arena_printf(resolver->arena, "the destination is '%s' already", draft->path),
                    "name it in one place");
    }
    return true;
}

static bool is_tsv(Arena *arena, const char *path) {
    return path != NULL && str_ieq(fs_extension(arena, path), "tsv");
}

static bool make_link(Resolver *resolver, Draft *draft, Link *link, const char **destination) {
    const Connector *connector = draft->endpoint.connector;
    if (!(connector->can & CAN_WRITE))
        return fail(resolver, ERR_UNSUPPORTED, draft->span,
                    arena_printf(resolver->arena, "%s is for sources; nothing can be written to it",
                                 connector->name),
                    "");
    if (draft->path != NULL && !agree_path(resolver, draft)) return false;
    if (is_tsv(resolver->arena, draft->path) && option_find(connector, "delimiter") != NULL)
        add_own(resolver, draft, "delimiter", "\t");
    bool plain = draft->path != NULL;
    *link = (Link){.name = plain ? draft->path : draft->endpoint.connection, .span = draft->span};
    if (link->name == NULL) link->name = connector->name;
    if (!endpoint_link(resolver, &draft->endpoint, USE_WRITE, draft->own, link)) return false;
    *destination = plain                    ? draft->path
                   : is_database(connector) ? database_object(resolver, draft, link)
                                            : file_object(resolver, draft, link);
    if (*destination != NULL) link->name = *destination;
    return *destination != NULL;
}

static bool read_type(Resolver *resolver, Draft *draft) {
    Text type = draft->stmt->export.type;
    if (type.text == NULL) return true;
    Endpoint endpoint;
    const char *name = subst_text(&resolver->subst, type.text, type.span, false);
    if (!endpoint_by_type(resolver, name, type.span, &endpoint)) return false;
    draft->type = endpoint.connector;
    return true;
}

void resolve_export(Resolver *resolver, const Stmt *stmt) {
    size_t missing = resolver->subst.missing;
    Draft draft = {.stmt = stmt, .span = stmt->export.destination.span};
    SqlText query = {0};
    bool right = true;
    if (stmt->export.table.text != NULL)
        right = resolver_table(resolver, stmt->export.table, &draft.table);
    else
        query = resolver_query(resolver, stmt->export.query);
    draft.own = subst_value(&resolver->subst, stmt->export.options);
    if (draft.own == NULL) draft.own = value_new(resolver->arena, VALUE_OBJECT, draft.span);
    right = read_type(resolver, &draft) && right;
    bool found = right && (stmt->export.destination.quoted ? text_destination(resolver, &draft)
                                                           : named_destination(resolver, &draft));
    Link link;
    const char *destination = NULL;
    if (!found || resolver->subst.missing > missing ||
        !make_link(resolver, &draft, &link, &destination))
        return;
    Step *step = resolver_step(resolver, STEP_EXPORT, stmt);
    step->name = destination;
    step->target = draft.table;
    step->query = query;
    step->export.destination = destination;
    step->export.connection = draft.path == NULL ? draft.endpoint.connection : NULL;
    step->export.link = link;
}
