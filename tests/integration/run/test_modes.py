"""How rows go into tables: names, casts, modes and their counts (behaviour.md, section 4)."""
import datetime
import decimal
import json

import pytest
from harness import steps_by_id

LOAD = 'SOURCE s TYPE csv PARAMS {{"path": "data/s.csv", "has_header": true{extra}}};\nLOAD t FROM s {mode};\n'


def load(mode="", **options):
    extra = "".join(f', "{k}": {json.dumps(v)}' for k, v in options.items())
    return LOAD.format(mode=mode, extra=extra)


# -- names and casts --------------------------------------------------------------------------

def test_rows_arrive_by_name(project):
    project.pipeline("CREATE TABLE t MODE APPEND AS SELECT 1 AS a, 'x' AS b;")
    project.run()
    project.run("CREATE TABLE t MODE APPEND AS SELECT 'y' AS B, 2 AS A;")
    assert project.table("t") == [(1, "x"), (2, "y")]


FITS = [
    ("INTEGER", "'01'", 1), ("INTEGER", "'5.0'", 5), ("INTEGER", "7::BIGINT", 7),
    ("INTEGER", "7.0::DOUBLE", 7), ("BIGINT", "1e3::DOUBLE", 1000),
    ("DECIMAL(9,2)", "'1.50'", decimal.Decimal("1.50")), ("DECIMAL(9,2)", "1.5", decimal.Decimal("1.50")),
    ("DOUBLE", "9007199254740992::BIGINT", 9007199254740992.0), ("DOUBLE", "'0.1'", 0.1),
    ("DATE", "TIMESTAMP '2026-01-02 00:00:00'", datetime.date(2026, 1, 2)),
    ("DATE", "'2026-01-02'", datetime.date(2026, 1, 2)),
    ("TIMESTAMP", "DATE '2026-01-02'", datetime.datetime(2026, 1, 2)),
    ("VARCHAR", "12", "12"), ("VARCHAR", "true", "true"), ("BOOLEAN", "'true'", True),
    ("INTEGER", "NULL", None), ("SMALLINT", "NULL::VARCHAR", None),
    ("TIMESTAMP", "'9999-12-31 23:59:59'", datetime.datetime(9999, 12, 31, 23, 59, 59)),
    ("TIMESTAMP", "'1500-01-02'", datetime.datetime(1500, 1, 2)),
    ("DATE", "'9999-12-31'", datetime.date(9999, 12, 31)),
    ("TIME", "'10:00:00.1234560'", datetime.time(10, 0, 0, 123456)),
    ("DOUBLE", "'+1.500E+03'", 1500.0), ("DOUBLE", "'inf'", float("inf")),
    ("INTEGER[]", "'[01, 2.0, NULL]'", [1, 2, None]), ("INTEGER[]", "[1.0, 2.0]", [1, 2]),
    ("DOUBLE[]", "'[1, 0.1]'", [1.0, 0.1]), ("UBIGINT[1]", "'[18446744073709551615]'", (2**64 - 1,)),
    ("STRUCT(a INTEGER[1])", "'{a: [1]}'", {"a": (1,)}), ("FLOAT[2]", "[0.5::DOUBLE, 2]", (0.5, 2.0)),
    ("DECIMAL(9,2)[]", "'[1, 0.10]'", [decimal.Decimal("1.00"), decimal.Decimal("0.10")]),
    ("DATE[]", "'[2026-01-02 00:00:00]'", [datetime.date(2026, 1, 2)]),
    ('STRUCT("DATE" INTEGER, d DATE)', "'{DATE: 1, d: 2026-01-02}'", {"DATE": 1, "d": datetime.date(2026, 1, 2)}),
]


@pytest.mark.parametrize("type_, value, wanted", FITS)
def test_value_fits(project, type_, value, wanted):
    project.run(f"CREATE TABLE t MODE APPEND AS SELECT CAST(NULL AS {type_}) AS v WHERE false;")
    project.run(f"CREATE TABLE t MODE APPEND AS SELECT {value} AS v UNION ALL SELECT NULL;")
    assert project.sql("SELECT v FROM t ORDER BY v NULLS LAST") == [(wanted,), (None,)]


CHANGES = [
    ("INTEGER", "1.5::DOUBLE"), ("INTEGER", "1.5"), ("INTEGER", "'1.5'"), ("INTEGER", "3000000000"),
    ("INTEGER", "'many'"), ("INTEGER", "''"), ("TINYINT", "128"), ("UINTEGER", "-1"),
    ("DATE", "TIMESTAMP '2026-01-02 00:00:01'"), ("DATE", "'2026-01-02 10:00:00'"),
    ("DATE", "'2026-01-02 10:00+02'"), ("DATE", "'2026-01-02 x'"),
    ("DECIMAL(9,2)", "1.234"), ("DECIMAL(9,2)", "'1.234'"), ("DECIMAL(3,1)", "100"),
    ("DOUBLE", "9007199254740993::BIGINT"), ("FLOAT", "0.1::DOUBLE"), ("FLOAT", "16777217"),
    ("BOOLEAN", "'maybe'"), ("TIMESTAMP", "'yesterday'"),
    ("TIMESTAMP_S", "TIMESTAMP '2026-01-02 00:00:00.5'"),
    ("TIMESTAMP", "'9999-12-31 23:59:59.9999999'"), ("TIMESTAMP", "'2026-01-02T10:00:00+02:00'"),
    ("TIMESTAMP_NS", "TIMESTAMP '9999-12-31 00:00:00'"), ("DATE", "'2026-01-02T00:00:00+05:00'"),
    ("TIME", "'10:00:00.1234567'"), ("TIME", "'2026-01-02 10:00:00'"), ("TIME", "'10:00:00+02'"),
    ("TIME", "'10:00:00 PM'"), ("DOUBLE", "'1e400'"), ("DOUBLE", "'1e-400'"),
    ("DOUBLE", "'123456789012345678901234'"), ("DECIMAL(5,2)", "'0.0000000000000000001'"),
    ("DECIMAL(5,2)", "'1e-19'"), ("INTEGER[]", "'[1.5, 2]'"), ("INTEGER[]", "'[1, a]'"), ("INTEGER[]", "[1.5]"),
    ("HUGEINT[]", "'[1.5]'"), ("DECIMAL(9,2)[]", "'[1.005]'"), ("DATE[]", "'[2026-01-02 10:00:00]'"),
    ("STRUCT(a INTEGER[])", "'{a: [1.5]}'"), ("MAP(VARCHAR, INTEGER)", "'{a=1.5}'"), ("INTEGER[1]", "'[1.5]'"),
]


@pytest.mark.parametrize("type_, value", CHANGES)
def test_value_that_would_change_fails(project, type_, value):
    """The error names column, value and row, and nothing is committed."""
    project.run(f"CREATE TABLE t MODE APPEND AS SELECT 0 AS i, CAST(NULL AS {type_}) AS v;")
    error = project.fail(f"CREATE TABLE t MODE APPEND AS SELECT * FROM (VALUES (1, NULL), (2, {value})) w(i, v);")
    assert error["code"] == "SF0604" and error["class"] == "execution"
    assert "'v'" in error["message"] and "row 2" in error["message"]
    assert len(project.table("t")) == 1


@pytest.mark.parametrize("type_, value", [("BOOLEAN", "1"), ("INTEGER", "true"), ("BOOLEAN", "1.0::DOUBLE"),
                                          ("DECIMAL(3,1)", "false")])
def test_boolean_and_number_do_not_mix(project, type_, value):
    project.run(f"CREATE TABLE t MODE APPEND AS SELECT CAST(NULL AS {type_}) AS v;")
    error = project.fail(f"CREATE TABLE t MODE APPEND AS SELECT {value} AS v;")
    assert error["code"] == "SF0604" and "v" in error["message"]
    assert project.table("t") == [(None,)]


@pytest.mark.parametrize("mode", ["APPEND", "UPSERT KEY k", "INCREMENTAL BY k"])
def test_casts_are_checked_in_every_mode(project, mode):
    mode = mode if mode.startswith("INCREMENTAL") else f"MODE {mode}"
    project.run(f"CREATE TABLE t {mode} AS SELECT 1 AS k, 1 AS v;")
    error = project.fail(f"CREATE TABLE t {mode} AS SELECT 2 AS k, 1.5 AS v;")
    assert error["code"] == "SF0604"
    assert project.table("t") == [(1, 1)]


def test_integers_beyond_int64_become_hugeint(project):
    project.csv("data/s.csv", "id", ("9223372036854775808",), ("1",))
    project.run(load())
    assert project.table("t") == [(1,), (9223372036854775808,)]


def test_text_in_csv_keeps_leading_zeros_when_asked(project):
    project.csv("data/s.csv", "zip", ("02134",))
    project.run(load(column_types={"zip": "VARCHAR"}))
    assert project.table("t") == [("02134",)]


def test_columns_option_projects(project):
    project.csv("data/s.csv", "a,b,c", (1, 2, 3))
    project.run(load(columns=["c", "a"]))
    assert project.sql("SELECT c, a FROM t") == [(3, 1)]
    assert len(project.sql("DESCRIBE t")) == 2


# -- replace ----------------------------------------------------------------------------------

def test_replace_changes_data_and_schema(project):
    project.run("CREATE TABLE t AS SELECT 1 AS a;")
    project.run("CREATE TABLE t AS SELECT 'x' AS b, 2 AS c;")
    assert project.table("t") == [("x", 2)]


def test_replace_of_a_table_that_reads_itself(project):
    project.run("CREATE TABLE t AS SELECT 1 AS a;")
    project.run("CREATE OR REPLACE TABLE t AS SELECT a + 1 AS a FROM t;")
    project.run()
    assert project.table("t") == [(3,)]


def test_replace_twice_in_one_run(project):
    project.run("CREATE TABLE a AS SELECT 1 AS v; CREATE OR REPLACE TABLE a AS SELECT v + 1 AS v FROM a;"
                "CREATE OR REPLACE TABLE a AS SELECT v * 10 AS v FROM a;")
    assert project.table("a") == [(20,)]


def test_alter_after_delete_in_one_run(project):
    """In one transaction DuckDB refuses this at COMMIT; the table is rebuilt instead."""
    project.run("CREATE TABLE t AS SELECT * FROM range(5) r(i);")
    project.run("DELETE FROM t WHERE i = 1; ALTER TABLE t ADD COLUMN note VARCHAR; "
                "UPDATE t SET note = 'x' WHERE i = 2;")
    assert project.table("t") == [(0, None), (2, "x"), (3, None), (4, None)]


GENERATED = "CREATE TABLE IF NOT EXISTS t(id BIGINT, twice BIGINT GENERATED ALWAYS AS (id * 2), n BIGINT, note VARCHAR);"


@pytest.mark.parametrize("mode", ["MODE APPEND", "MODE UPSERT KEY id", "INCREMENTAL BY n"])
def test_generated_columns_are_not_missing(project, mode):
    project.csv("data/s.csv", "id,n", (1, 5), (2, 6))
    document = project.run(GENERATED + load(mode))
    assert [w["message"] for w in document["warnings"]] == (
        [] if mode.startswith("INCR") else ["the rows for table 't' lack column note"])
    if not mode.startswith("INCR"):  # its first run makes the table anew
        assert project.table("t") == [(1, 2, 5, None), (2, 4, 6, None)]


def test_upsert_into_a_table_with_a_generated_column(project):
    project.csv("data/s.csv", "id,n", (1, 5), (2, 6))
    project.run(GENERATED + "INSERT INTO t(id, n, note) VALUES (2, 0, 'kept');" + load("MODE UPSERT KEY id"))
    assert project.table("t") == [(1, 2, 5, None), (2, 4, 6, "kept")]
    project.csv("data/s.csv", "id,n,more", (3, 7, "x"))
    project.run("DELETE FROM t WHERE id = 1;" + load("MODE UPSERT KEY id", on_schema_change="add_columns"))
    assert project.table("t") == [(2, 4, 6, "kept", None), (3, 6, 7, None, "x")]


def test_rows_cannot_bring_a_generated_column(project):
    project.csv("data/s.csv", "id,n,twice", (1, 5, 2))
    error = project.fail(GENERATED + load("MODE APPEND", on_schema_change="add_columns"))
    assert error["code"] == "SF0605" and "'twice' of table 't' is generated" in error["message"]
    project.run(GENERATED + load("MODE APPEND", on_schema_change="ignore"))
    assert project.table("t") == [(1, 2, 5, None)]


def test_if_not_exists_keeps(project):
    project.run("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS v; CREATE TABLE IF NOT EXISTS u AS SELECT 1 AS v;")
    project.run("CREATE TABLE IF NOT EXISTS t AS SELECT 2 AS v; CREATE TABLE IF NOT EXISTS u AS SELECT 2 AS v;")
    assert project.table("t") == project.table("u") == [(1,)]


def test_schema_qualified_targets(project):
    project.run("CREATE SCHEMA lake; CREATE TABLE lake.t MODE UPSERT KEY id AS SELECT 1 AS id; "
                "CREATE TABLE t AS SELECT 2 AS id;")
    project.run()
    assert project.table("lake.t") == [(1,)] and project.table("main.t") == [(2,)]


def test_awkward_names(project):
    project.run('CREATE TABLE "order" MODE UPSERT KEY "group by" AS SELECT 1 AS "group by", 2 AS "a""b";')
    project.run()
    assert project.table('"order"') == [(1, 2)]


# -- append -----------------------------------------------------------------------------------

def test_append_twice_doubles(project):
    project.csv("data/s.csv", "id", (1,))
    project.run(load("MODE APPEND"))
    project.run()
    assert project.table("t") == [(1,), (1,)]


def test_two_loads_into_one_table(project):
    project.csv("data/a.csv", "id", (1,))
    project.csv("data/b.csv", "id", (2,))
    project.run('SOURCE a TYPE csv PARAMS {"path": "data/a.csv"}; SOURCE b TYPE csv PARAMS {"path": "data/b.csv"};'
                "LOAD t FROM a MODE APPEND; LOAD t FROM b MODE APPEND;")
    assert project.table("t") == [(1,), (2,)]


# -- upsert -----------------------------------------------------------------------------------

def test_upsert_counts(project):
    project.csv("data/s.csv", "id,v", (1, "a"), (2, "b"), (2, "c"))
    step = steps_by_id(project.run(load("MODE UPSERT KEY id")))["load_t"]
    assert (step["rows_inserted"], step["rows_updated"], step["duplicates_dropped"]) == (2, 0, 1)
    project.csv("data/s.csv", "id,v", (2, "d"), (3, "e"), (4, "f"))
    step = steps_by_id(project.run())["load_t"]
    assert (step["rows_inserted"], step["rows_updated"], step["duplicates_dropped"]) == (2, 1, 0)
    assert project.table("t") == [(1, "a"), (2, "d"), (3, "e"), (4, "f")]


def test_upsert_keeps_the_last_in_source_order(project):
    rows = [(i % 100, i) for i in range(5000)]
    project.csv("data/s.csv", "id,v", *rows)
    project.run(load("MODE UPSERT KEY id"))
    assert project.table("t") == [(i, 4900 + i) for i in range(100)]


def test_upsert_keeps_the_highest_cursor(project):
    project.csv("data/s.csv", "id,v,at", (1, "late", 9), (1, "early", 3), (2, "tie 1", 5), (2, "tie 2", 5))
    project.run(load("MODE UPSERT KEY id", sync_mode="incremental", cursor_field="at"))
    assert project.sql("SELECT v FROM t ORDER BY id") == [("late",), ("tie 2",)]


def test_upsert_creates_no_index(project):
    project.csv("data/s.csv", "id", (1,))
    project.run(load("MODE UPSERT KEY id"))
    assert project.sql("SELECT count(*) FROM duckdb_indexes()") == [(0,)]
    assert project.sql("SELECT count(*) FROM duckdb_constraints() WHERE table_name = 't'") == [(0,)]


def test_upsert_null_in_key_names_count_and_sample(project):
    project.csv("data/s.csv", "id,v", (1, "a"), ("", "b"), ("", "c"))
    error = project.fail(load("MODE UPSERT KEY id"))
    assert error["code"] == "SF0607"
    assert "2 " in error["message"] and "id" in error["message"] and "b" in error["message"]
    assert not project.has_table("t")


def test_upsert_without_the_key_column(project):
    project.csv("data/s.csv", "id", (1,))
    error = project.fail(load("MODE UPSERT KEY idd"), code=4)
    assert "idd" in error["message"]


def test_upsert_key_is_case_insensitive(project):
    project.csv("data/s.csv", "ID,v", (1, "a"))
    project.run(load("MODE UPSERT KEY id"))
    project.csv("data/s.csv", "id,V", (1, "b"))
    project.run()
    assert project.table("t") == [(1, "b")]


def test_upsert_replaces_rows_that_an_append_doubled(project):
    project.csv("data/s.csv", "id,v", (1, "a"))
    project.run(load("MODE APPEND"))
    project.run()
    project.csv("data/s.csv", "id,v", (1, "b"))
    project.run(load("MODE UPSERT KEY id"))
    assert project.table("t") == [(1, "b")]


def test_upsert_decimal_and_date_keys(project):
    project.run("CREATE TABLE t MODE UPSERT KEY (a, b) AS SELECT 1.50 AS a, DATE '2026-01-01' AS b, 'x' AS v;")
    project.run("CREATE TABLE t MODE UPSERT KEY (a, b) AS SELECT 1.5 AS a, DATE '2026-01-01' AS b, 'y' AS v;")
    assert [r[2] for r in project.table("t")] == ["y"]


# -- all or nothing ---------------------------------------------------------------------------

def test_failed_run_leaves_everything_as_it_was(project):
    project.csv("data/s.csv", "id", (1,))
    project.run(load("MODE APPEND") + "EXPORT t TO 'output/t.csv';")
    before = project.read("output/t.csv"), project.table("t"), project.state()
    project.csv("data/s.csv", "id", (2,))
    error = project.fail(load("MODE APPEND") + "EXPORT t TO 'output/t.csv'; EXPORT t TO 'output/new/u.csv';"
                         "CREATE TABLE z AS SELECT error('no') AS x;")
    assert "no" in error["message"] and error["step"] == "transform_z"
    assert (project.read("output/t.csv"), project.table("t"), project.state()) == before
    assert project.files("output") == ["t.csv"]
    assert not project.path("output/new").exists()
    assert project.statuses() == ["success", "failed"]


def test_error_position_is_in_the_pipeline(project):
    error = project.fail("CREATE TABLE a AS SELECT 1 AS x;\n\nCREATE TABLE z AS\nSELECT x,\n       nope FROM a;", code=4)
    assert (error["file"], error["line"], error["column"]) == ("pipelines/p.sf", 5, 8)


def test_plain_sql_counts(project):
    project.run("CREATE TABLE t AS SELECT * FROM range(10) r(i);")
    steps = steps_by_id(project.run("INSERT INTO t SELECT 100 + i FROM range(5) r(i); "
                                    "UPDATE t SET i = -i WHERE i >= 100; DELETE FROM t WHERE i < 0;"))
    assert steps["sql_insert_t"]["rows_inserted"] == 5
    assert steps["sql_update_t"]["rows_updated"] == 5
    assert steps["sql_delete_t"]["rows_deleted"] == 5


def test_merge_and_macro_and_type(project):
    project.run("CREATE MACRO twice(x) AS 2 * x; CREATE TYPE mood AS ENUM ('ok', 'sad'); "
                "CREATE TABLE t AS SELECT twice(i)::INTEGER AS i, 'ok'::mood AS m FROM range(3) r(i);"
                "MERGE INTO t USING (SELECT 2 AS i) s USING (i) WHEN MATCHED THEN DELETE;")
    assert project.sql("SELECT i, m::VARCHAR FROM t ORDER BY i") == [(0, "ok"), (4, "ok")]
    project.run()


# -- PIVOT, which is several statements to DuckDB ----------------------------------------------

PIVOT = "PIVOT x ON a USING count(*) GROUP BY b"
PIVOTED = "CREATE TABLE x AS SELECT * FROM (VALUES (1, 'p'), (2, 'q'), (2, 'q')) w(a, b);\n"


@pytest.mark.parametrize("text, step", [
    ("CREATE TABLE z AS {};", "transform_z"), ("CREATE TABLE z MODE APPEND AS {};", "transform_z"),
    ("CREATE TABLE z MODE UPSERT KEY b AS {};", "transform_z"), ("LOAD z FROM ({});", "load_z"),
    ("CREATE TEMP TABLE y AS {};\nCREATE TABLE z AS FROM y;", "transform_y"),
    ("CREATE TABLE z (b VARCHAR, one BIGINT, two BIGINT);\nINSERT INTO z {};", "sql_insert_z")])
def test_rows_of_a_pivot_are_counted(project, text, step):
    document = project.run(PIVOTED + text.format(PIVOT))
    assert steps_by_id(document)[step]["rows_inserted"] == 2
    assert project.table("z") == [("p", 1, 0), ("q", 0, 2)]


def test_rows_of_a_pivot_fail_an_assertion(project):
    error = project.fail(PIVOTED + f"ASSERT none AS {PIVOT};")
    assert error["code"] == "SF0602" and "2 rows" in error["message"]
