/* SQLSTATEs, libpq's messages, hosts and types: everything of postgres that needs no server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/redact.h"
#include "connectors/postgres/fail.h"
#include "connectors/postgres/late.h"
#include "connectors/postgres/params.h"
#include "connectors/postgres/querytext.h"
#include "connectors/postgres/types.h"

static void sqlstates(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        ErrorCode code;
        bool transient;
    } rows[] = {
        {"", ERR_CONNECTION, true},          {"08006", ERR_CONNECTION, true},
        {"40001", ERR_REMOTE_SQL, true},     {"40P01", ERR_REMOTE_SQL, true},
        {"53300", ERR_CONNECTION, true},     {"53100", ERR_CONNECTION, true},
        {"55P03", ERR_REMOTE_SQL, true},     {"57P01", ERR_CONNECTION, true},
        {"57P03", ERR_CONNECTION, true},     {"57014", ERR_REMOTE_SQL, true},
        {"28P01", ERR_AUTHENTICATION, false}, {"28000", ERR_AUTHENTICATION, false},
        {"3D000", ERR_REMOTE_OBJECT, false}, {"42P01", ERR_REMOTE_OBJECT, false},
        {"3F000", ERR_REMOTE_OBJECT, false}, {"42501", ERR_REMOTE_PERMISSION, false},
        {"42601", ERR_REMOTE_SQL, false},    {"23505", ERR_REMOTE_SQL, false},
        {"22003", ERR_REMOTE_DATA, false},   {"55000", ERR_REMOTE_SQL, false},
        {"XX000", ERR_REMOTE_SQL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        PgState found = pg_state(rows[i].sqlstate);
        assert_int_equal(found.code, rows[i].code);
        assert_int_equal(found.transient, rows[i].transient);
    }
    assert_true(pg_state(NULL).transient);
}

static void failed_connections(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        PgStage stage;
        ErrorCode code;
        bool transient;
    } rows[] = {
        {"connection to server at \"h\", port 5432 failed: FATAL:  28P01: password authentication "
         "failed for user \"u\"\nLOCATION:  auth_failed, auth.c:326\n",
         PG_STAGE_AUTHENTICATE, ERR_AUTHENTICATION, false},
        {"connection to server failed: FATAL:  3D000: database \"x\" does not exist\n",
         PG_STAGE_DATABASE, ERR_REMOTE_OBJECT, false},
        {"connection to server failed: SCHWERWIEGEND:  53300: zu viele Verbindungen\n",
         PG_STAGE_CONNECT, ERR_CONNECTION, true},
        {"connection to server failed: Connection refused\n\tIs the server running?\n",
         PG_STAGE_CONNECT, ERR_CONNECTION, true},
        {"connection to server failed: SSL error: certificate verify failed\n", PG_STAGE_TLS,
         ERR_CONNECTION, false},
        {"connection failed: server does not support SSL, but SSL was required\n", PG_STAGE_TLS,
         ERR_CONNECTION, false},
        {"fe_sendauth: no password supplied\n", PG_STAGE_AUTHENTICATE, ERR_AUTHENTICATION, false},
        {"definition of service \"x\" not found\n", PG_STAGE_CONNECT, ERR_CONNECTION, false},
        {"invalid sslmode value: \"x\"\n", PG_STAGE_CONNECT, ERR_CONNECTION, false},
        {"server closed the connection unexpectedly\n", PG_STAGE_CONNECT, ERR_CONNECTION, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Error err = {0};
        assert_int_equal(pg_connect_failure("postgres 'w'", rows[i].text, &err), rows[i].stage);
        assert_int_equal(err.code, rows[i].code);
        assert_int_equal(err.transient, rows[i].transient);
        assert_true(strncmp(err.message, "postgres 'w': ", 14) == 0);
        assert_null(strstr(err.message, "LOCATION"));
        assert_null(strstr(err.message, "28P01"));
    }
}

static void secrets_are_masked(void **state)
{
    (void)state;
    redact_add("hunter22");
    Error err = {0};
    pg_error_text(&err, ERR_CONNECTION, "postgres", "bad string password=hunter22 here\n");
    assert_string_equal(err.message, "postgres: bad string password=*** here");
    redact_reset();
}

static void local_hosts(void **state)
{
    (void)state;
    const char *local[] = {NULL, "", "/run/postgresql", "@abstract", "localhost", "LOCALHOST",
                           "127.0.0.1", "127.9.9.9", "::1", "localhost,127.0.0.1"};
    const char *remote[] = {"db.example", "10.0.0.1", "localhost.evil.example", "::2",
                            "localhost,db.example", "1270.0.0.1"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(pg_host_is_local(local[i]));
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        assert_false(pg_host_is_local(remote[i]));
}

static void check_type(uint32_t oid, int32_t typmod, const char *duck)
{
    AUTO_ARENA arena = arena_new();
    PgScalar scalar = pg_scalar(arena, oid, typmod, false, NUMERIC_VARCHAR);
    assert_string_equal(scalar.duck, duck);
}

static int32_t numeric_typmod(int precision, int scale)
{
    return (int32_t)(((uint32_t)precision << 16 | ((uint32_t)scale & 0x7ff)) + 4);
}

static void types(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    check_type(OID_INT8, -1, "BIGINT");
    check_type(OID_JSONB, -1, "JSON");
    check_type(OID_TIMESTAMPTZ, -1, "TIMESTAMP WITH TIME ZONE");
    check_type(OID_NUMERIC, numeric_typmod(10, 2), "DECIMAL(10,2)");
    check_type(OID_NUMERIC, numeric_typmod(38, 38), "DECIMAL(38,38)");
    check_type(OID_NUMERIC, numeric_typmod(3, -2), "DECIMAL(5,0)");
    check_type(OID_NUMERIC, numeric_typmod(2, 5), "DECIMAL(5,5)");
    check_type(OID_NUMERIC, numeric_typmod(39, 0), "VARCHAR");
    check_type(OID_NUMERIC, numeric_typmod(38, -1), "VARCHAR");
    check_type(OID_NUMERIC, -1, "VARCHAR");
    assert_int_equal(pg_scalar(arena, OID_NUMERIC, -1, false, NUMERIC_DOUBLE).kind,
                     KIND_NUMERIC_DOUBLE);
    assert_true(pg_scalar(arena, OID_NUMERIC, -1, false, NUMERIC_ERROR).refused);
    assert_false(pg_scalar(arena, 99999, -1, true, NUMERIC_ERROR).as_text);
    assert_true(pg_scalar(arena, 99999, -1, false, NUMERIC_ERROR).as_text);
}

static void dates_before_christ(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    static const char *const pairs[][2] = {
        {"0044-03-15 (BC)", "0044-03-15 BC"},
        {"0044-03-15 (BC) 12:00:00", "0044-03-15 12:00:00 BC"},
        {"0044-03-15 (BC) 12:00:00+00", "0044-03-15 12:00:00+00 BC"},
        {"2024-01-01 00:00:00", "2024-01-01 00:00:00"},
        {"infinity", "infinity"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_string_equal(pg_bc_to_postgres(arena, pairs[i][0]), pairs[i][1]);
        assert_string_equal(pg_bc_to_duck(arena, pairs[i][1]), pairs[i][0]);
    }
}

static void ends_of_queries(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"SELECT 1", "SELECT 1"},
        {"SELECT 1;\n ; -- done", "SELECT 1"},
        {"SELECT ';' ; /* a /* nested; */ x */ \n", "SELECT ';'"},
        {"SELECT 'it''s' -- ;\n, 2;", "SELECT 'it''s' -- ;\n, 2"},
        {"SELECT E'a\\'; b' ;", "SELECT E'a\\'; b'"},
        {"SELECT $x$ ; $$ ' $x$;", "SELECT $x$ ; $$ ' $x$"},
        {"SELECT \"a;\"\"--b\" ;--", "SELECT \"a;\"\"--b\""},
        {"SELECT $1", "SELECT $1"},
        {"SELECT 'open", "SELECT 'open"},
        {" ;; ", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(pg_query_end(rows[i][0]), strlen(rows[i][1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlstates),       cmocka_unit_test(failed_connections),
        cmocka_unit_test(secrets_are_masked), cmocka_unit_test(local_hosts),
        cmocka_unit_test(types),           cmocka_unit_test(dates_before_christ),
        cmocka_unit_test(ends_of_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
