"""Tables of earlier runs, in the validation before a run and in `validate`: what a step leaves there,
later steps may use (cli.md, behaviour.md section 4)."""
import pytest
from harness import finish, wait_until

FIRST = "CREATE TABLE t AS SELECT 1 AS k, 'x' AS old;"
LOAD = ('SOURCE s TYPE csv PARAMS {{"path": "data/s.csv", "on_schema_change": "{change}"}};\n'
        "LOAD t FROM s {mode};\nCREATE TABLE u AS SELECT {columns} FROM t ORDER BY k;")


def check(project, text, code=0):
    """Validates the pipeline, then runs it: both must say the same."""
    project.pipeline(text)
    project.sf("pipeline", "validate", "p", code=code)
    return project.run(code=code)


@pytest.mark.parametrize("mode, rows", [("MODE APPEND", [(1, "x", None), (2, None, 5)]),
                                        ("MODE UPSERT KEY k", [(1, "x", None), (2, None, 5)])])
def test_columns_that_a_load_leaves_and_adds(project, mode, rows):
    project.run(FIRST)
    project.csv("data/s.csv", "k,new", (2, 5))
    check(project, LOAD.format(change="add_columns", mode=mode, columns="k, old, new"))
    assert project.table("u") == rows


def test_columns_that_a_load_ignores_are_not_there(project):
    project.run(FIRST)
    project.csv("data/s.csv", "k,new", (2, 5))
    text = [LOAD.format(change="ignore", mode="MODE APPEND", columns=c) for c in ("k, old", "k, new")]
    check(project, text[0])
    assert check(project, text[1], code=4)["error"]["code"] == "SF0306"


@pytest.mark.parametrize("statement", [
    "CREATE TABLE t MODE APPEND AS SELECT 2 AS k;", "CREATE TABLE IF NOT EXISTS t AS SELECT 'z' AS other;",
    "CREATE TABLE t MODE APPEND AS SELECT max(k) + 1 AS k FROM t;", "INSERT INTO t VALUES (2, 'y');",
    "UPDATE t SET old = 'y' WHERE k = 1;", "DELETE FROM t WHERE k = 2;", "TRUNCATE t;",
    "ALTER TABLE t ADD COLUMN z INTEGER;", "COMMENT ON TABLE t IS 'text';"])
def test_steps_on_a_table_of_an_earlier_run(project, statement):
    project.run(FIRST)
    check(project, statement + "\nCREATE TABLE u AS SELECT k, old FROM t;")


def test_definitions_of_an_earlier_run(project):
    """Schemas, types, macros and views, not only tables."""
    project.run("CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('a'); CREATE MACRO twice(x) AS x * 2;"
                "CREATE TABLE s.t AS SELECT 1 AS a; CREATE VIEW v AS SELECT * FROM db.s.t;")
    check(project, "CREATE TABLE s.u AS SELECT twice(a) AS b, 'a'::s.mood AS m FROM v; DROP VIEW v;")
    assert project.sql("SELECT b, m::VARCHAR FROM s.u") == [(2, "a")]


def test_full_refresh_goes_by_the_new_types(project):
    text = ('SOURCE s TYPE csv PARAMS {{"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "k",'
            ' "column_types": {{"v": "{type}"}}}};\nLOAD t FROM s;\nCREATE TABLE u AS SELECT {query} FROM t;')
    project.csv("data/s.csv", "k,v", (1, 2))
    check(project, text.format(type="VARCHAR", query="v || 'x' AS v"))
    project.run(text.format(type="INTEGER", query="sum(v) AS v"), "--full-refresh")
    assert project.table("u") == [(2,)]


def test_the_file_column_of_a_load_by_file(project):
    project.csv("data/s.csv", "k", (1,))
    text = ('SOURCE s TYPE csv PARAMS { "path": "data/s.csv", "sync_mode": "incremental" };\n'
            "LOAD t FROM s;\nCREATE TABLE u AS SELECT _sqlflow_file AS f FROM t;")
    for _ in range(2):
        check(project, text)
        assert project.table("u") == [("data/s.csv",)]


def test_a_statement_that_aborts_the_validation_is_the_error(project):
    project.csv("data/s.csv", "k", (1,))
    error = project.fail('SOURCE s TYPE csv PARAMS { "path": "data/s.csv" };\n'
                         "ALTER TABLE nope ADD COLUMN a INTEGER;\nLOAD t FROM s;", code=4)
    assert "nope" in error["message"] and error["line"] == 2


def test_validate_while_a_run_holds_the_database(project):
    """A pipeline that needs none of its tables can be checked, another tells who holds it."""
    project.run(FIRST)
    project.pipeline("CREATE TABLE w AS SELECT count(*) AS n FROM range(3000000000) r(i) WHERE random() < 2;",
                     "slow")
    slow = project.start("run", "slow")
    wait_until(lambda: project.sf("query", "SELECT 1", code=None).code == 7, "the run", slow)
    project.pipeline("CREATE TABLE w AS SELECT 1 AS n;", "alone")
    project.sf("pipeline", "validate", "alone")
    project.pipeline("CREATE TABLE w AS SELECT k FROM t;", "reads")
    project.sf("pipeline", "validate", "reads", code=7)
    slow.terminate()
    finish(slow)


@pytest.mark.parametrize("statement", ["INSERT INTO orderz VALUES (1)", "UPDATE orderz SET k = 1", "TRUNCATE orderz",
                                       "DELETE FROM orderz", "DROP TABLE orderz", "COPY orderz FROM 'data/s.csv'",
                                       "ALTER TABLE orderz ADD COLUMN a INTEGER",
                                       "MERGE INTO orderz USING (SELECT 1 AS k) s USING (k) WHEN MATCHED THEN DELETE"])
def test_a_table_that_is_not_there_to_be_changed(project, statement):
    """The names that are near are the pipeline's and the database's, not DuckDB's own."""
    project.run("CREATE TABLE orders AS SELECT 1 AS k;")
    error = check(project, statement + ";", code=4)["error"]
    assert error["code"] == "SF0301" and error["message"] == "unknown table 'orderz' (did you mean 'orders'?)"
    assert error["column"] == statement.index("orderz") + 1
    error = check(project, statement.replace("orderz", "zzzzzzzz") + ";", code=4)["error"]
    assert error["message"] == "unknown table 'zzzzzzzz'"


def test_what_is_dropped_or_altered_only_if_it_exists(project):
    check(project, "DROP TABLE IF EXISTS nope; ALTER TABLE IF EXISTS nope ADD COLUMN a INTEGER;")


def test_a_renamed_table_is_known_by_its_new_name(project):
    check(project, "CREATE TABLE a AS SELECT 1 AS k;\nDROP TABLE IF EXISTS b;\nALTER TABLE a RENAME TO b;\n"
                   "INSERT INTO b VALUES (2);\nCREATE TABLE c AS SELECT max(k) AS k FROM b;")
    assert project.table("c") == [(2,)] and not project.has_table("a")


@pytest.mark.parametrize("statement", ["CREATE TABLE {} AS SELECT 1 AS k", "LOAD {} FROM (SELECT 1 AS k)",
                                       "CREATE TABLE {} (k INTEGER)", "CREATE VIEW {} AS SELECT 1 AS k"])
@pytest.mark.parametrize("name", ["memory.x", "memory.main.x"])
def test_the_instance_beside_the_database_is_not_for_tables(project, statement, name):
    error = check(project, statement.format(name) + ";", code=4)["error"]
    assert error["code"] == "SF0301" and name in error["message"] and error["line"] == 1


@pytest.mark.parametrize("mode", ["", "MODE APPEND", "MODE UPSERT KEY k", "INCREMENTAL BY k"])
def test_rows_do_not_go_into_views(project, mode):
    project.run("CREATE TABLE t AS SELECT 1 AS k;\nCREATE VIEW v AS FROM t;")
    error = check(project, f"CREATE TABLE v {mode} AS SELECT 2 AS k;", code=4)["error"]
    assert error["message"] == "'v' is a view: rows go into tables" and 'DROP VIEW IF EXISTS "v";' in error["hint"]
    assert (error["line"], error["column"]) == (1, 14)
    check(project, f"DROP VIEW IF EXISTS v;\nCREATE TABLE v {mode} AS SELECT 2 AS k;")
    assert project.table("v") == [(2,)]


def test_a_table_and_a_source_of_one_name(project):
    """It would read the source in the first run and itself in the second."""
    project.write("in/a.csv", "n\n1\n2\n")
    source = 'SOURCE s TYPE csv PARAMS {"path": "in/a.csv"};\n'
    for words in ["TABLE", "TEMP TABLE", "TABLE IF NOT EXISTS"]:
        error = project.fail(source + f"CREATE {words} s AS SELECT n FROM s;", code=4)
        assert error["code"] == "SF0303" and error["line"] == 2
    project.run(source + "LOAD s FROM s; CREATE OR REPLACE TABLE s AS SELECT n + 1 AS n FROM s;")
    assert project.table("s") == [(2,), (3,)]
