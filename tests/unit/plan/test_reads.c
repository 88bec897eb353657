/* Reads of plain SQL statements: which tables, and where they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first. */
#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "lang/lang.h"
#include "lang/name.h"
#include "plan/reads.h"

static const struct {
    const char *sql, *reads; /* "name@column …" */
} statements[] = {
    {"INSERT INTO r VALUES (1)", ""},
    {"INSERT INTO r (a, b) SELECT * FROM t", "t@36"},
    {"INSERT INTO r (FROM t)", "t@21"},
    {"INSERT INTO r TABLE t", "t@21"},
    {"INSERT INTO r ((SELECT 1) UNION ALL (FROM t))", "t@43"},
    {"INSERT INTO r SELECT * FROM (SELECT 1) a, range(2) b(x), t", "t@58"},
    {"INSERT INTO r SELECT * FROM x : t", "t@33"},
    {"INSERT INTO r SELECT EXTRACT(year FROM d), trim(e FROM f) FROM s.t", "t@64"},
    {"INSERT INTO r WITH q(z) AS (FROM t) SELECT z FROM q", "t@34"},
    {"INSERT INTO r SELECT * FROM (WITH t AS (SELECT 1) FROM t), t", "t@60"},
    {"INSERT INTO r PIVOT t ON a USING sum(b)", "t@21"},
    {"INSERT INTO r FROM t ON CONFLICT DO NOTHING", "t@20"},
    {"INSERT INTO r SELECT 1 FROM t JOIN u ON true RETURNING a", "t@29 u@36"},
    {"WITH \"q\" AS (FROM t), p(a) AS (FROM Q) INSERT INTO r SELECT a FROM p, u", "t@19 u@71"},
    {"UPDATE r SET a = 1", ""},
    {"UPDATE r AS x SET a = EXTRACT(year FROM d), (b, c) = (1, DEFAULT)", ""},
    {"UPDATE r SET a = (SELECT max(a) FROM t) FROM range(1), u WHERE a IN (TABLE v)",
     "t@38 u@56 v@76"},
    {"WITH q AS (FROM t) UPDATE r SET a = q.a FROM q RETURNING a", "t@17"},
    {"DELETE FROM r", ""},
    {"DELETE FROM r USING (SELECT 1) s, t WHERE a IS DISTINCT FROM b", "t@35"},
    {"DELETE FROM r WHERE EXISTS (FROM t WHERE a = r.a)", "t@34"},
    {"MERGE INTO r USING t ON r.a = t.a WHEN MATCHED THEN DELETE", "t@20"},
    {"MERGE INTO r USING (FROM range(1), t) s USING (a) WHEN NOT MATCHED AND s.a > 1 THEN INSERT "
     "VALUES ((SELECT max(a) FROM u))", "t@36 u@120"},
    {"MERGE INTO r USING t ON CASE WHEN a THEN b END WHEN MATCHED THEN UPDATE SET a = 1", "t@20"},
    {"ALTER TABLE r ALTER a TYPE INT USING a::INT", ""},
    {"CREATE TABLE r(a) AS SELECT * FROM range(1), t", "t@46"},
    {"CREATE TABLE r(a DATE, b INT AS (EXTRACT(year FROM a)))", ""},
    {"CREATE VIEW r AS (SELECT * FROM range(1), t)", "t@43"},
    {"CREATE MACRO m(x) AS x + (SELECT max(a) FROM t)", "t@46"},
    {"CREATE MACRO m(x) AS TABLE SELECT * FROM range(x), t", "t@52"},
    {"CREATE TYPE y AS ENUM (SELECT a FROM t)", "t@38"},
};

static const struct {
    const char *sql, *writes;
} renames[] = {
    {"ALTER TABLE t RENAME TO \"My u\"", "my u"},
    {"ALTER TABLE s.t RENAME TO u", "s.u"},
    {"ALTER TABLE \"s.t\" RENAME TO \"s.u\"", "\"s.u\""},
    {"ALTER TABLE t RENAME a TO b", ""},
    {"ALTER TABLE t RENAME COLUMN a TO b", ""},
};

static Step step_of(Arena *arena, const char *sql) {
    Diags diags = diags_on(arena);
    const char *text = arena_printf(arena, "%s;", sql);
    const SourceText *source = source_new(arena, "p.sf", text, strlen(text));
    Block block = lang_parse(arena, source, &diags);
    if (block.count != 1 || block.items[0]->kind != STMT_SQL) fail_msg("%s", sql);
    const Stmt *stmt = block.items[0];
    struct SqlSegment *whole = ARENA_NEW(arena, struct SqlSegment);
    Step step = {.kind = STEP_SQL, .query = {sql, stmt->span, whole, 1}};
    step.sql.verb = stmt->sql.verb;
    step.sql.object = stmt->sql.object;
    Strings parts = {0};
    if (stmt->sql.verb == SQL_ALTER) name_split(arena, stmt->sql.target.text, &parts);
    if (parts.count == 2) step.target.schema = parts.items[0];
    return step;
}

static Step tables_of(Arena *arena, Duck *duck, const char *sql) {
    Step step = step_of(arena, sql);
    Diags diags = diags_on(arena);
    step_tables(arena, duck, NULL, &step, &diags);
    assert_int_equal(diags.count, 0);
    return step;
}

static const char *reads_of(Arena *arena, Duck *duck, const char *sql) {
    Step step = tables_of(arena, duck, sql);
    Buf out = buf_on(arena);
    for (size_t i = 0; i < step.reads.count; i++)
        buf_printf(&out, "%s%s@%u", i > 0 ? " " : "", step.reads.items[i].name,
                   span_position(step.reads.items[i].span).column);
    return buf_text(&out);
}

static Duck *open_duck(void) {
    Duck *duck = NULL;
    Error err = {0};
    assert_true(duck_open(&(DuckConfig){.bare = true}, &duck, &err));
    return duck;
}

static void reads_of_plain_sql(void **state) {
    (void)state;
    AUTO_DUCK duck = open_duck();
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        const char *got = reads_of(arena, duck, statements[i].sql);
        if (strcmp(got, statements[i].reads) != 0)
            fail_msg("%s\nreads %s, not %s", statements[i].sql, got, statements[i].reads);
    }
}

static void renamed_tables_are_written(void **state) {
    (void)state;
    AUTO_DUCK duck = open_duck();
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof renames / sizeof *renames; i++) {
        Step step = tables_of(arena, duck, renames[i].sql);
        const char *got = step.writes.count == 0 ? "" : step.writes.items[0].key;
        if (strcmp(got, renames[i].writes) != 0)
            fail_msg("%s\nwrites %s, not %s", renames[i].sql, got, renames[i].writes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_of_plain_sql),
                                       cmocka_unit_test(renamed_tables_are_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
