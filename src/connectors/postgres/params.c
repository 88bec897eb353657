/* From options to libpq parameters: precedence, TLS defaults, the session's settings.
 * Opens no connection. */
#include "connectors/postgres/params.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/redact.h"
#include "connectors/postgres/load.h"
#include "pq_api.h"

/* Options that are libpq's own keywords or become one. */
static const struct {
    const char *option, *keyword;
} forwarded[] = {
    {"host", "host"},         {"hostaddr", "hostaddr"},
    {"port", "port"},         {"database", "dbname"},
    {"user", "user"},         {"password", "password"},
    {"service", "service"},   {"passfile", "passfile"},
    {"sslmode", "sslmode"},   {"sslrootcert", "sslrootcert"},
    {"sslcert", "sslcert"},   {"sslkey", "sslkey"},
    {"application_name", "application_name"},
};

static const char *get(const PgParams *params, const char *key)
{
    for (size_t i = 0; i < params->count; i++)
        if (str_eq(params->keys[i], key)) return params->values[i];
    return NULL;
}

static void set(PgParams *params, const char *key, const char *value)
{
    for (size_t i = 0; i < params->count; i++) {
        if (!str_eq(params->keys[i], key)) continue;
        params->values[i] = value;
        return;
    }
    if (params->count == PG_MAX_PARAMS) return;
    params->keys[params->count] = key;
    params->values[params->count++] = value;
    params->keys[params->count] = params->values[params->count] = NULL;
}

bool pg_host_is_local(const char *host)
{
    if (!host || !*host) return true;
    const char *comma = strchr(host, ',');
    if (comma) {
        AUTO_ARENA scratch = arena_new();
        return pg_host_is_local(arena_strndup(scratch, host, (size_t)(comma - host))) &&
               pg_host_is_local(comma + 1);
    }
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
    return *host == '/' || *host == '@' || str_ieq(host, "localhost") || str_eq(host, "::1");
}

/* libpq's message about a malformed string quotes it, password and all, so it is not shown. */
static bool add_connection_string(Arena *arena, const Link *link, PgParams *params, Error *err)
{
    const char *text = link_text(link, "connection_string");
    if (!text || !*text) return true;
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &problem);
    if (problem) PQfreemem(problem);
    if (!options) {
        error_set(err, ERR_OPTION_VALUE, link_span(link, "connection_string"),
                  "connection_string is not a PostgreSQL connection string");
        return error_hint(err, "write postgresql://user@host:5432/database, with special "
                               "characters of the password as %%XX, or host=… dbname=…");
    }
    for (PQconninfoOption *option = options; option->keyword; option++) {
        if (!option->val) continue;
        if (strchr(option->dispchar, '*')) redact_add(option->val);
        set(params, arena_strdup(arena, option->keyword), arena_strdup(arena, option->val));
    }
    PQconninfoFree(options);
    return true;
}

/* What the environment and a service file add, in `key`'s place; NULL when nothing does. */
static const char *inherited(Arena *arena, const PgParams *params, const char *key)
{
    /* The service file's values are only seen by a connection that uses them. */
    PQconninfoOption *options = NULL;
    PGconn *probe = NULL;
    if (get(params, "service")) {
        const char *keys[] = {"service", "host", "hostaddr", NULL};
        const char *values[] = {get(params, "service"), NULL, NULL, NULL};
        probe = PQconnectStartParams(keys, values, 0);
        options = probe ? PQconninfo(probe) : NULL;
    } else {
        options = PQconndefaults();
    }
    const char *found = NULL;
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (str_eq(option->keyword, key) && option->val && *option->val)
            found = arena_strdup(arena, option->val);
    PQconninfoFree(options);
    PQfinish(probe);
    return found;
}

static void default_tls(Arena *arena, PgParams *params)
{
    const char *host = get(params, "host");
    if (!host) host = get(params, "hostaddr");
    if (!host) host = inherited(arena, params, "host");
    if (!host) host = inherited(arena, params, "hostaddr");
    const char *mode = get(params, "sslmode");
    if (!mode) {
        mode = inherited(arena, params, "sslmode");
        if (!mode || (str_eq(mode, "prefer") && !getenv("PGSSLMODE")))
            mode = pg_host_is_local(host) ? "prefer" : "verify-full";
        set(params, "sslmode", mode);
    }
    if (!str_starts(mode, "verify") || get(params, "sslrootcert") ||
        inherited(arena, params, "sslrootcert"))
        return;
    /* libpq 15 looks only into ~/.postgresql; the system's store is what people expect. */
    const char *home = getenv("HOME");
    if (home && access(arena_printf(arena, "%s/.postgresql/root.crt", home), R_OK) == 0) return;
    const char *stores[] = {getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt",
                            "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
        if (!stores[i] || access(stores[i], R_OK) != 0) continue;
        set(params, "sslrootcert", stores[i]);
        return;
    }
}

/* Text forms must not depend on the server's configuration. A session that waits inside a
 * transaction (the holder of the snapshot) must not be thrown out. */
static const char *setup_sql(Arena *arena, const Link *link)
{
    Buf sql = buf_on(arena);
    buf_puts(&sql, "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; "
                   "SET extra_float_digits = 3; SET TimeZone = 'UTC'; "
                   "SET bytea_output = 'hex'; SET xmloption = 'content'; "
                   "SET client_min_messages = 'warning'; "
                   "SET standard_conforming_strings = on; "
                   "SET idle_in_transaction_session_timeout = 0;");
    const char *const timeouts[] = {"statement_timeout", "lock_timeout"};
    for (size_t i = 0; i < 2; i++) {
        const char *value = link_text(link, timeouts[i]);
        if (!value || !*value) continue;
        buf_printf(&sql, " SET %s = ", timeouts[i]);
        buf_literal(&sql, value);
        buf_putc(&sql, ';');
    }
    return buf_text(&sql);
}

static const char *make_label(Arena *arena, const Link *link, const PgParams *params)
{
    const char *host = get(params, "host");
    if (!host) host = get(params, "hostaddr");
    if (!host) host = inherited(arena, params, "host");
    const char *port = get(params, "port");
    if (!port) port = inherited(arena, params, "port");
    const char *database = get(params, "dbname");
    if (!database) database = inherited(arena, params, "dbname");
    const char *name = link->connection ? link->connection : link->name;
    return arena_printf(arena, "postgres%s%s%s (%s:%s%s%s)", name ? " '" : "", name ? name : "",
                        name ? "'" : "", host ? host : "local socket", port ? port : "5432",
                        database ? "/" : "", database ? database : "");
}

/* A single host name is resolved by us, with a bound on time; libpq would wait as long as the
 * resolver does. */
static const char *host_to_resolve(const PgParams *params)
{
    const char *host = get(params, "host");
    unsigned char address[sizeof(struct in6_addr)];
    if (!host) host = getenv("PGHOST");
    if (!host || !*host || *host == '/' || *host == '@' || strchr(host, ',') ||
        get(params, "hostaddr") || getenv("PGHOSTADDR") ||
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return NULL;
    return host;
}

/* A connection string written in the statement wins over the connection's single values. */
static bool string_wins(const Link *link, const char *option)
{
    return link_has(link, "connection_string") && link_has(link, option) &&
           link_span(link, "connection_string").source == link->span.source &&
           link_span(link, option).source != link->span.source;
}

static void add_options(const Link *link, PgParams *params)
{
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) {
        const char *value = link_text(link, forwarded[i].option);
        if (!value || !*value) continue;
        if (get(params, forwarded[i].keyword) && string_wins(link, forwarded[i].option)) continue;
        set(params, forwarded[i].keyword, value);
    }
}

/* libpq's own complaint would look like a server that is away. Several hosts have several ports. */
static bool check_port(const Link *link, const char *port, Error *err)
{
    long long number = 0;
    if (!port || !*port || strchr(port, ',')) return true;
    if (str_to_int64(port, &number) && number >= 1 && number <= 65535) return true;
    const char *option = link_has(link, "port") ? "port" : "connection_string";
    error_set(err, ERR_OPTION_VALUE, link_span(link, option), "'%s' is no port", port);
    return error_hint(err, "ports are numbers from 1 to 65535; PostgreSQL's is 5432");
}

bool pg_params(Session *session, const Link *link, PgParams *params, Error *err)
{
    Arena *arena = session->arena;
    *params = (PgParams){.stop = session->stop};
    if (!pg_load(err)) return false;
    set(params, "fallback_application_name", "sqlflow");
    if (!add_connection_string(arena, link, params, err)) return false;
    add_options(link, params);
    redact_add(get(params, "password"));
    redact_add(getenv("PGPASSWORD"));
    set(params, "client_encoding", "UTF8");
    if (!check_port(link, get(params, "port"), err)) return false;
    default_tls(arena, params);
    params->connect_timeout = link_number(link, "connect_timeout");
    const char *in_string = get(params, "connect_timeout");
    if (in_string && !link_has(link, "connect_timeout"))
        str_to_double(in_string, &params->connect_timeout);
    if (params->connect_timeout <= 0) params->connect_timeout = 10; /* no bound, to libpq */
    params->timeout = link_number(link, "timeout_seconds");
    if (params->timeout > 0 && params->timeout < params->connect_timeout)
        params->connect_timeout = params->timeout;
    params->setup = setup_sql(arena, link);
    params->host = host_to_resolve(params);
    params->label = make_label(arena, link, params);
    return true;
}
