/* The postgres connector: its options, the checks of their combinations, and where its functions
 * live. */
#include <string.h>

#include "connectors/connector.h"
#include "connectors/postgres/discover.h"
#include "connectors/postgres/probe.h"
#include "connectors/postgres/publish.h"
#include "connectors/postgres/querytext.h"
#include "connectors/postgres/read.h"
#include "connectors/postgres/scan.h"

static const OptionSpec options[] = {
    {.name = "host", .aliases = "hostname|server", .help = "server name, address or socket folder"},
    {.name = "hostaddr", .help = "address to connect to; host stays the name in certificates"},
    {.name = "port", .type = OPTION_INT, .help = "default 5432, or PGPORT"},
    {.name = "database", .aliases = "dbname|db", .help = "default: PGDATABASE, or the user's name"},
    {.name = "user", .aliases = "username", .help = "default: PGUSER, or the system's user"},
    {.name = "password", .secret = true, .help = "default: PGPASSWORD, or ~/.pgpass"},
    {.name = "passfile", .help = "password file instead of ~/.pgpass"},
    {.name = "service", .help = "entry of ~/.pg_service.conf"},
    {.name = "connection_string", .aliases = "url|uri|dsn|conninfo", .secret = true,
     .help = "postgresql://user:password@host:port/database or host=… dbname=…"},
    {.name = "schema", .use = USE_READ | USE_WRITE | USE_CONNECTION,
     .help = "schema of the table; default: the search path"},
    {.name = "table", .aliases = "table_name|relation", .use = USE_READ | USE_WRITE,
     .help = "table or view to read, table to write"},
    {.name = "query", .aliases = "sql", .use = USE_READ,
     .help = "SELECT to read instead of a table"},
    {.name = "where", .aliases = "filter", .use = USE_READ,
     .help = "condition that rows must meet"},
    {.name = "parallel", .type = OPTION_INT, .fallback = "2", .positive = true,
     .use = USE_READ | USE_CONNECTION, .help = "connections that read one table at once"},
    {.name = "fetch_size", .aliases = "batch_size|chunk_size", .type = OPTION_INT,
     .help = "accepted for compatibility: rows are streamed, never gathered"},
    {.name = "numeric_as", .choices = "varchar|double|error", .fallback = "varchar",
     .use = USE_READ | USE_CONNECTION,
     .help = "what numeric without precision, or of more than 38 digits, becomes"},
    {.name = "late_wait", .type = OPTION_NUMBER, .fallback = "5", .use = USE_READ | USE_CONNECTION,
     .help = "seconds an incremental read waits for transactions that may commit late"},
    {.name = "sslmode", .aliases = "ssl_mode",
     .choices = "disable|allow|prefer|require|verify-ca|verify-full",
     .help = "default: verify-full for remote hosts, prefer for loopback and sockets"},
    {.name = "sslrootcert", .aliases = "ssl_root_cert|ssl_ca",
     .help = "CA file for verify-ca and verify-full; default: the system's store"},
    {.name = "sslcert", .aliases = "ssl_cert", .help = "client certificate"},
    {.name = "sslkey", .aliases = "ssl_key", .help = "client key file"},
    {.name = "connect_timeout", .type = OPTION_NUMBER, .fallback = "10", .positive = true,
     .help = "seconds to reach the server and log in"},
    {.name = "statement_timeout", .type = OPTION_ANY,
     .help = "the server's own bound: milliseconds, or text such as '30s'"},
    {.name = "lock_timeout", .type = OPTION_ANY,
     .help = "how long the server waits for a lock: milliseconds, or text such as '5s'"},
    {.name = "application_name", .help = "name in the server's lists; default: sqlflow"},
    {.name = "mode", .aliases = "write_mode|if_exists", .choices = "replace|append|upsert",
     .fallback = "replace", .use = USE_WRITE, .help = "what becomes of the rows that are there"},
    {.name = "upsert_keys", .aliases = "conflict_keys|keys|primary_key", .type = OPTION_NAMES,
     .use = USE_WRITE, .help = "columns that tell which row to replace"},
    {.name = "create_table", .type = OPTION_BOOL, .fallback = "true", .use = USE_WRITE,
     .help = "make the table when it is missing"},
    {0},
};

static bool is_given(const Link *link, const char *option)
{
    const char *text = link_text(link, option);
    return text && pg_query_end(text) > 0;
}

static void check_read(const Link *link, Diags *diags)
{
    bool table = is_given(link, "table"), query = is_given(link, "query");
    if (!table && !query)
        diag_error(diags, ERR_MISSING_OPTION, link->span,
                   "source '%s' needs 'table' or 'query'", link->name)
            ->hint = "add \"table\": \"schema.name\", or \"query\": \"SELECT …\"";
    if (table && query)
        diag_error(diags, ERR_OPTION_VALUE, link_span(link, "query"),
                   "source '%s' has both 'table' and 'query'", link->name)
            ->hint = "keep one of them";
    if (link_int(link, "parallel") > PG_PARALLEL_MAX)
        diag_error(diags, ERR_OPTION_VALUE, link_span(link, "parallel"),
                   "parallel must be at most %d", PG_PARALLEL_MAX);
}

static void check_write(const Link *link, Diags *diags)
{
    bool upsert = str_ieq(link_text(link, "mode"), "upsert");
    if (upsert && !link_has(link, "upsert_keys"))
        diag_error(diags, ERR_MISSING_OPTION, link_span(link, "mode"),
                   "mode upsert needs 'upsert_keys'")
            ->hint = "add \"upsert_keys\": [\"id\"]";
    if (!upsert && link_has(link, "upsert_keys"))
        diag_warning(diags, WARN_FOREIGN_OPTION, link_span(link, "upsert_keys"),
                     "upsert_keys means nothing without mode upsert");
}

/* The server's own words for a time: "500", "1.5 min". */
static void check_duration(const Link *link, const char *option, Diags *diags)
{
    static const char *const units[] = {"", "us", "ms", "s", "min", "h", "d", NULL};
    const Value *value = link_value(link, option);
    const char *text = value ? value_text(value) : "";
    if (value && (!text || value->kind == VALUE_BOOL)) text = "no duration";
    const char *unit = text + strspn(text, "0123456789.");
    unit += strspn(unit, " ");
    if (str_in(unit, units)) return;
    diag_error(diags, ERR_OPTION_VALUE, link_span(link, option), "%s is not a duration", option)
        ->hint = "write milliseconds, or text with a unit (us, ms, s, min, h, d) such as \"30s\"";
}

static void check(const Link *link, OptionUse use, Diags *diags)
{
    if (use == USE_READ) check_read(link, diags);
    if (use == USE_WRITE) check_write(link, diags);
    check_duration(link, "statement_timeout", diags);
    check_duration(link, "lock_timeout", diags);
}

const Connector postgres_connector = {
    .name = "postgres",
    .summary = "PostgreSQL tables and queries, by libpq and COPY BINARY",
    .options = options,
    .can = CAN_READ | CAN_WRITE | CAN_INCREMENTAL | CAN_DISCOVER,
    .check = check,
    .probe = pg_probe,
    .schema = pg_read_schema,
    .relation = pg_read_relation,
    .publish = pg_publish,
    .discover = pg_discover,
};
