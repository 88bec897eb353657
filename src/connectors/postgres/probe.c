/* `connect test`: each stage is told as soon as it is passed; the first that fails ends it. */
#include "connectors/postgres/probe.h"

#include <string.h>

#include "connectors/postgres/columns.h"

static const char *const stage_names[] = {
    [PG_STAGE_RESOLVE] = "resolve",           [PG_STAGE_CONNECT] = "connect",
    [PG_STAGE_TLS] = "tls",                   [PG_STAGE_AUTHENTICATE] = "authenticate",
    [PG_STAGE_DATABASE] = "database",
};

typedef struct Probe {
    Session *session;
    const Link *link;
    ProbeReport *report;
    PgConn conn;
} Probe;

static void reached(void *context, PgStage stage, const char *detail)
{
    Probe *probe = context;
    probe_stage(probe->session, probe->report, stage_names[stage], true, "%s", detail);
}

static bool stage_failed(Probe *probe, const char *name, const Error *err)
{
    probe_stage(probe->session, probe->report, name, false, "%s", err->message);
    return false;
}

static bool probe_schema(Probe *probe, Error *err)
{
    AUTO_PGRESULT result = NULL;
    const char *values[] = {link_text(probe->link, "schema")};
    if (values[0] && !*values[0]) values[0] = NULL;
    if (!pg_exec_args(&probe->conn,
                      "SELECT n.nspname, has_schema_privilege(n.oid, 'USAGE'), (SELECT count(*) "
                      "FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN "
                      "('r', 'p', 'v', 'm', 'f') AND has_table_privilege(c.oid, 'SELECT')) "
                      "FROM pg_namespace n WHERE n.nspname = coalesce($1, current_schema())",
                      (PgArgs){1, values}, &result, err))
        return false;
    if (PQntuples(result) == 0) {
        error_set(err, ERR_REMOTE_OBJECT, SPAN_NONE, "%s: there is no schema %s",
                  probe->conn.label, values[0] ? values[0] : "in the search path");
        return error_hint(err, "check the option 'schema'");
    }
    if (*pg_field(result, 0, 1) != 't') {
        error_set(err, ERR_REMOTE_PERMISSION, SPAN_NONE, "%s: no permission for schema %s",
                  probe->conn.label, pg_field(result, 0, 0));
        return error_hint(err, "GRANT USAGE ON SCHEMA … TO the role");
    }
    probe_stage(probe->session, probe->report, "schema", true, "%s, readable tables: %s",
                pg_field(result, 0, 0), pg_field(result, 0, 2));
    return true;
}

static bool probe_read(Probe *probe, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    bool given = link_has(probe->link, "table") || link_has(probe->link, "query");
    const char *sql = "SELECT current_setting('server_version')";
    PgSource source = {0};
    if (given) {
        if (!pg_source(probe->session, probe->link, &probe->conn, NULL, &source, err))
            return false;
        sql = arena_printf(scratch, "SELECT %s FROM %s LIMIT 1",
                           pg_select_list(scratch, &source.columns, NULL, source.columns.count),
                           source.from);
    }
    if (!pg_exec(&probe->conn, sql, &result, err)) return false;
    if (given)
        probe_stage(probe->session, probe->report, "read", true, "%s, %zu columns, %s",
                    source.label, source.columns.count, PQntuples(result) ? "a row" : "no rows");
    else
        probe_stage(probe->session, probe->report, "read", true, "PostgreSQL %s",
                    pg_field(result, 0, 0));
    return true;
}

/* Makes a table where an export would and takes it back: nobody else ever sees it. */
static bool probe_write(Probe *probe, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    const char *schema = link_text(probe->link, "schema");
    const char *prefix = schema && *schema
                             ? arena_printf(scratch, "%s.", sql_ident(scratch, schema)) : "";
    if (!pg_exec(&probe->conn, "BEGIN", NULL, err) ||
        !pg_execf(&probe->conn, err, "CREATE TABLE %s\"_sqlflow_probe\" (x int); "
                  "INSERT INTO %s\"_sqlflow_probe\" VALUES (1)", prefix, prefix) ||
        !pg_exec(&probe->conn, "ROLLBACK", NULL, err))
        return false;
    probe_stage(probe->session, probe->report, "write", true,
                "a table was made, written and taken back");
    return true;
}

static void probe_cleanup(Probe *probe) { pg_close(&probe->conn); }

bool pg_probe(Session *session, const Link *link, ProbeReport *report, Error *err)
{
    PgParams params;
    __attribute__((cleanup(probe_cleanup))) Probe probe = {
        .session = session, .link = link, .report = report};
    PgTrace trace = {.context = &probe, .reached = reached, .failed = PG_STAGE_CONNECT};
    if (!pg_params(session, link, &params, err)) return false;
    if (!pg_open(&params, &probe.conn, &trace, err))
        return stage_failed(&probe, stage_names[trace.failed], err);
    if (!probe_schema(&probe, err)) return stage_failed(&probe, "schema", err);
    if (!probe_read(&probe, err)) return stage_failed(&probe, "read", err);
    if (report->check_write && !probe_write(&probe, err))
        return stage_failed(&probe, "write", err);
    return true;
}
