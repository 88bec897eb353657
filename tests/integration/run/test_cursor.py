"""Incremental loading by cursor (behaviour.md, section 5)."""
import datetime
import json
import random
import shlex

import duckdb
import pytest
from harness import Project, persistent, steps_by_id

DAY = "2026-01-%02d"


def source(name="s", path="data/s.csv", cursor="at", key=None, kind="csv", **options):
    params = {"path": path, "sync_mode": "incremental", "cursor_field": cursor, **options}
    if key:
        params["primary_key"] = key
    return f"SOURCE {name} TYPE {kind} PARAMS {json.dumps(params)};\n"


def load(mode="", target="t", **options):
    return source(**options) + f"LOAD {target} FROM {options.get('name', 's')} {mode};\n"


def counts(document, step="load_t"):
    step = steps_by_id(document)[step]
    return step["rows_inserted"], step["rows_updated"]


def watermark(project, target="t"):
    found = project.sql(f"SELECT value, type FROM _sqlflow.watermarks WHERE target = '{target}'")
    assert len(found) <= 1
    return found[0] if found else None


# -- defaults ---------------------------------------------------------------------------------

def test_upsert_when_there_is_a_key(project):
    project.csv("data/s.csv", "id,v,at", (1, "a", DAY % 1), (2, "b", DAY % 2))
    assert counts(project.run(load(key="id"))) == (2, 0)
    project.csv("data/s.csv", "id,v,at", (1, "a2", DAY % 3), (2, "b", DAY % 2), (3, "old", DAY % 1))
    assert counts(project.run()) == (0, 1)
    assert [r[:2] for r in project.table("t")] == [(1, "a2"), (2, "b")]
    assert watermark(project) == (DAY % 3, "DATE")


def test_append_when_there_is_none(project):
    project.csv("data/s.csv", "v,at", ("a", 1), ("b", 2))
    project.run(load())
    project.csv("data/s.csv", "v,at", ("a", 1), ("b", 2), ("c", 3))
    assert counts(project.run()) == (1, 0)
    assert project.table("t") == [("a", 1), ("b", 2), ("c", 3)]


def test_explicit_replace_reads_the_whole_source_and_records_its_watermark(project):
    project.csv("data/s.csv", "v,at", ("a", 1), ("b", 2))
    project.run(load("MODE REPLACE"))
    assert watermark(project) == ("2", "BIGINT")
    project.csv("data/s.csv", "v,at", ("c", 1))
    project.run()
    assert project.table("t") == [("c", 1)]
    # and an APPEND may go on from it
    project.csv("data/s.csv", "v,at", ("c", 1), ("d", 5))
    project.run(load())
    assert ("d", 5) in project.table("t") and len(project.table("t")) == 2


def test_key_may_be_a_list(project):
    project.csv("data/s.csv", "a,b,v,at", (1, 1, "x", 1), (1, 2, "y", 1))
    project.run(load(key=["a", "b"]))
    project.csv("data/s.csv", "a,b,v,at", (1, 2, "z", 2))
    project.run()
    assert [r[2] for r in project.table("t")] == ["x", "z"]


def test_nothing_new_is_success_and_writes_nothing(project):
    project.csv("data/s.csv", "id,v,at", (1, "a", DAY % 1))
    project.run(load(key="id"))
    before, stamps = project.state(), project.sql("SELECT updated_at, run_id FROM _sqlflow.watermarks")
    document = project.run()
    assert document["status"] == "success" and counts(document) == (0, 0)
    assert project.state() == before
    assert project.sql("SELECT updated_at, run_id FROM _sqlflow.watermarks") == stamps
    assert project.statuses() == ["success", "success"]


def test_one_row_in_the_source_and_none_at_all(project):
    project.csv("data/s.csv", "id,at")
    project.run(load(key="id", column_types={"id": "INTEGER", "at": "INTEGER"}))
    assert project.table("t") == [] and watermark(project) is None
    project.csv("data/s.csv", "id,at", (1, 0))
    project.run()
    assert project.table("t") == [(1, 0)] and watermark(project) == ("0", "INTEGER")


# -- ties -------------------------------------------------------------------------------------

def test_ties_with_a_key(project):
    project.csv("data/s.csv", "id,v,at", (1, "a", 5), (2, "b", 5))
    project.run(load(key="id"))
    project.csv("data/s.csv", "id,v,at", (1, "a", 5), (2, "changed", 5), (3, "tie", 5))
    assert counts(project.run()) == (1, 1)
    assert [r[1] for r in project.table("t")] == ["a", "changed", "tie"]


def test_ties_without_a_key_are_a_multiset(project):
    project.csv("data/s.csv", "v,at", ("x", 5), ("x", 5), ("y", 5))
    project.run(load())
    assert counts(project.run()) == (0, 0)
    project.csv("data/s.csv", "v,at", ("x", 5), ("x", 5), ("y", 5), ("x", 5), ("z", 5))
    assert counts(project.run()) == (2, 0)
    assert counts(project.run()) == (0, 0)
    project.csv("data/s.csv", "v,at", ("x", 5), ("x", 5), ("y", 5), ("x", 5), ("z", 5), ("n", 6), ("n", 6))
    assert counts(project.run()) == (2, 0)
    assert counts(project.run()) == (0, 0)
    assert project.table("t") == [("n", 6), ("n", 6), ("x", 5), ("x", 5), ("x", 5), ("y", 5), ("z", 5)]


@pytest.mark.parametrize("first, second", [
    (("x\x1fy", "z"), ("x", "y\x1fz")), (("", "\x1e"), ("", None)), (("x", "\x1dy"), ("x\x1fy", "")),
    (("\x1e\x1d", ""), ("\x1e", "\x1d"))])
def test_ties_are_told_apart_whatever_they_hold(project, first, second):
    rows = [{"a": a, "b": b, "at": 1} for a, b in (first, second)]
    project.write("data/s.json", json.dumps(rows[:1]))
    project.run(load(kind="json", path="data/s.json", column_types={"a": "VARCHAR", "b": "VARCHAR"}))
    project.write("data/s.json", json.dumps(rows))
    project.run()
    assert sorted(project.sql("SELECT a, b FROM t"), key=repr) == sorted([first, second], key=repr)


def test_ties_are_told_apart_by_null_and_empty(project):
    rows = ['"",,5', ',"",5', ",,5"]
    project.csv("data/s.csv", "a,b,at", *rows)
    text = load(column_types={"a": "VARCHAR", "b": "VARCHAR"})
    project.run(text)
    before = project.table("t")
    assert counts(project.run()) == (0, 0)
    assert project.table("t") == before and len(before) == 3


@pytest.mark.parametrize("seed", range(6))
def test_random_feed_without_key_is_neither_lost_nor_doubled(project, seed):
    """Rows come in cursor order, ties over several runs: the table is what the feed was."""
    chance = random.Random(seed)
    feed, high = [], 0
    project.pipeline(load())
    for _ in range(6):
        for _ in range(chance.randrange(8)):
            high += chance.choice([0, 0, 1])
            feed.append((chance.choice("abc"), high))
        project.csv("data/s.csv", "v,at", *feed)
        if not feed:
            continue
        project.run()
        assert project.table("t") == sorted(feed)


@pytest.mark.parametrize("seed", range(6))
def test_random_feed_with_key(project, seed):
    chance = random.Random(seed)
    rows, now = {}, 0
    project.pipeline(load(key="id"))
    for _ in range(6):
        for _ in range(1 + chance.randrange(8)):
            now += chance.choice([0, 1, 1])
            rows[chance.randrange(10)] = (chance.choice("abc"), now)
        project.csv("data/s.csv", "id,v,at", *[(k, *v) for k, v in rows.items()])
        project.run()
        assert project.table("t") == sorted((k, *v) for k, v in rows.items())


def test_too_many_ties_ask_for_a_key(project):
    project.csv("data/s.csv", "v,at", *[(i, 1) for i in range(100_001)])
    error = project.fail(load())
    assert error["code"] == "SF0614" and "primary_key" in error["hint"]
    assert not project.has_table("t")
    project.csv("data/s.csv", "v,at", *[(i, 1) for i in range(100_000)])
    project.run()
    assert counts(project.run()) == (0, 0)


# -- cursor types -----------------------------------------------------------------------------

TYPES = [
    ("INTEGER", "1", "2"), ("HUGEINT", "1", "170141183460469231731687303715884105727"),
    ("UBIGINT", "9223372036854775807", "18446744073709551615"),
    ("DECIMAL(38,2)", "123456789012345678901234567890.01", "123456789012345678901234567890.02"),
    ("DATE", "0001-01-01", "2026-01-01"), ("TIMESTAMP", "1970-01-01 00:00:00", "2026-01-01 00:00:00.000001"),
    ("TIMESTAMPTZ", "2026-01-01 00:00:00+00", "2026-01-01 02:00:00+01"),
    ("TIMESTAMP_NS", "2026-01-01 00:00:00.000000001", "2026-01-01 00:00:00.000000002"),
]


@pytest.mark.parametrize("type_, low, high", TYPES, ids=[t[0] for t in TYPES])
@pytest.mark.parametrize("key", [None, "id"])
def test_cursor_type(project, type_, low, high, key):
    text = load(key=key, column_types={"at": type_})
    project.csv("data/s.csv", "id,at", (1, low))
    project.run(text)
    project.csv("data/s.csv", "id,at", (1, low), (2, high))
    assert counts(project.run()) == (1, 0)
    assert counts(project.run()) == (0, 0)
    project.csv("data/s.csv", "id,at", (1, low), (2, high), (3, low))
    assert counts(project.run()) == (0, 0)
    assert project.sql("SELECT id FROM t ORDER BY id") == [(1,), (2,)]
    value, stored = watermark(project)
    assert project.sql(f"SELECT '{value}'::{stored} = (SELECT max(\"at\") FROM t)") == [(True,)]


@pytest.mark.parametrize("type_", ["DOUBLE", "FLOAT"])
def test_float_cursors_are_refused(project, type_):
    project.csv("data/s.csv", "id,at", (1, "1.5"))
    error = project.fail(load(key="id", column_types={"at": type_}), code=1)
    assert error["code"] == "SF0610" and not project.has_table("t")


def test_text_cursor_needs_to_be_asked_for(project):
    project.csv("data/s.csv", "id,at", (1, "b"), (2, "B"), (3, "ä"))
    error = project.fail(load(key="id"))
    assert error["code"] == "SF0610" and "cursor_type" in error["hint"]
    project.run(load(key="id", cursor_type="text"))
    assert watermark(project)[0] == "ä"  # binary order
    project.csv("data/s.csv", "id,at", (4, "z"), (5, "ö"))
    assert counts(project.run()) == (1, 0)
    assert [i for i, _ in project.table("t")] == [1, 2, 3, 5]


def test_zero_empty_and_epoch_are_values(project):
    project.csv("data/s.csv", "id,at", (1, 0))
    project.run(load(key="id"))
    assert watermark(project)[0] == "0"
    project.csv("data/s.csv", "id,at", (1, 0), (2, -1), (3, 1))
    assert counts(project.run()) == (1, 0)
    project.write("data/e.json", '[{"id": 1, "at": ""}]')
    text = load(target="e", path="data/e.json", kind="json", key="id", cursor_type="text")
    project.run(text, name="e")
    assert watermark(project, "e")[0] == ""
    project.csv("data/s.csv", "id,at", (1, "1970-01-01 00:00:00"))
    project.run(load(target="u", key="id"), name="u")
    assert watermark(project, "u") == ("1970-01-01 00:00:00", "TIMESTAMP")


def test_missing_cursor_column(project):
    project.csv("data/s.csv", "id,updated", (1, 1))
    error = project.fail(load(cursor="updatd", key="id"), code=4)
    assert "updatd" in error["message"] and "updated" in error["message"] + error["hint"]


# -- NULL cursors -----------------------------------------------------------------------------

def test_null_cursor_is_an_error_by_default(project):
    project.csv("data/s.csv", "id,at", (1, 1), (2, ""), (3, ""))
    error = project.fail(load(key="id"))
    assert error["code"] == "SF0609" and "2 " in error["message"]
    assert not project.has_table("t")


def test_null_cursor_in_a_later_batch(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.run(load(key="id"))
    project.csv("data/s.csv", "id,at", (1, 1), (2, ""))
    assert project.fail()["code"] == "SF0609"
    assert project.table("t") == [(1, 1)]


def test_null_cursor_excluded(project):
    project.csv("data/s.csv", "id,at", (1, 1), (2, ""))
    project.run(load(key="id", null_cursor="exclude"))
    assert project.table("t") == [(1, 1)]


def test_null_cursor_included_every_time(project):
    project.csv("data/s.csv", "id,v,at", (1, "a", 1), (2, "b", ""))
    project.run(load(key="id", null_cursor="include"))
    project.csv("data/s.csv", "id,v,at", (1, "x", 0), (2, "c", ""), (3, "d", 2))
    project.run()
    assert project.sql("SELECT id, v FROM t ORDER BY id") == [(1, "a"), (2, "c"), (3, "d")]


@pytest.mark.parametrize("options", [{"null_cursor": "include"}, {"lookback": 1}])
def test_rows_that_come_again_need_a_key(project, options):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.fail(load("MODE APPEND", **options), code=4)
    project.fail(load(**options), code=4)
    assert not project.database.exists()


# -- lookback ---------------------------------------------------------------------------------

@pytest.mark.parametrize("lookback, seen", [(3, True), (2, False), ("3", True)])
def test_numeric_lookback(project, lookback, seen):
    project.csv("data/s.csv", "id,at", (1, 10))
    project.run(load(key="id", lookback=lookback))
    project.csv("data/s.csv", "id,at", (1, 10), (2, 7))
    project.run()
    assert ((2, 7) in project.table("t")) == seen
    assert watermark(project)[0] == "10"


@pytest.mark.parametrize("lookback, seen", [("2 days", True), ("1 day", False), ("49 hours", True), ("1 month", True)])
def test_interval_lookback(project, lookback, seen):
    project.csv("data/s.csv", "id,at", (1, "2026-03-10 00:00:00"))
    project.run(load(key="id", lookback=lookback))
    project.csv("data/s.csv", "id,at", (1, "2026-03-10 00:00:00"), (2, "2026-03-08 00:00:00"))
    project.run()
    assert (len(project.table("t")) == 2) == seen


@pytest.mark.parametrize("value, lookback", [(DAY % 1, "-2 days"), (DAY % 1, "2 parsecs"), (DAY % 1, 3), (1, -2),
                                             (1, "2 days")])
def test_lookback_is_checked_before_the_first_run(project, value, lookback):
    project.csv("data/s.csv", "id,at", (1, value))
    error = project.fail(load(key="id", lookback=lookback), code=4)
    assert error["code"] == "SF0503" and str(lookback) in error["message"] and "2 days" in error["hint"]


def test_lookback_beyond_the_least_value(project):
    text = ("COPY (SELECT 1::INTEGER AS id, {v}::UTINYINT AS \"at\") TO 'data/s.parquet';")
    duckdb.sql(text.replace("data", str(project.path("data"))).format(v=5))
    project.run(load(key="id", kind="parquet", path="data/s.parquet", lookback=300))
    duckdb.sql(text.replace("data", str(project.path("data"))).format(v=6))
    assert counts(project.run()) == (0, 1)


def test_lookback_does_not_rewrite_unchanged_rows(project):
    project.csv("data/s.csv", "id,v,at", (1, "a", 1), (2, "b", 2))
    project.run(load(key="id", lookback=5))
    assert counts(project.run()) == (0, 0)


# -- state that does not fit -------------------------------------------------------------------

def test_changed_cursor_type_key(project):
    project.csv("data/s.csv", "id,k,at,other", (1, 1, 1, 1))
    project.run(load(key="id"))
    before = project.table("t"), project.state()
    for text in (load(key="id", cursor="other"), load(key="k"), load(key=["id", "k"])):
        error = project.fail(text)
        assert error["code"] == "SF0611"
        assert "--full-refresh" in error["hint"] or "state reset" in error["hint"]
    project.csv("data/s.csv", "id,k,at,other", (1, 1, "2026-01-01", 1))
    project.fail(load(key="id"))
    assert (project.table("t"), project.state()) == before
    project.run(load(key="k", cursor="other"), "--full-refresh")
    assert project.watermarks() == [("s", "t", "other", "1", "BIGINT")]
    for first, later in (("", "+02"), ("+02", "")):
        project.csv("data/s.csv", "id,k,at", (1, 1, f"2026-01-01 10:00:00{first}"))
        project.run(load(key="id"), "--full-refresh")
        project.csv("data/s.csv", "id,k,at", (1, 1, f"2026-01-01 11:00:00{later}"))
        assert project.fail(load(key="id"))["code"] == "SF0611"


def test_future_cursor(project):
    now = datetime.datetime.now(datetime.timezone.utc)
    soon, late = [(now + datetime.timedelta(minutes=m)).strftime("%Y-%m-%d %H:%M:%S") for m in (50, 70)]
    project.csv("data/s.csv", "id,at", (1, soon))
    project.run(load(key="id"))
    project.csv("data/s.csv", "id,at", (1, soon), (2, late))
    error = project.fail()
    assert error["code"] == "SF0613"
    assert len(project.table("t")) == 1


@pytest.mark.parametrize("type_", ["TIMESTAMP", "DATE", "TIMESTAMPTZ"])
def test_future_cursor_in_local_time(project, type_):
    """Without a zone, the local time of the machine is no future; two hours more are."""
    zone = datetime.timezone(datetime.timedelta(hours=14))
    now = datetime.datetime.now(zone)
    values = [(now + datetime.timedelta(hours=h)).strftime("%Y-%m-%d %H:%M:%S")[:10 if type_ == "DATE" else 19]
              for h in (0, 48)]
    text = load(key="id", column_types={"at": type_})
    project.csv("data/s.csv", "id,at", (1, values[0]))
    if type_ == "TIMESTAMPTZ":
        assert project.fail(text, env={"TZ": "Pacific/Kiritimati"})["code"] == "SF0613"
        return
    project.run(text, env={"TZ": "Pacific/Kiritimati"})
    project.csv("data/s.csv", "id,at", (2, values[1]))
    assert project.fail(env={"TZ": "Pacific/Kiritimati"})["code"] == "SF0613"


def test_append_to_a_filled_table_without_a_watermark(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.run("CREATE TABLE t AS SELECT 1::BIGINT AS id, 1::BIGINT AS \"at\";", name="other")
    error = project.fail(load())
    assert error["code"] == "SF0612"
    assert "--full-refresh" in error["hint"] and "state set" in error["hint"]
    assert project.table("t") == [(1, 1)]


def test_append_after_state_set(project):
    project.csv("data/s.csv", "id,at", (1, 1), (2, 2))
    project.run("CREATE TABLE t AS SELECT 1::BIGINT AS id, 1::BIGINT AS \"at\";", name="other")
    project.sf("state", "set", "p", "s", "t", "2", "--cursor", "at", "--type", "BIGINT")
    project.csv("data/s.csv", "id,at", (1, 1), (3, 3))
    project.run(load())
    assert project.table("t") == [(1, 1), (3, 3)]


@pytest.mark.parametrize("rowid", ["", ",rowid"])
@pytest.mark.parametrize("value", [0, 1, 2])
def test_append_after_state_set_knows_the_rows_that_are_there(project, value, rowid):
    """Each as often as it is there; what is not there is read."""
    pad = (0,) if rowid else ()
    rows = [(1, 1, *pad), (2, 2, *pad), (2, 2, *pad), (3, 2, *pad)]
    project.csv("data/s.csv", "id,at" + rowid, *rows)
    project.run(load())
    project.run("DELETE FROM t WHERE id = 3;", name="delete")
    for _ in range(2):
        project.sf("state", "set", "p", "s", "t", value)
        project.csv("data/s.csv", "id,at" + rowid, *rows, (2, 2, *pad), (4, 1, *pad))
        project.run()
        project.run()
        assert project.table("t") == sorted([*rows, (2, 2, *pad), *([(4, 1, *pad)] if value < 2 else [])])


@pytest.mark.parametrize("other, value", [({"cursor": "n"}, "5"), ({"key": ["id", "n"]}, "1"), ({"key": None}, "2")])
def test_the_hint_after_a_change_does_what_it_says(project, other, value):
    project.csv("data/s.csv", "id,at,n", (1, 1, 5), (2, 2, 6))
    project.run(load(key="id"))
    text = load(**{"key": "id", **other})
    hint = project.fail(text)["hint"]
    command = shlex.split(hint.split("`")[1].replace("VALUE", value))
    project.sf(*command[1:])
    project.csv("data/s.csv", "id,at,n", (1, 1, 5), (2, 2, 6), (3, 3, 7))
    project.run(text)
    assert project.table("t") == [(1, 1, 5), (2, 2, 6), (3, 3, 7)]


def test_append_to_a_filled_table_by_full_refresh(project):
    project.csv("data/s.csv", "id,at", (5, 5))
    project.run("CREATE TABLE t AS SELECT 1::BIGINT AS id, 1::BIGINT AS \"at\";", name="other")
    project.run(load(), "--full-refresh")
    assert project.table("t") == [(5, 5)] and watermark(project)[0] == "5"


def test_upsert_to_a_filled_table_reads_everything(project):
    project.csv("data/s.csv", "id,at", (1, 7), (2, 2))
    project.run("CREATE TABLE t AS SELECT 1::BIGINT AS id, 1::BIGINT AS \"at\";", name="other")
    project.run(load(key="id"))
    assert project.table("t") == [(1, 7), (2, 2)]


def test_full_refresh_rebuilds(project):
    project.csv("data/s.csv", "id,at", (1, 9))
    project.run(load(key="id"))
    project.csv("data/s.csv", "id,at,extra", (2, 3, "x"))
    project.run(None, "--full-refresh")
    assert project.table("t") == [(2, 3, "x")] and watermark(project)[0] == "3"


def test_full_refresh_without_key(project):
    project.csv("data/s.csv", "v,at", ("a", 1), ("b", 2))
    project.run(load())
    project.run(None, "--full-refresh")
    assert project.table("t") == [("a", 1), ("b", 2)]
    assert counts(project.run()) == (0, 0)


def test_dropped_table_is_loaded_anew(project):
    project.csv("data/s.csv", "id,at", (1, 1), (2, 2))
    project.run(load())
    project.run("DROP TABLE t;", name="drop")
    project.run()
    assert project.table("t") == [(1, 1), (2, 2)]


TWO = [(1, 1), (2, 2), (11, 1), (12, 2)]
WAYS = [{"cursor_field": "at"}, {"cursor_field": "at", "primary_key": "id"}, {}]


def two_loads(project, options, modes=("", ""), loads="LOAD t FROM a {}; LOAD t FROM b {};"):
    """Two sources of one table."""
    project.csv("data/a.csv", "id,at", (1, 1), (2, 2))
    project.csv("data/b.csv", "id,at", (11, 1), (12, 2))
    params = {n: json.dumps({"path": f"data/{n}.csv", "sync_mode": "incremental", **options}) for n in "ab"}
    return "".join(f"SOURCE {n} TYPE csv PARAMS {params[n]};\n" for n in "ab") + loads.format(*modes)


def rows_of_two(project):
    return project.sql('SELECT id, "at" FROM t ORDER BY ALL')


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("made", ["", 'CREATE TABLE IF NOT EXISTS t (id BIGINT, "at" BIGINT%s);'])
def test_a_dropped_table_of_two_loads_is_loaded_anew_by_both(project, options, made):
    made = made and made % ("" if options else ", _sqlflow_file VARCHAR")
    project.run(made + two_loads(project, options))
    project.run("DROP TABLE t;", name="drop")
    assert project.run()["warnings"] == []
    assert rows_of_two(project) == TWO


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("before", ["DELETE FROM t WHERE id = 99;", 'UPDATE t SET "at" = "at";', "TRUNCATE t;",
                                    "ALTER TABLE t ADD COLUMN IF NOT EXISTS z INTEGER;",
                                    'CREATE TABLE IF NOT EXISTS t (id BIGINT, "at" BIGINT);'])
def test_full_refresh_of_a_table_that_another_step_writes_first(project, options, before):
    project.run(two_loads(project, options))
    project.run(before + two_loads(project, options), "--full-refresh")
    assert rows_of_two(project) == TWO
    assert len(project.state()["files" if not options else "watermarks"]) == 2


@pytest.mark.parametrize("options", WAYS)
def test_full_refresh_keeps_what_the_run_itself_wrote_first(project, options):
    file = "" if options else ", NULL"
    project.run(two_loads(project, options))
    project.run(f"INSERT INTO t SELECT 50, 0{file};" + two_loads(project, options), "--full-refresh")
    assert rows_of_two(project) == sorted([*TWO, (50, 0)])


@pytest.mark.parametrize("options", WAYS)
def test_a_load_whose_rows_another_took_away_begins_anew(project, options):
    project.run(two_loads(project, options))
    warnings = project.run(None, "--full-refresh", "--select", "load_t_2")["warnings"]
    assert [w["code"] for w in warnings] == ["SF0622"] and "from 'a'" in warnings[0]["message"]
    assert rows_of_two(project) == TWO[2:]
    if "primary_key" not in options:
        assert project.fail()["code"] == "SF0612"
        project.run(None, "--full-refresh")
    else:
        project.run()
    assert rows_of_two(project) == TWO


@pytest.mark.parametrize("options", WAYS)
def test_a_load_behind_one_that_replaces_reads_everything(project, options):
    text = two_loads(project, options, ("MODE REPLACE", ""))
    for _ in range(3):
        assert project.run(text)["warnings"] == []
        assert rows_of_two(project) == TWO


@pytest.mark.parametrize("options", WAYS)
def test_one_load_written_twice(project, options):
    text = two_loads(project, options, loads="LOAD t FROM a; LOAD t FROM a;")
    for flags in ([], ["--full-refresh"], []):
        project.run(text, *flags)
        assert rows_of_two(project) == TWO[:2]


@pytest.mark.parametrize("key", [None, "id"])
@pytest.mark.parametrize("how", ["--full-refresh", "dropped", "replace"])
def test_a_table_rebuilt_from_nothing_forgets_its_watermark(project, how, key):
    """Else the rows below the old watermark would never come."""
    types = {"id": "INTEGER", "at": "INTEGER"}
    project.csv("data/s.csv", "id,at", (1, 1), (2, 5))
    project.run(load(key=key, column_types=types))
    project.csv("data/s.csv", "id,at")
    if how == "dropped":
        project.run("DROP TABLE t;", name="drop")
    if how == "replace":
        project.run(load("MODE REPLACE", key=key, column_types=types))
    project.run(load(key=key, column_types=types), *[how] if how.startswith("--") else [])
    assert watermark(project) is None
    project.csv("data/s.csv", "id,at", (1, 1), (2, 2))
    project.run()
    assert project.table("t") == [(1, 1), (2, 2)] and watermark(project)[0] == "2"


@pytest.mark.parametrize("key, mode", [(None, ""), ("id", ""), (None, "MODE REPLACE")])
def test_a_file_with_a_header_only_is_no_new_type(project, key, mode):
    project.csv("data/s.csv", "id,at", (1, 1), (2, 5))
    project.run(load(mode, key=key))
    project.csv("data/s.csv", "id,at")
    assert counts(project.run()) == (0, 0)
    project.csv("data/s.csv", "id,at", (1, 1), (2, 5), (3, 6))
    project.run()
    assert project.table("t") == [(1, 1), (2, 5), (3, 6)] and watermark(project) == ("6", "BIGINT")


@pytest.mark.parametrize("key", [None, "id"])
def test_a_first_file_with_a_header_only(project, key):
    """The types come from the first rows."""
    project.csv("data/s.csv", "id,at")
    project.run(load(key=key))
    assert project.table("t") == [] and watermark(project) is None
    project.csv("data/s.csv", "id,at", (1, 1), (2, 5))
    project.run()
    assert project.table("t") == [(1, 1), (2, 5)] and watermark(project) == ("5", "BIGINT")


def test_ties_when_a_column_is_lost(project):
    project.csv("data/s.csv", "id,at,v", (1, 1, "x"), (2, 5, "y"), (2, 5, "y"), (3, 5, "z"))
    project.run(load())
    project.csv("data/s.csv", "id,at", (1, 1), (2, 5), (2, 5), (3, 5), (2, 5), (4, 6))
    assert counts(project.run()) == (2, 0)
    assert project.sql("SELECT id, v FROM t ORDER BY id, v") == [
        (1, "x"), (2, "y"), (2, "y"), (2, None), (3, "z"), (4, None)]
    assert counts(project.run()) == (0, 0)


def test_ties_when_a_column_comes(project):
    text = load(on_schema_change="add_columns")
    project.csv("data/s.csv", "id,at", (1, 5))
    project.run(text)
    project.csv("data/s.csv", "id,at,v", (1, 5, ""), (2, 5, "q"))
    assert counts(project.run()) == (1, 0)
    assert counts(project.run()) == (0, 0)
    assert project.sql("SELECT id, v FROM t ORDER BY id") == [(1, None), (2, "q")]


def test_watermark_never_moves_back(project):
    project.csv("data/s.csv", "id,at", (1, 100))
    project.run(load(key="id"))
    project.csv("data/s.csv", "id,at", (1, 50), (2, 60))
    assert counts(project.run()) == (0, 0)
    assert watermark(project)[0] == "100"


def test_watermark_is_of_committed_rows_only(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    text = load(key="id") + "ASSERT ok AS SELECT * FROM t WHERE id > 1;"
    project.run(text)
    project.csv("data/s.csv", "id,at", (1, 1), (2, 2))
    project.fail()
    assert watermark(project)[0] == "1" and project.table("t") == [(1, 1)]
    project.csv("data/s.csv", "id,at", (1, 1), (0, 2))
    project.run()
    assert project.table("t") == [(0, 2), (1, 1)]


# -- separate state ----------------------------------------------------------------------------

def test_two_targets_of_one_source_never_share(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.run(source(key="id") + "LOAD a FROM s;")
    project.csv("data/s.csv", "id,at", (1, 1), (2, 2))
    project.run(source(key="id") + "LOAD a FROM s; LOAD b FROM s;")
    assert project.table("a") == project.table("b") == [(1, 1), (2, 2)]
    assert [w[1] for w in project.watermarks()] == ["a", "b"]


def test_two_sources_of_one_target_never_share(project):
    project.csv("data/a.csv", "id,at", (1, 100))
    project.csv("data/b.csv", "id,at", (2, 1))
    project.run(source("a", "data/a.csv") + source("b", "data/b.csv") + "LOAD t FROM a; LOAD t FROM b;")
    project.csv("data/b.csv", "id,at", (2, 1), (3, 2))
    project.run()
    assert project.table("t") == [(1, 100), (2, 1), (3, 2)]


def test_two_pipelines_never_share(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.run(load(key="id"), name="one")
    project.csv("data/s.csv", "id,at", (1, 1), (9, 0))
    project.run(load(key="id"), name="two")
    assert project.table("t") == [(1, 1), (9, 0)]
    assert len(project.watermarks()) == 2


def test_ties_of_loads_with_other_types_of_cursors(project):
    """So many ties that DuckDB looks at the rows of both loads at once."""
    for name, cursor in (("one", "at"), ("two", "n")):
        project.pipeline('SOURCE s TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", '
                         f'"cursor_field": "{cursor}"}}; LOAD t_{name} FROM s;', name=name)
    for last in range(1, 4):
        rows = [(i // 7000, f"2026-01-01 00:00:0{i // 7000}", i) for i in range(7000 * last + 3500)]
        project.csv("data/s.csv", "n,at,v", *rows)
        for name in ("one", "two"):
            project.run(name=name)
            assert project.sql(f"SELECT count(*), count(DISTINCT v) FROM t_{name}") == [(len(rows), len(rows))]


def test_state_reset_and_set(project):
    project.csv("data/s.csv", "id,at", (1, 1), (2, 2))
    project.run(load(key="id"))
    project.sf("state", "set", "p", "s", "t", "1")
    project.csv("data/s.csv", "id,at", (1, 1), (2, 2), (3, 1))
    project.run()
    assert len(project.table("t")) == 3
    project.csv("data/s.csv", "id,at", (4, 0))
    project.run()
    assert len(project.table("t")) == 3
    project.sf("state", "reset", "p", "s", "t")
    project.run()
    assert len(project.table("t")) == 4
    assert project.sf("state", "set", "p", "s", "t", "soon", code=2).err
    assert "'many' is not a type" in project.sf("state", "set", "p", "s", "t", "1", "--type", "many", code=2).err
    project.sf("state", "set", "p", "s", "t", "1", "--type", "int8")
    assert project.watermarks()[0][4] == "BIGINT"
    project.run()


def test_names_of_state_ignore_case(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.run(source(name="Src", key="id") + "LOAD T FROM SRC;")
    project.csv("data/s.csv", "id,at", (1, 1), (9, 0))
    project.run(source(name="src", cursor="AT", key="ID") + "LOAD t FROM src;")
    assert project.table("t") == [(1, 1)] and len(project.watermarks()) == 1


# -- other formats, many files, memory ---------------------------------------------------------

@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_other_formats(project, kind):
    project.pipeline("EXPORT SELECT * FROM (VALUES ${rows:raw}) v(id, \"at\") TO 'data/s.%s';" % kind, "make")
    project.sf("run", "make", "--var", "rows=(1, 1), (2, 2)")
    project.run(load(path=f"data/s.{kind}", kind=kind))
    project.sf("run", "make", "--var", "rows=(1, 1), (2, 2), (3, 2), (4, 1), (5, 9)")
    assert counts(project.run()) == (2, 0)
    assert [i for i, _ in project.table("t")] == [1, 2, 3, 5]


def test_glob_with_cursor(project):
    project.csv("data/s1.csv", "id,at", (1, 1))
    project.run(load(path="data/s*.csv", key="id"))
    project.csv("data/s2.csv", "id,at", (2, 2), (3, 0))
    project.run()
    assert project.table("t") == [(1, 1), (2, 2)]


def test_memory_mode_says_that_watermarks_end(tmp_path):
    project = Project(tmp_path / "m", database=None)
    project.csv("data/s.csv", "id,at", (1, 1))
    project.pipeline(load(key="id"))
    for _ in range(2):
        out = project.sf("run", "p").out
        assert "in-memory database: tables and watermarks end with this run" in out
    assert counts(project.run()) == (1, 0)


def test_cursor_load_by_incremental_mode_from_a_source(project):
    project.csv("data/s.csv", "id,at", (1, DAY % 1), (2, DAY % 2))
    text = 'SOURCE s TYPE csv PARAMS {"path": "data/s.csv"};\nLOAD t FROM s INCREMENTAL BY "at";'
    project.run(text)
    project.csv("data/s.csv", "id,at", (9, DAY % 1), (3, DAY % 2), (4, DAY % 3))
    project.run()
    assert [i for i, _ in project.table("t")] == [1, 3, 4]


def test_time_zone_of_the_caller_means_nothing(project):
    """TIMESTAMPTZ watermarks are points in time: TZ and DST of the caller change nothing."""
    project.csv("data/s.csv", "id,at", (1, "2026-03-29 02:30:00+02"))
    text = load(key="id", column_types={"at": "TIMESTAMPTZ"})
    project.run(text, env={"TZ": "Europe/Berlin"})
    first = watermark(project)
    for zone in ("America/New_York", "Asia/Kathmandu", "UTC", "Europe/Berlin"):
        assert counts(project.run(env={"TZ": zone})) == (0, 0)
    project.csv("data/s.csv", "id,at", (1, "2026-03-29 02:30:00+02"), (2, "2026-03-29 00:30:00+00"),
                (3, "2026-03-29 00:29:59+00"), (4, "2026-03-29 03:30:01+03"))
    assert counts(project.run(env={"TZ": "Pacific/Auckland"})) == (2, 0)
    assert first == ("2026-03-29 00:30:00+00", "TIMESTAMP WITH TIME ZONE")
    assert project.sql("SELECT id FROM t ORDER BY id") == [(1,), (2,), (4,)]


def test_dst_gap_and_fold_of_plain_timestamps(project):
    project.csv("data/s.csv", "id,at", (1, "2026-03-29 02:30:00"))  # does not exist in Berlin
    project.run(load(key="id"), env={"TZ": "Europe/Berlin"})
    project.csv("data/s.csv", "id,at", (1, "2026-03-29 02:30:00"), (2, "2026-03-29 02:30:00.000001"),
                (3, "2026-03-29 02:29:59.999999"))
    assert counts(project.run(env={"TZ": "America/New_York"})) == (1, 0)
    assert watermark(project)[0] == "2026-03-29 02:30:00.000001"


def test_separate_databases_have_separate_state(project):
    project.write("profiles/prod.yml", persistent("data/prod.duckdb"))
    project.csv("data/s.csv", "id,at", (1, 1))
    assert counts(project.run(load(key="id"))) == (1, 0)
    assert counts(project.run(None, "-p", "prod")) == (1, 0)
