/* Maps PostgreSQL's failures to error codes, hints and "may a retry help".
 * Works on texts and SQLSTATEs only, so that it can be tested without a server. */
#include "connectors/postgres/fail.h"

#include <ctype.h>
#include <string.h>

#include "base/redact.h"
#include "base/str.h"

/* The longest prefix that fits wins: exact states stand before their class. */
static const struct {
    const char *prefix;
    PgState state;
} states[] = {
    {"28P01", {ERR_AUTHENTICATION, false, "check user and password of the connection"}},
    {"28", {ERR_AUTHENTICATION, false, "check the user, and the server's pg_hba.conf"}},
    {"3D000", {ERR_REMOTE_OBJECT, false, "check the option 'database'"}},
    {"3F000", {ERR_REMOTE_OBJECT, false, "check the option 'schema'"}},
    {"42P01", {ERR_REMOTE_OBJECT, false, "`sqlflow connect discover` lists the tables"}},
    {"42501", {ERR_REMOTE_PERMISSION, false, "the role needs a GRANT from the object's owner"}},
    {"23503",
     {ERR_REMOTE_SQL, false,
      "a foreign key: export what is referred to first; mode upsert keeps rows that others need"}},
    {"25006",
     {ERR_REMOTE_PERMISSION, false,
      "sources are read in a read-only transaction; a replica, or default_transaction_read_only of "
      "the role or database, refuses every write"}},
    {"53300",
     {ERR_CONNECTION, true, "the server has no free connection; lower 'parallel', or try later"}},
    {"55P03", {ERR_REMOTE_SQL, true, "another session holds a lock; see lock_timeout"}},
    {"57014",
     {ERR_REMOTE_SQL, true, "the statement was cancelled on the server; see statement_timeout"}},
    {"57P03", {ERR_CONNECTION, true, "the server is starting up or shutting down"}},
    {"25P03", {ERR_CONNECTION, true, ""}},
    {"22", {ERR_REMOTE_DATA, false, ""}},
    {"08", {ERR_CONNECTION, true, ""}},
    {"40", {ERR_REMOTE_SQL, true, ""}},
    {"53", {ERR_CONNECTION, true, "the server lacks memory, disk or connections"}},
    {"57P", {ERR_CONNECTION, true, "the server ended the session"}},
};

PgState pg_state(const char *sqlstate)
{
    if (!sqlstate || !*sqlstate) return (PgState){ERR_CONNECTION, true, ""};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (str_starts(sqlstate, states[i].prefix)) return states[i].state;
    return (PgState){ERR_REMOTE_SQL, false, ""};
}

bool pg_error_text(Error *err, ErrorCode code, const char *label, const char *text)
{
    AUTO_ARENA scratch = arena_new();
    char *trimmed = str_trim(scratch, text, strlen(text));
    const char *masked = redact_text(scratch, trimmed);
    return error_set(err, code, SPAN_NONE, "%s: %s", label, masked);
}

/* In the verbose form the server's errors read "FATAL:  28P01: password …"; the severity may be
 * translated, so the state is found by its shape. */
static bool find_sqlstate(const char *text, char out[6])
{
    for (const char *p = strstr(text, ":  "); p; p = strstr(p + 3, ":  ")) {
        const char *s = p + 3;
        size_t i = 0;
        while (i < 5 && (isdigit((unsigned char)s[i]) || (s[i] >= 'A' && s[i] <= 'Z'))) i++;
        if (i == 5 && s[5] == ':' && s[6] == ' ') {
            memcpy(out, s, 5);
            out[5] = '\0';
            return true;
        }
    }
    return false;
}

/* The server's message without state, LOCATION line and the like. */
static const char *readable(Arena *arena, const char *text, const char *sqlstate)
{
    char *copy = arena_strdup(arena, text);
    char *location = strstr(copy, "\nLOCATION:");
    if (location) *location = '\0';
    return str_replace(arena, copy, arena_printf(arena, "%s: ", sqlstate), "");
}

static const struct {
    const char *text; /* part of libpq's own message; these are in English or translated with it */
    PgStage stage;
    bool transient;
    const char *hint;
} local_failures[] = {
    {"certificate verify failed", PG_STAGE_TLS, false,
     "the server's certificate is not signed by a known CA: set 'sslrootcert' to its file"},
    {"root certificate file", PG_STAGE_TLS, false,
     "set 'sslrootcert' to the file of the CA that signed the server's certificate"},
    {"does not match host name", PG_STAGE_TLS, false,
     "connect by a name that is in the server's certificate, or use sslmode verify-ca"},
    {"could not read root certificate", PG_STAGE_TLS, false, "check the option 'sslrootcert'"},
    {"does not support SSL", PG_STAGE_TLS, false,
     "remote hosts are asked for TLS (sslmode verify-full) unless 'sslmode' says otherwise"},
    {"SSL error", PG_STAGE_TLS, false, "check 'sslmode', 'sslrootcert', 'sslcert' and 'sslkey'"},
    {"no password supplied", PG_STAGE_AUTHENTICATE, false,
     "set 'password' (from a variable: \"${PG_PASSWORD}\"), PGPASSWORD or ~/.pgpass"},
    {"could not translate host name", PG_STAGE_RESOLVE, false, "check the option 'host'"},
    {"definition of service", PG_STAGE_CONNECT, false,
     "check the option 'service', PGSERVICE and ~/.pg_service.conf"},
    {" value: \"", PG_STAGE_CONNECT, false, "check connection_string and PG* variables"},
    {"invalid port number", PG_STAGE_CONNECT, false, "check connection_string and PGPORT"},
    {"invalid integer value", PG_STAGE_CONNECT, false, "check connection_string and PG* variables"},
    {"could not match", PG_STAGE_CONNECT, false, "give one port, or as many as there are hosts"},
    {"Connection refused", PG_STAGE_CONNECT, true,
     "no server listens there; check 'host' and 'port'"},
    {"No such file or directory", PG_STAGE_CONNECT, true,
     "no server listens on that socket; set 'host' for a server elsewhere"},
};

static PgStage stage_of(const char *sqlstate)
{
    if (str_starts(sqlstate, "28")) return PG_STAGE_AUTHENTICATE;
    if (str_starts(sqlstate, "3D") || str_starts(sqlstate, "42501")) return PG_STAGE_DATABASE;
    return PG_STAGE_CONNECT;
}

PgStage pg_connect_failure(const char *label, const char *libpq_text, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    char sqlstate[6] = "";
    if (find_sqlstate(libpq_text, sqlstate)) {
        PgState state = pg_state(sqlstate);
        bool answered = state.code == ERR_REMOTE_SQL;
        pg_error_text(err, answered ? ERR_CONNECTION : state.code, label,
                      readable(scratch, libpq_text, sqlstate));
        err->transient = state.transient;
        error_hint(err, "%s", state.hint);
        return stage_of(sqlstate);
    }
    pg_error_text(err, ERR_CONNECTION, label, libpq_text);
    err->transient = true;
    for (size_t i = 0; i < sizeof local_failures / sizeof *local_failures; i++) {
        if (!strstr(libpq_text, local_failures[i].text)) continue;
        if (local_failures[i].stage == PG_STAGE_AUTHENTICATE) err->code = ERR_AUTHENTICATION;
        err->transient = local_failures[i].transient;
        error_hint(err, "%s", local_failures[i].hint);
        return local_failures[i].stage;
    }
    return PG_STAGE_CONNECT;
}
