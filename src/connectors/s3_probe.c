/* What `connect test` and `connect discover` ask of S3: a real round trip, stage by stage, and the
 * keys there are. */
#include <string.h>

#include "base/fs.h"
#include "connectors/s3.h"

enum { MAX_DISCOVERED = 10000 };

/* An export's object need not be there yet: its folder is looked at. */
static bool probe_place(Session *session, const Link *link, S3Place *place) {
    Arena *arena = session->arena;
    if (link->name == NULL || !str_istarts(link->name, "s3://"))
        return s3_place_of(arena, link, place);
    if (!s3_place_to(arena, link, link->name, place)) return false;
    if (place->key == NULL) return true;
    const char *slash = strrchr(place->key, '/');
    place->prefix = arena_strndup(arena, place->key,
                                  slash == NULL ? 0 : (size_t)(slash + 1 - place->key));
    place->pattern = arena_printf(arena, "%s**", files_escape(arena, place->prefix));
    place->uri = arena_printf(arena, "s3://%s/%s", place->bucket, place->prefix);
    place->whole_prefix = true;
    place->key = NULL;
    return true;
}

static bool resolve(S3 *s3, ProbeReport *report, Error *err) {
    Session *session = s3->session;
    if (!probe_place(session, s3->link, &s3->place)) {
        probe_stage(session, report, "resolve", false, "no bucket");
        error_set(err, ERR_MISSING_OPTION, s3->link->span,
                  "the connection names no bucket, so there is nothing to test");
        return error_hint(err, "add bucket to the connection");
    }
    S3Endpoint endpoint = s3_endpoint(session->arena, s3->link, s3->place.bucket);
    probe_stage(session, report, "resolve", true, "%s at %s", s3->place.uri,
                endpoint.host == NULL ? "AWS" : endpoint.host);
    return true;
}

/* The first request meets all at once; the error says how far it came. */
static bool reach(S3 *s3, ProbeReport *report, FileEntries *files, Error *err) {
    Session *session = s3->session;
    bool open = s3_open(s3, err);
    bool ok = open && s3_list(s3, files, err);
    bool connected = ok || (open && err->code != ERR_CONNECTION);
    bool trusted = ok || (connected && err->code != ERR_AUTHENTICATION);
    if (open || err->code != ERR_AUTHENTICATION)
        probe_stage(session, report, "connect", connected, "%s", "");
    if (connected || (!open && err->code == ERR_AUTHENTICATION))
        probe_stage(session, report, "authenticate", trusted, "%s",
                    link_has(s3->link, "access_key_id") ? "access_key_id" : "AWS chain");
    if (trusted)
        probe_stage(session, report, "list", ok, "%zu object%s", files->count,
                    files->count == 1 ? "" : "s");
    return ok;
}

static const FileEntry *readable(Arena *arena, const S3Place *place, const FileEntries *files,
                                 const char **format) {
    for (size_t i = 0; i < files->count; i++) {
        const Connector *connector = connector_for_path(arena, files->items[i].path + 5);
        *format = place->format != NULL ? place->format
                  : connector != NULL   ? connector->name
                                        : NULL;
        if (*format != NULL && file_format_find(*format) != NULL && files->items[i].size > 0)
            return &files->items[i];
    }
    return NULL;
}

static bool read_row(S3 *s3, const char *path, const char *format, Error *err) {
    Strings paths = {.items = &path, .count = 1, .capacity = 1};
    Files files = {.session = s3->session, .link = s3->link, .paths = &paths,
                   .format = file_format_find(format)};
    ReadSpec spec = {0};
    AUTO_RELATION relation = {0};
    if (!files_relation_of(&files, &spec, &relation, err)) return false;
    return s3_query(s3, true,
                    arena_printf(s3->session->arena, "SELECT * FROM %s LIMIT 1", relation.sql),
                    NULL, err);
}

static bool probe_read(S3 *s3, ProbeReport *report, const FileEntries *files, Error *err) {
    const char *format = NULL;
    const FileEntry *entry = readable(s3->session->arena, &s3->place, files, &format);
    if (entry == NULL) {
        probe_stage(s3->session, report, "read", true, "no object of a known format to read");
        return true;
    }
    bool ok = s3_enter(s3, 0, err) && read_row(s3, entry->path, format, err);
    s3_forget(s3);
    if (!ok) s3_refine(s3->link, &s3->place, err);
    probe_stage(s3->session, report, "read", ok, "%s", entry->path);
    return ok;
}

/* OVERWRITE without rows removes what the one before it wrote. */
static bool probe_write(S3 *s3, ProbeReport *report, Error *err) {
    Arena *arena = s3->session->arena;
    const char *key = s3->place.key != NULL ? s3->place.key : s3->place.prefix;
    const char *slash = strrchr(key, '/');
    const char *uri = arena_printf(arena, "s3://%s/%.*s_sqlflow_probe/", s3->place.bucket,
                                   slash == NULL ? 0 : (int)(slash + 1 - key), key);
    static const char form[] = "COPY (SELECT 1 AS probe, 1 AS x LIMIT %d) TO %s "
                               "(FORMAT csv, PARTITION_BY (x), OVERWRITE true)";
    Error removing = {0};
    const char *to = sql_literal(arena, uri);
    bool ok = s3_query(s3, false, arena_printf(arena, form, 1, to), NULL, err);
    bool removed = ok && s3_query(s3, false, arena_printf(arena, form, 0, to), NULL, &removing);
    probe_stage(s3->session, report, "write", ok, ok && !removed ? "left behind: %s" : "%s", uri);
    return ok;
}

bool s3_probe(Session *session, const Link *link, ProbeReport *report, Error *err) {
    AUTO_S3 s3 = {.session = session, .link = link};
    FileEntries files = {0};
    if (!resolve(&s3, report, err) || !reach(&s3, report, &files, err) ||
        !probe_read(&s3, report, &files, err))
        return false;
    return !report->check_write || probe_write(&s3, report, err);
}

bool s3_discover(Session *session, const Link *link, Objects *objects, Error *err) {
    AUTO_S3 s3 = {.session = session, .link = link};
    FileEntries files = {0};
    *objects = (Objects){0};
    if (!s3_place_of(session->arena, link, &s3.place)) {
        error_set(err, ERR_MISSING_OPTION, link->span,
                  "the connection names no bucket, so there is nothing to list");
        return error_hint(err, "add bucket to the connection");
    }
    if (!s3_open(&s3, err) || !s3_list(&s3, &files, err)) return false;
    for (size_t i = 0; i < files.count && i < MAX_DISCOVERED; i++)
        *LIST_PUSH(session->arena, objects) = (Object){.name = files.items[i].path,
                                                       .kind = "file", .rows = -1,
                                                       .bytes = files.items[i].size};
    return true;
}
