"""The wall clock may lie: watermarks come from the rows alone (behaviour.md, section 5)."""
import json

import pytest

TEXT = ("SOURCE s TYPE csv PARAMS " + json.dumps({"path": "data/s.csv", "sync_mode": "incremental",
                                                  "cursor_field": "at", "primary_key": "id"}) + ";\n"
        "LOAD t FROM s;\nCREATE TABLE d INCREMENTAL BY \"at\" LOOKBACK 1 DAY AS SELECT \"at\", count(*) AS n "
        "FROM t GROUP BY 1;\nEXPORT t TO 'output/t.csv';\n")

def shifted(library, seconds):
    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(int(seconds))}


YEAR = 365 * 86400


def test_the_shim_moves_the_clock(project, clock_shim):
    document = project.run("CREATE TABLE t AS SELECT 1 AS v;", env=shifted(clock_shim, -10 * YEAR))
    assert document["started_at"] < "2020"


@pytest.mark.parametrize("shifts", [(0, -20 * YEAR, 0), (0, -3600, -7200), (0, 20 * YEAR, -20 * YEAR, 0)])
def test_watermarks_do_not_come_from_the_clock(project, clock_shim, shifts):
    # far in the past, so that no clock makes these values "future"
    rows = [(1, "1971-01-01 00:00:00")]
    for i, shift in enumerate(shifts):
        project.csv("data/s.csv", "id,at", *rows)
        project.run(TEXT, env=shifted(clock_shim, shift))
        assert project.sql("SELECT id FROM t ORDER BY id") == [(r[0],) for r in rows]
        assert {w[3] for w in project.watermarks()} == {rows[-1][1]}
        rows.append((i + 2, f"1971-01-02 00:00:0{i}"))
    assert project.statuses() == ["success"] * len(shifts)


def test_runs_with_the_clock_moved_back_are_all_there(project, clock_shim):
    """Also --resume, which looks for the last run, must not be confused."""
    project.run("CREATE TABLE t MODE APPEND AS SELECT 1 AS v;")
    project.run(env=shifted(clock_shim, -YEAR))
    project.run(env=shifted(clock_shim, -YEAR))
    assert len(project.table("t")) == 3 and len(project.statuses()) == 3


def test_future_check_uses_now(project, clock_shim):
    project.csv("data/s.csv", "id,at", (1, "2024-06-01 00:00:00"))
    error = project.fail(TEXT, env=shifted(clock_shim, -20 * YEAR))
    assert error["code"] == "SF0613"
    project.run(TEXT)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "nonsense"])
def test_run_records_are_utc_in_every_zone(project, zone):
    document = project.run("CREATE TABLE t AS SELECT 1 AS v;", env={"TZ": zone})
    stored = project.sql("SELECT strftime(started_at, '%Y-%m-%dT%H:%M:%S') FROM _sqlflow.runs")[0][0]
    utc = project.run("CREATE TABLE t AS SELECT 1 AS v;", env={"TZ": "UTC"})
    assert document["started_at"].startswith(stored) and document["started_at"] <= utc["started_at"]
    assert document["started_at"][:13] in (utc["started_at"][:13], stored[:13])
