"""CREATE TABLE … INCREMENTAL BY with LOOKBACK, macros, backfills (behaviour.md, sections 4, 5)."""
import json

import pytest
from harness import steps_by_id

DAYS = ('SOURCE s TYPE csv PARAMS {"path": "data/s.csv"};\nLOAD raw FROM s;\n'
        "CREATE TABLE t MODE INCREMENTAL BY day %s AS\n"
        "SELECT day, sum(v)::BIGINT AS v FROM raw%s GROUP BY day;\n")


def feed(project, *rows):
    project.csv("data/s.csv", "day,v", *[(f"2026-01-{d:02}", v) for d, v in rows])


def days(project):
    return [(d.day, v) for d, v in project.sql("SELECT * FROM t ORDER BY day")]


def watermark(project):
    return project.sql("SELECT value FROM _sqlflow.watermarks WHERE target = 't'")


def test_window_from_the_watermark(project):
    feed(project, (1, 1), (2, 2))
    project.run(DAYS % ("", ""))
    assert watermark(project) == [("2026-01-02",)]
    feed(project, (1, 100), (2, 20), (3, 3))
    project.run()
    assert days(project) == [(1, 1), (2, 20), (3, 3)]
    assert watermark(project) == [("2026-01-03",)]


@pytest.mark.parametrize("lookback", ["LOOKBACK 2 DAYS", "LOOKBACK '2 days'", "LOOKBACK 48 hours",
                                      "LOOKBACK 2 -- weeks\n\tDAYS /* ' */", "LOOKBACK ${n|2} ${unit|days}"])
def test_lookback(project, lookback):
    feed(project, (1, 1), (2, 2), (3, 3), (4, 4))
    project.run(DAYS % (lookback, ""))
    feed(project, (1, 100), (2, 20), (3, 30), (4, 40))
    project.run()
    assert days(project) == [(1, 1), (2, 20), (3, 30), (4, 40)]


def test_rows_that_vanish_in_the_window_go(project):
    feed(project, (1, 1), (2, 2), (3, 3))
    project.run(DAYS % ("LOOKBACK 1 DAY", ""))
    feed(project, (1, 1), (3, 3))
    project.run()
    assert days(project) == [(1, 1), (3, 3)]


def test_watermark_does_not_move_back(project):
    feed(project, (1, 1), (5, 5))
    project.run(DAYS % ("LOOKBACK 9 DAYS", ""))
    feed(project, (1, 1), (2, 2))
    project.run()
    assert days(project) == [(1, 1), (2, 2)] and watermark(project) == [("2026-01-05",)]


def test_without_mode_word(project):
    project.run("CREATE TABLE t INCREMENTAL BY n AS SELECT 1 AS n;")
    project.run("CREATE TABLE t INCREMENTAL BY n AS SELECT * FROM (VALUES (0), (1), (2)) v(n);")
    assert project.table("t") == [(1,), (2,)]


def test_numeric_lookback(project):
    project.run("CREATE TABLE t INCREMENTAL BY n LOOKBACK 2 AS SELECT * FROM range(10) r(n);")
    project.run("CREATE TABLE t INCREMENTAL BY n LOOKBACK 2 AS SELECT * FROM range(5, 12) r(n) WHERE n % 2 = 0;")
    assert [n for n, in project.table("t")] == [0, 1, 2, 3, 4, 5, 6, 8, 10]


@pytest.mark.parametrize("lookback", ["2 PARSECS", "'-1 day'", "-1"])
def test_wrong_lookback_is_found_before_the_first_run(project, lookback):
    feed(project, (1, 1))
    assert project.fail(DAYS % (f"LOOKBACK {lookback}", ""), code=4)["code"] == "SF0503"


def test_null_in_the_column_is_an_error_with_a_count(project):
    project.run("CREATE TABLE t INCREMENTAL BY n AS SELECT 1 AS n;")
    error = project.fail("CREATE TABLE t INCREMENTAL BY n AS SELECT * FROM (VALUES (2), (NULL), (NULL)) v(n);")
    assert error["code"] == "SF0609" and "2 " in error["message"]
    assert project.table("t") == [(1,)]
    error = project.fail("CREATE TABLE u INCREMENTAL BY n AS SELECT * FROM (VALUES (2), (NULL)) v(n);", name="u")
    assert error["code"] == "SF0609"
    assert not project.has_table("u")


def test_column_that_is_not_in_the_output_rebuilds_with_a_warning(project):
    text = "CREATE TABLE t INCREMENTAL BY day AS SELECT count(*) AS n FROM range(${n|3}) r(i);"
    project.pipeline(text)
    document = project.sf("pipeline", "validate", "p", "--format", "json").doc
    assert [d["code"] for d in document["pipelines"][0]["diagnostics"]] == ["SF0309"]
    project.run()
    project.run(None, "--var", "n=5")
    assert project.table("t") == [(5,)]


def test_macros_stand_for_the_window(project):
    text = ("CREATE TABLE t INCREMENTAL BY \"at\" LOOKBACK 1 DAY AS SELECT TIMESTAMP '2026-01-10 12:00:00' AS \"at\","
            " @start_dt AS a, @end_dt AS b, @start_date AS c, @end_date AS d, '@start_dt' AS e;")
    document = project.run(text)
    row = project.sql("SELECT a::VARCHAR, b::VARCHAR, c::VARCHAR, d::VARCHAR, e, typeof(a), typeof(c) FROM t")[0]
    started = document["started_at"].replace("T", " ").rstrip("Z").rstrip("0").rstrip(".")
    assert row[0] == "0001-01-01 00:00:00" and row[1].rstrip("0").rstrip(".") == started
    assert row[2:4] == ("0001-01-01", started[:10])
    assert row[4:] == ("@start_dt", "TIMESTAMP", "DATE")
    project.run()
    row = project.sql("SELECT a::VARCHAR, c::VARCHAR FROM t")[0]
    assert row == ("2026-01-09 12:00:00", "2026-01-09")


def test_at_stays_duckdbs_elsewhere(project):
    project.run("CREATE TABLE t AS SELECT @(-3) AS x, @ -4 AS y;")
    assert project.table("t") == [(3, 4)]


def test_macros_bound_the_read(project):
    feed(project, (1, 1), (2, 2))
    project.run(DAYS % ("", " WHERE day >= @start_date"))
    feed(project, (1, 100), (2, 20), (3, 30))
    project.run()
    assert days(project) == [(1, 1), (2, 20), (3, 30)]


def test_full_refresh(project):
    feed(project, (1, 1), (2, 2), (9, 9))
    project.run(DAYS % ("", ""))
    feed(project, (1, 10), (2, 20))
    project.run(None, "--full-refresh")
    assert days(project) == [(1, 10), (2, 20)] and watermark(project) == [("2026-01-02",)]


def test_full_refresh_from_nothing_forgets_the_watermark(project):
    text = ("CREATE TABLE t INCREMENTAL BY n AS SELECT n FROM (VALUES (%s)) v(n) WHERE n > 0;")
    project.run(text % 9)
    project.run(text % -1, "--full-refresh")
    assert watermark(project) == [] and project.table("t") == []
    project.run(text % 3)
    assert watermark(project) == [("3",)] and project.table("t") == [(3,)]


def test_a_column_that_leaves_the_output_takes_its_watermark_along(project):
    project.run("CREATE TABLE t INCREMENTAL BY n AS SELECT 9 AS n;")
    project.run("CREATE TABLE t INCREMENTAL BY n AS SELECT 9 AS m;")
    assert watermark(project) == []
    project.run("CREATE TABLE t INCREMENTAL BY n AS SELECT 3 AS n;")
    assert project.table("t") == [(3,)]


def test_a_file_with_a_header_only_is_an_empty_window(project):
    text = ('SOURCE s TYPE csv PARAMS {"path": "data/s.csv"};\n'
            "CREATE TABLE t INCREMENTAL BY day AS SELECT * FROM s;")
    project.csv("data/s.csv", "day,v")
    project.run(text)
    feed(project, (1, 1), (2, 2))
    project.run()
    project.csv("data/s.csv", "day,v")
    project.run()
    assert days(project) == [(1, 1)] and watermark(project) == [("2026-01-02",)]


def test_backfill_is_half_open_and_leaves_the_watermark(project):
    feed(project, *[(d, d) for d in range(1, 7)])
    project.run(DAYS % ("", ""))
    feed(project, *[(d, 10 * d) for d in range(1, 10)])
    project.run(None, "--start", "2026-01-02", "--end", "2026-01-04")
    assert days(project) == [(1, 1), (2, 20), (3, 30), (4, 4), (5, 5), (6, 6)]
    assert watermark(project) == [("2026-01-06",)]
    project.run(None, "--start", "2026-01-05")
    assert [d for d, _ in days(project)] == list(range(1, 10))
    assert days(project)[3:5] == [(4, 4), (5, 50)]
    assert watermark(project) == [("2026-01-06",)]
    project.run(None, "--end", "2026-01-02")
    assert days(project)[:2] == [(1, 10), (2, 20)]


def test_backfill_before_the_first_run_makes_the_window_only(project):
    """No watermark is set, so that the next run builds the whole table."""
    feed(project, *[(d, d) for d in range(1, 7)])
    project.run(DAYS % ("", ""), "--start", "2026-01-02", "--end", "2026-01-04")
    assert days(project) == [(2, 2), (3, 3)] and watermark(project) == []
    project.run(None, "--start", "2026-01-05", "--end", "2026-01-06")
    assert days(project) == [(2, 2), (3, 3), (5, 5)] and watermark(project) == []
    project.run()
    assert len(days(project)) == 6 and watermark(project) == [("2026-01-06",)]


def test_backfill_of_a_numeric_column(project):
    text = "CREATE TABLE t INCREMENTAL BY n AS SELECT n, %d AS v FROM range(5) r(n);"
    project.run(text % 1, "--start", "1", "--end", "3")
    assert project.table("t") == [(1, 1), (2, 1)]
    project.run(text % 1)
    project.run(text % 2, "--end", "2")
    assert project.table("t") == [(0, 2), (1, 2), (2, 1), (3, 1), (4, 1)]


@pytest.mark.parametrize("type_", ["TIMESTAMP_NS", "TIMESTAMPTZ", "DATE", "TIMESTAMP_S"])
def test_backfill_up_to_an_end(project, type_):
    text = (f"CREATE TABLE t INCREMENTAL BY at AS SELECT d::{type_} AS \"at\", %d AS v FROM "
            "range(DATE '2026-01-01', DATE '2026-01-04', INTERVAL 1 DAY) r(d);")
    project.run(text % 1)
    project.run(text % 2, "--end", "2026-01-03")
    assert [r[0] for r in project.sql("SELECT v FROM t ORDER BY \"at\"")] == [2, 2, 1]


def test_backfill_and_full_refresh_exclude_each_other(project):
    error = project.fail("CREATE TABLE t INCREMENTAL BY n AS SELECT 1 AS n;", "--full-refresh", "--start", "1", code=2)
    assert "--full-refresh" in error["message"]


def test_backfill_sets_the_macros(project):
    text = ("CREATE TABLE t INCREMENTAL BY day AS SELECT DATE '2026-01-02' AS day, @start_date AS a, @end_date AS b;")
    project.run(text)
    project.run(None, "--start", "2026-01-01", "--end", "2026-01-03")
    assert project.sql("SELECT a::VARCHAR, b::VARCHAR FROM t") == [("2026-01-01", "2026-01-03")]


@pytest.mark.parametrize("flags", [("--start", "soon"), ("--start", "2026-01-05", "--end", "2026-01-01")])
def test_wrong_backfill(project, flags):
    feed(project, (1, 1))
    project.run(DAYS % ("", ""))
    document = project.sf("run", "p", "--format", "json", *flags, code=None)
    assert document.code in (2, 4) and days(project) == [(1, 1)]


def test_new_column_in_the_query(project):
    project.run("CREATE TABLE t INCREMENTAL BY n AS SELECT 1 AS n;")
    assert project.fail("CREATE TABLE t INCREMENTAL BY n AS SELECT 2 AS n, 'x' AS x;")["code"] == "SF0605"
    project.run(None, "--full-refresh")
    assert project.table("t") == [(2, "x")]


def test_future_value(project):
    error = project.fail("CREATE TABLE t INCREMENTAL BY n AS SELECT DATE '2999-01-01' AS n;")
    assert error["code"] == "SF0613"


def test_an_unchanged_window_is_not_written(project):
    feed(project, (1, 1), (2, 2))
    project.run(DAYS % ("LOOKBACK 1 DAY", ""))
    step = steps_by_id(project.run())["transform_t"]
    assert (step["rows_inserted"], step["rows_deleted"]) == (0, 0)


def test_a_column_that_the_query_no_longer_has_is_null_in_the_window(project):
    table = "CREATE TABLE t INCREMENTAL BY d LOOKBACK 1 AS SELECT * {} FROM (VALUES (1, 5), (2, 6), (3, 7)) v(d, n);"
    project.run(table.format(""))
    document = project.run(table.format("EXCLUDE (n)"))
    assert [w["code"] for w in document["warnings"]] == ["SF0606"]
    assert project.table("t") == [(1, 5), (2, None), (3, None)]


@pytest.mark.parametrize("column, words", [("'x' AS d", "in the query"), ("2 AS d, 3 AS more", "ALTER TABLE")])
def test_hints_for_a_query_name_no_source(project, column, words):
    project.run("CREATE TABLE t INCREMENTAL BY d AS SELECT 1 AS d;")
    error = project.fail(f"CREATE TABLE t INCREMENTAL BY d AS SELECT {column};")
    assert words in error["hint"] and "source" not in error["hint"] and "column_types" not in error["hint"]


def test_upstream_increment_feeds_downstream_increment(project):
    params = {"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "id", "primary_key": "id"}
    project.csv("data/s.csv", "id,day,v", (1, "2026-01-01", 5), (2, "2026-01-02", 6))
    project.run(f"SOURCE s TYPE csv PARAMS {json.dumps(params)}; LOAD raw FROM s;"
                "CREATE TABLE t INCREMENTAL BY day LOOKBACK 1 DAY AS SELECT day, sum(v)::BIGINT AS v FROM raw GROUP BY day;")
    project.csv("data/s.csv", "id,day,v", (1, "2026-01-01", 5), (2, "2026-01-02", 6), (3, "2026-01-02", 1),
                (4, "2026-01-01", 2), (5, "2026-01-03", 9))
    project.run()
    assert days(project) == [(1, 7), (2, 7), (3, 9)]


@pytest.mark.parametrize("column, lookback, code", [
    ("DATE '2026-01-01'", "foo bar", 4), ("DATE '2026-01-01'", "'3 wekks'", 4), ("7", "2 DAYS", 4), ("'a'", "2", 4),
    ("DATE '2026-01-01'", "2 DAYS", 0), ("7", "2", 0)])
def test_a_lookback_that_does_not_fit_is_found_before_the_first_run(project, column, lookback, code):
    project.pipeline(f"CREATE TABLE t INCREMENTAL BY c LOOKBACK {lookback} AS SELECT {column} AS c;")
    result = project.sf("pipeline", "validate", "p", code=code)
    assert ("lookback" in result.err) == (code == 4)
    params = {"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "c", "primary_key": "c",
              "lookback": lookback.strip("'")}
    project.csv("data/s.csv", "c", column.removeprefix("DATE ").strip("'"))
    if column != "'a'":
        project.pipeline(f"SOURCE s TYPE csv PARAMS {json.dumps(params)}; LOAD t FROM s;")
        project.sf("pipeline", "validate", "p", code=code)
