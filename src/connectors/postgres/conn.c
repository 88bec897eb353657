/* Connecting, statements and COPY over a non-blocking libpq connection.
 * Every wait is a poll of at most 200 ms in a loop that looks at the clock and at `stop`. */
#include "connectors/postgres/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/redact.h"
#include "connectors/postgres/bounded.h"

enum { SLICE_MS = 200 };

static bool interrupted(PgConn *conn, Error *err)
{
    if (!conn->stop || !*conn->stop) return false;
    if (conn->pq) pg_cancel(PQgetCancel(conn->pq));
    error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
    return true;
}

static double deadline_of(const PgConn *conn)
{
    return conn->timeout > 0 ? clock_steady() + conn->timeout : 0;
}

/* Silence may be a dead network or a long statement. A second session tells: a backend that works
 * may go on; one that waits for us while we wait for it has lost its line. */
static bool server_works(PgConn *conn)
{
    if (!conn->params) return false;
    AUTO_ARENA scratch = arena_new();
    AUTO_PGCONN other = {0};
    AUTO_PGRESULT result = NULL;
    Error ignored = {0};
    PgParams params = *conn->params;
    params.asking = true;
    params.timeout = params.connect_timeout;
    if (!pg_open(&params, &other, NULL, &ignored)) return false;
    const char *pid = arena_printf(scratch, "%d", PQbackendPID(conn->pq));
    return pg_exec_args(&other,
                        "SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1::int AND "
                        "state = 'active' AND wait_event_type IS DISTINCT FROM 'Client'",
                        (PgArgs){1, &pid}, &result, &ignored) &&
           PQntuples(result) == 1;
}

/* Waits for the socket. `deadline` 0: none. Returns the events, 0 on error. */
static short wait_socket(PgConn *conn, short events, double deadline, Error *err)
{
    struct pollfd poller = {.fd = PQsocket(conn->pq), .events = events};
    for (;;) {
        if (interrupted(conn, err)) return 0;
        int ready = poll(&poller, 1, SLICE_MS);
        if (ready > 0) return poller.revents;
        if (ready < 0 && errno != EINTR) {
            error_set(err, ERR_CONNECTION, SPAN_NONE, "%s: %s", conn->label, strerror(errno));
            err->transient = true;
            return 0;
        }
        if (deadline == 0 || clock_steady() < deadline) continue;
        if (server_works(conn)) {
            deadline = deadline_of(conn);
            continue;
        }
        pg_cancel(PQgetCancel(conn->pq));
        error_set(err, ERR_CONNECTION, SPAN_NONE, "%s: no answer within %g s", conn->label,
                  conn->timeout);
        error_hint(err, "timeout_seconds bounds every wait for the network");
        err->transient = true;
        return 0;
    }
}

static bool lost(PgConn *conn, Error *err)
{
    pg_error_text(err, ERR_CONNECTION, conn->label, PQerrorMessage(conn->pq));
    err->transient = true;
    return false;
}

/* -- connecting ---------------------------------------------------------------------------- */

static void tell(PgTrace *trace, PgStage stage, const char *detail)
{
    if (trace && trace->reached) trace->reached(trace->context, stage, detail ? detail : "");
}

/* libpq with the addresses we found: host stays, for certificates and ~/.pgpass. */
static PGconn *start(const PgParams *params, const char *addresses, int count)
{
    AUTO_ARENA scratch = arena_new();
    const char *keys[PG_MAX_PARAMS + 3], *values[PG_MAX_PARAMS + 3];
    size_t n = 0;
    for (; n < params->count; n++) {
        keys[n] = params->keys[n];
        values[n] = params->values[n];
    }
    if (count > 0) {
        Buf hosts = buf_on(scratch);
        for (int i = 0; i < count; i++) buf_printf(&hosts, "%s%s", i ? "," : "", params->host);
        keys[n] = "hostaddr";
        values[n++] = addresses;
        keys[n] = "host";
        values[n++] = buf_text(&hosts);
    }
    keys[n] = values[n] = NULL;
    return PQconnectStartParams(keys, values, 0);
}

static void trace_status(PGconn *pq, PgTrace *trace, int *told)
{
    ConnStatusType status = PQstatus(pq);
    if (*told < 1 && status != CONNECTION_STARTED && status != CONNECTION_BAD &&
        status != CONNECTION_NEEDED) {
        const char *address = PQhostaddr(pq);
        tell(trace, PG_STAGE_CONNECT, address && *address ? address : PQhost(pq));
        *told = 1;
    }
    if (*told < 2 && *told == 1 && PQsslInUse(pq) && status != CONNECTION_SSL_STARTUP &&
        status != CONNECTION_BAD) {
        tell(trace, PG_STAGE_TLS, PQsslAttribute(pq, "protocol"));
        *told = 2;
    }
}

/* `started` is when the attempt began, with the name's resolution. */
static bool handshake(PgConn *conn, double started, PgTrace *trace, const PgParams *params,
                      Error *err)
{
    double deadline = started + params->connect_timeout;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    int told = 0;
    while (next != PGRES_POLLING_OK) {
        if (next == PGRES_POLLING_FAILED) {
            PgStage stage = pg_connect_failure(conn->label, PQerrorMessage(conn->pq), err);
            if (trace) trace->failed = stage;
            return false;
        }
        struct pollfd poller = {.fd = PQsocket(conn->pq),
                                .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int ready = poll(&poller, 1, SLICE_MS);
        if (conn->stop && *conn->stop)
            return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
        if (ready > 0 || (ready < 0 && errno != EINTR)) next = PQconnectPoll(conn->pq);
        trace_status(conn->pq, trace, &told);
        if (next == PGRES_POLLING_OK || clock_steady() < deadline) continue;
        error_set(err, ERR_CONNECTION, SPAN_NONE, "%s: no connection within %g s", conn->label,
                  params->connect_timeout);
        error_hint(err, "check host, port and firewall; connect_timeout is the bound");
        err->transient = true;
        if (trace) trace->failed = told >= 1 ? PG_STAGE_AUTHENTICATE : PG_STAGE_CONNECT;
        return false;
    }
    trace_status(conn->pq, trace, &told);
    return true;
}

bool pg_open(const PgParams *params, PgConn *conn, PgTrace *trace, Error *err)
{
    *conn = (PgConn){.label = params->label, .params = params->asking ? NULL : params,
                     .stop = params->stop, .timeout = params->timeout};
    double started = clock_steady();
    char addresses[PG_ADDRESSES_MAX] = "";
    int count = 0;
    if (params->host) {
        if (trace) trace->failed = PG_STAGE_RESOLVE;
        if (!pg_resolve(params->host, params->connect_timeout, params->stop, addresses, &count,
                        err))
            return error_prefix(err, "%s: ", conn->label);
        tell(trace, PG_STAGE_RESOLVE, addresses);
    }
    if (trace) trace->failed = PG_STAGE_CONNECT;
    conn->pq = start(params, addresses, count);
    if (!conn->pq) abort();
    if (PQstatus(conn->pq) == CONNECTION_BAD) {
        PgStage stage = pg_connect_failure(conn->label, PQerrorMessage(conn->pq), err);
        if (trace) trace->failed = stage;
        pg_close(conn);
        return false;
    }
    PQsetErrorVerbosity(conn->pq, PQERRORS_VERBOSE);
    if (!handshake(conn, started, trace, params, err)) {
        pg_close(conn);
        return false;
    }
    PQsetErrorVerbosity(conn->pq, PQERRORS_DEFAULT);
    PQsetnonblocking(conn->pq, 1);
    conn->version = PQserverVersion(conn->pq);
    if (!PQsslInUse(conn->pq)) tell(trace, PG_STAGE_TLS, "not used");
    tell(trace, PG_STAGE_AUTHENTICATE, PQuser(conn->pq));
    tell(trace, PG_STAGE_DATABASE, PQdb(conn->pq));
    if (pg_exec(conn, params->setup, NULL, err)) return true;
    pg_close(conn);
    return false;
}

void pg_close(PgConn *conn)
{
    if (!conn->pq) return;
    bool stopped = conn->stop && *conn->stop; /* then it was cancelled where it waited */
    if (!stopped && PQstatus(conn->pq) == CONNECTION_OK &&
        PQtransactionStatus(conn->pq) == PQTRANS_ACTIVE)
        pg_cancel(PQgetCancel(conn->pq));
    PQfinish(conn->pq);
    conn->pq = NULL;
}

void pg_conn_cleanup(PgConn *conn) { pg_close(conn); }
void pg_result_cleanup(PGresult **result) { PQclear(*result); }

/* -- statements ---------------------------------------------------------------------------- */

/* Sets err from a failed result, or by the connection's own message when it has none. */
static bool result_error(PgConn *conn, const PGresult *result, Error *err)
{
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!sqlstate) return lost(conn, err);
    PgState state = pg_state(sqlstate);
    AUTO_ARENA scratch = arena_new();
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *where = PQresultErrorField(result, PG_DIAG_CONTEXT);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    const char *text = arena_printf(scratch, "%s%s%s%s%s (SQLSTATE %s)", primary ? primary : "",
                                    detail ? "; " : "", detail ? detail : "", where ? "; " : "",
                                    where ? where : "", sqlstate);
    pg_error_text(err, state.code, conn->label, text);
    err->transient = state.transient;
    return error_hint(err, "%s", hint ? redact_text(scratch, hint) : state.hint);
}

static bool flush(PgConn *conn, Error *err)
{
    double deadline = deadline_of(conn);
    for (int pending = PQflush(conn->pq); pending != 0; pending = PQflush(conn->pq)) {
        if (pending < 0) return lost(conn, err);
        short events = wait_socket(conn, POLLIN | POLLOUT, deadline, err);
        if (!events) return false;
        if ((events & POLLIN) && !PQconsumeInput(conn->pq)) return lost(conn, err);
    }
    return true;
}

static bool wait_result(PgConn *conn, Error *err)
{
    double deadline = deadline_of(conn);
    while (PQisBusy(conn->pq)) {
        if (!wait_socket(conn, POLLIN, deadline, err)) return false;
        if (!PQconsumeInput(conn->pq)) return lost(conn, err);
    }
    return true;
}

/* Collects the results of what was sent: the first error, else the last result. */
static bool finish(PgConn *conn, PGresult **out, Error *err)
{
    if (out) *out = NULL;
    AUTO_PGRESULT kept = NULL;
    bool ok = flush(conn, err);
    while (ok) {
        if (!wait_result(conn, err)) return false;
        PGresult *result = PQgetResult(conn->pq);
        if (!result) break;
        ExecStatusType status = PQresultStatus(result);
        bool failed = kept && PQresultStatus(kept) == PGRES_FATAL_ERROR;
        if (failed) {
            PQclear(result);
        } else {
            PQclear(kept);
            kept = result;
        }
        if (status == PGRES_COPY_OUT || status == PGRES_COPY_IN) break;
        if (PQstatus(conn->pq) == CONNECTION_BAD) break;
    }
    if (!ok) return false;
    if (!kept || PQresultStatus(kept) == PGRES_FATAL_ERROR) {
        if (interrupted(conn, err)) return false;
        return result_error(conn, kept, err);
    }
    if (out) {
        *out = kept;
        kept = NULL;
    }
    return true;
}

bool pg_exec(PgConn *conn, const char *sql, PGresult **result, Error *err)
{
    if (result) *result = NULL;
    if (!PQsendQuery(conn->pq, sql)) return lost(conn, err);
    return finish(conn, result, err);
}

bool pg_execf(PgConn *conn, Error *err, const char *format, ...)
{
    AUTO_ARENA scratch = arena_new();
    va_list args;
    va_start(args, format);
    const char *sql = arena_vprintf(scratch, format, args);
    va_end(args);
    return pg_exec(conn, sql, NULL, err);
}

bool pg_exec_args(PgConn *conn, const char *sql, PgArgs args, PGresult **result, Error *err)
{
    if (result) *result = NULL;
    if (!PQsendQueryParams(conn->pq, sql, args.count, NULL, args.values, NULL, NULL, 0))
        return lost(conn, err);
    return finish(conn, result, err);
}

bool pg_describe(PgConn *conn, const char *sql, PGresult **result, Error *err)
{
    *result = NULL;
    if (!PQsendPrepare(conn->pq, "", sql, 0, NULL)) return lost(conn, err);
    if (!finish(conn, NULL, err)) return false;
    if (!PQsendDescribePrepared(conn->pq, "")) return lost(conn, err);
    return finish(conn, result, err);
}

/* -- COPY ---------------------------------------------------------------------------------- */

int pg_copy_get(PgConn *conn, char **data, Error *err)
{
    double deadline = 0;
    for (;;) {
        int size = PQgetCopyData(conn->pq, data, 1);
        if (size > 0) return size;
        if (size == -1) return finish(conn, NULL, err) ? 0 : -1;
        if (size < -1) {
            result_error(conn, NULL, err);
            return -1;
        }
        if (deadline == 0) deadline = deadline_of(conn);
        if (!wait_socket(conn, POLLIN, deadline, err)) return -1;
        if (!PQconsumeInput(conn->pq)) {
            lost(conn, err);
            return -1;
        }
    }
}

bool pg_copy_put(PgConn *conn, const void *data, size_t size, Error *err)
{
    const char *bytes = data;
    while (size > 0) {
        int piece = size > (1u << 20) ? 1 << 20 : (int)size;
        int sent = PQputCopyData(conn->pq, bytes, piece);
        if (sent < 0) return lost(conn, err);
        if (!flush(conn, err)) return false;
        if (sent == 0) continue;
        bytes += piece;
        size -= (size_t)piece;
    }
    return true;
}

bool pg_copy_end(PgConn *conn, int64_t *rows, Error *err)
{
    AUTO_PGRESULT result = NULL;
    double deadline = deadline_of(conn);
    for (int sent = PQputCopyEnd(conn->pq, NULL); sent != 1;
         sent = PQputCopyEnd(conn->pq, NULL)) {
        if (sent < 0) return lost(conn, err);
        if (!wait_socket(conn, POLLOUT, deadline, err)) return false;
    }
    if (!finish(conn, &result, err)) return false;
    *rows = strtoll(PQcmdTuples(result), NULL, 10);
    return true;
}

const char *pg_field(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

int64_t pg_field_int(const PGresult *result, int row, int column)
{
    const char *text = pg_field(result, row, column);
    return text ? strtoll(text, NULL, 10) : 0;
}
