/* A link at work: extensions, secrets in DuckDB's memory, the side connection, statements whose
 * results are short. Secrets are made anew for every call and dropped after it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "connectors/s3.h"
#include "duck_api.h"

/* -- statements -------------------------------------------------------------------------- */

static const char *cell_text(Arena *arena, duckdb_vector vector, idx_t row) {
    uint64_t *validity = duckdb_vector_get_validity(vector);
    if (validity != NULL && !duckdb_validity_row_is_valid(validity, row)) return NULL;
    duckdb_logical_type type = duckdb_vector_get_column_type(vector);
    duckdb_type id = duckdb_get_type_id(type);
    duckdb_destroy_logical_type(&type);
    void *data = duckdb_vector_get_data(vector);
    if (id == DUCKDB_TYPE_BIGINT || id == DUCKDB_TYPE_UBIGINT)
        return arena_printf(arena, "%lld", (long long)((int64_t *)data)[row]);
    if (id != DUCKDB_TYPE_VARCHAR) return NULL;
    duckdb_string_t *text = &((duckdb_string_t *)data)[row];
    return arena_strndup(arena, duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

static void read_chunk(Arena *arena, duckdb_data_chunk chunk, S3Table *table) {
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    for (idx_t row = 0; row < rows; row++)
        for (idx_t column = 0; column < table->columns; column++)
            strings_add(arena, &table->cells,
                        cell_text(arena, duckdb_data_chunk_get_vector(chunk, column), row));
}

bool s3_query(S3 *s3, bool on_run, const char *sql, S3Table *table, Error *err) {
    duckdb_connection connection = on_run ? duck_connection(s3->session->duck) : s3->side;
    S3Table unused;
    if (table == NULL) table = &unused;
    *table = (S3Table){0};
    if (s3->session->stop != NULL && *s3->session->stop)
        return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
    duckdb_result result;
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess) {
        s3_fail(s3, duckdb_result_error(&result), err);
        duckdb_destroy_result(&result);
        return false;
    }
    table->columns = duckdb_column_count(&result);
    duckdb_data_chunk chunk;
    while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
        read_chunk(s3->session->arena, chunk, table);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return true;
}

/* -- secrets ----------------------------------------------------------------------------- */

static void put(Buf *sql, const char *name, const char *value) {
    if (value == NULL || *value == '\0') return;
    buf_printf(sql, ", %s ", name);
    buf_literal(sql, value);
}

static const char *region_of(const Link *link) {
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    if (link_has(link, "region")) return link_text(link, "region");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') return value;
    }
    /* Without credentials of its own the secret takes the region from the AWS configuration. */
    return link_has(link, "access_key_id") || link_has(link, "endpoint_url") ? "us-east-1" : NULL;
}

/* Scoped to the bucket: the slash keeps `lake` from serving `lakehouse`, too. */
static const char *secret_sql(const S3 *s3, const char *name) {
    const Link *link = s3->link;
    S3Endpoint endpoint = s3_endpoint(s3->session->arena, link, s3->place.bucket);
    Buf sql = buf_on(s3->session->arena);
    buf_printf(&sql, "CREATE TEMPORARY SECRET %s (TYPE s3", name);
    if (link_has(link, "access_key_id")) {
        put(&sql, "KEY_ID", link_text(link, "access_key_id"));
        put(&sql, "SECRET", link_text(link, "secret_access_key"));
        put(&sql, "SESSION_TOKEN", link_text(link, "session_token"));
    } else {
        buf_puts(&sql, ", PROVIDER credential_chain");
        put(&sql, "PROFILE", link_text(link, "aws_profile"));
    }
    put(&sql, "REGION", region_of(link));
    put(&sql, "ENDPOINT", endpoint.host);
    put(&sql, "URL_STYLE", endpoint.url_style);
    buf_printf(&sql, ", USE_SSL %s", endpoint.ssl ? "true" : "false");
    put(&sql, "SCOPE", arena_printf(s3->session->arena, "s3://%s/", s3->place.bucket));
    buf_putc(&sql, ')');
    return buf_text(&sql);
}

static bool no_credentials(const S3 *s3, Error *err) {
    const Link *link = s3->link;
    const char *why = arena_strdup(s3->session->arena, err->message);
    if (link_has(link, "access_key_id"))
        return error_set(err, ERR_OPTION_VALUE, link->span,
                         "the S3 options of '%s' are not usable: %s", link->name, why);
    if (link_has(link, "aws_profile")) {
        error_set(err, ERR_AUTHENTICATION, link_span(link, "aws_profile"),
                  "there are no usable credentials in the AWS profile '%s' (%s)",
                  link_text(link, "aws_profile"), why);
        return error_hint(err, "`aws configure list-profiles` shows the profiles there are");
    }
    error_set(err, ERR_AUTHENTICATION, link->span,
              "no AWS credentials were found for s3://%s", s3->place.bucket);
    return error_hint(err, "set access_key_id and secret_access_key, aws_profile, or the "
                           "environment's AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
}

static bool make_secret(S3 *s3, bool on_run, const char **name, Error *err) {
    static unsigned long counter;
    const char *made = arena_printf(s3->session->arena, "sqlflow_s3_%lu",
                                    __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
    if (!s3_query(s3, on_run, secret_sql(s3, made), NULL, err)) return no_credentials(s3, err);
    *name = made;
    return true;
}

static void drop_secret(S3 *s3, bool on_run, const char **name) {
    Error ignored = {0};
    Session session = *s3->session; /* an interrupt must not keep it alive */
    session.stop = NULL;
    S3 quiet = *s3;
    quiet.session = &session;
    if (*name != NULL)
        s3_query(&quiet, on_run,
                 arena_printf(session.arena, "DROP TEMPORARY SECRET IF EXISTS %s", *name), NULL,
                 &ignored);
    *name = NULL;
}

/* -- opening ----------------------------------------------------------------------------- */

/* Loading may abort a transaction when it fails, but then the installation is broken anyway. */
static bool load(const S3 *s3, Error *err) {
    return duck_load_extension(s3->session->duck, "httpfs", err) &&
           (link_has(s3->link, "access_key_id") ||
            duck_load_extension(s3->session->duck, "aws", err));
}

static bool set_waits(S3 *s3, bool on_run, long long retries, Error *err) {
    double seconds = ceil(link_number(s3->link, "timeout_seconds"));
    if (!(seconds >= 1)) seconds = 1;
    if (seconds > 86400) seconds = 86400;
    double pause = link_number(s3->link, "retry_delay");
    if (!(pause >= 0 && pause <= 1)) pause = 1;
    const char *sql = arena_printf(
        s3->session->arena,
        "SET GLOBAL http_timeout = %.0f; SET GLOBAL http_retries = %lld; "
        "SET GLOBAL http_retry_wait_ms = %.0f",
        seconds, retries, pause * 1000);
    return s3_query(s3, on_run, sql, NULL, err);
}

bool s3_open(S3 *s3, Error *err) {
    s3_began(s3);
    if (!load(s3, err)) return false;
    if (duckdb_connect(duck_database(s3->session->duck), (duckdb_connection *)&s3->side) !=
        DuckDBSuccess)
        return error_set(err, ERR_MEMORY, s3->link->span, "no second connection to DuckDB");
    return set_waits(s3, false, 0, err) && make_secret(s3, false, &s3->side_secret, err);
}

bool s3_enter(S3 *s3, long long retries, Error *err) {
    return set_waits(s3, true, retries, err) && make_secret(s3, true, &s3->secret, err);
}

void s3_forget(S3 *s3) { drop_secret(s3, true, &s3->secret); }

void s3_close(S3 *s3) {
    if (s3->side == NULL) return;
    drop_secret(s3, false, &s3->side_secret);
    duckdb_connection side = s3->side;
    duckdb_disconnect(&side);
    s3->side = NULL;
}

void s3_cleanup(S3 *s3) {
    s3_close(s3);
    s3_forget(s3);
    s3_ended(s3);
}
