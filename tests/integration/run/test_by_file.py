"""Incremental loading by file (behaviour.md, section 5)."""
import json
import os

import duckdb
import pytest
from harness import steps_by_id


def load(mode="", path="data/f*.csv", target="t", name="s", kind="csv", **options):
    params = {"path": path, "sync_mode": "incremental", **options}
    return f"SOURCE {name} TYPE {kind} PARAMS {json.dumps(params)};\nLOAD {target} FROM {name} {mode};\n"


def rows(project, table="t"):
    return project.sql(f"SELECT * EXCLUDE (_sqlflow_file) FROM {table} ORDER BY ALL")


def ledger(project):
    return project.sql("SELECT path, rows FROM _sqlflow.files ORDER BY ALL")


def counts(document):
    step = steps_by_id(document)["load_t"]
    return step["rows_inserted"], step["rows_deleted"]


def test_new_files_are_loaded_once(project):
    project.csv("data/f1.csv", "id", (1,), (2,))
    assert counts(project.run(load())) == (2, 0)
    assert counts(project.run()) == (0, 0)
    project.csv("data/f2.csv", "id", (3,))
    assert counts(project.run()) == (1, 0)
    assert rows(project) == [(1,), (2,), (3,)]
    assert ledger(project) == [("data/f1.csv", 2), ("data/f2.csv", 1)]


def test_rows_carry_their_path(project):
    project.csv("data/f1.csv", "id", (1,))
    project.csv("data/f2.csv", "id", (2,))
    project.run(load())
    assert project.sql("SELECT id, _sqlflow_file FROM t ORDER BY id") == [(1, "data/f1.csv"), (2, "data/f2.csv")]


def test_ledger_has_size_and_mtime(project):
    path = project.csv("data/f1.csv", "id", (1,))
    os.utime(path, ns=(10**18, 1_700_000_000_123_456_000))
    project.run(load())
    assert project.sql("SELECT size, epoch_us(mtime), etag FROM _sqlflow.files") == [(5, 1_700_000_000_123_456, None)]


def test_changed_file_replaces_its_rows(project):
    project.csv("data/f1.csv", "id,v", (1, "a"), (2, "b"))
    project.csv("data/f2.csv", "id,v", (1, "other"))
    project.run(load())
    project.csv("data/f1.csv", "id,v", (2, "bb"), (3, "c"), (4, "d"))
    assert counts(project.run()) == (3, 2)
    assert rows(project) == [(1, "other"), (2, "bb"), (3, "c"), (4, "d")]
    assert ledger(project) == [("data/f1.csv", 3), ("data/f2.csv", 1)]


def test_same_size_other_time_is_a_change(project):
    path = project.csv("data/f1.csv", "id", (1,))
    project.run(load())
    project.csv("data/f1.csv", "id", (2,))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))
    project.run()
    assert rows(project) == [(2,)]


def test_touched_file_gives_the_same_rows(project):
    path = project.csv("data/f1.csv", "id", (1,))
    project.run(load())
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 5_000_000_000))
    project.run()
    assert rows(project) == [(1,)]


def test_vanished_file_is_reported_and_its_rows_stay(project):
    project.csv("data/f1.csv", "id", (1,))
    project.csv("data/f2.csv", "id", (2,))
    project.run(load())
    project.path("data/f1.csv").unlink()
    document = project.run()
    assert [w["code"] for w in document["warnings"]] == ["SF0621"]
    assert "data/f1.csv" in document["warnings"][0]["message"]
    assert rows(project) == [(1,), (2,)]
    project.path("data/f2.csv").unlink()
    document = project.run(load(allow_empty=True))
    assert [w["code"] for w in document["warnings"]] == ["SF0621"] * 2
    assert rows(project) == [(1,), (2,)]


def test_a_file_that_comes_back_unchanged_is_not_doubled(project):
    project.csv("data/f1.csv", "id", (1,))
    project.csv("data/f2.csv", "id", (2,))
    project.run(load())
    project.path("data/f1.csv").rename(project.path("data/away"))
    project.run()
    project.path("data/away").rename(project.path("data/f1.csv"))
    project.run()
    assert rows(project) == [(1,), (2,)]


def test_no_file_at_all_is_an_error(project):
    error = project.fail(load(), code=4)
    assert error["code"] == "SF0506" and "data/f*.csv" in error["message"] + error["hint"]


def test_no_file_is_fine_with_allow_empty(project):
    project.run(load(allow_empty=True))
    project.csv("data/f1.csv", "id", (1,))
    project.run()
    assert rows(project) == [(1,)]
    project.path("data/f1.csv").unlink()
    project.run()
    assert rows(project) == [(1,)]


@pytest.mark.parametrize("mode, flags", [("MODE REPLACE", []), ("", ["--full-refresh"])])
def test_rebuilt_from_no_file_the_table_is_empty(project, mode, flags):
    project.csv("data/f1.csv", "id", (1,))
    project.run(load(mode, allow_empty=True))
    project.path("data/f1.csv").rename(project.path("data/away"))
    project.run(None, *flags)
    assert rows(project) == [] and ledger(project) == []
    project.path("data/away").rename(project.path("data/f1.csv"))
    project.run()
    assert rows(project) == [(1,)]


EMPTY = 'SOURCE s TYPE csv PARAMS {{"path": "data/f*.csv", "allow_empty": true{}}};\nLOAD t FROM s {};\n'
CURSOR = ', "sync_mode": "incremental", "cursor_field": "id"'


@pytest.mark.parametrize("options, mode", [
    (CURSOR, ""), (CURSOR + ', "primary_key": "id"', ""), (CURSOR, "MODE REPLACE"), (CURSOR, "INCREMENTAL BY id"),
    ("", ""), ("", "MODE APPEND"), ("", "MODE UPSERT KEY id")])
def test_no_file_is_fine_in_every_mode(project, options, mode):
    """Without a file there are no columns: no table is made, and one that is there keeps its own."""
    text = EMPTY.format(options, mode)
    assert project.run(text)["warnings"] == [] and not project.has_table("t")
    project.csv("data/f1.csv", "id", (1,))
    project.run(text)
    project.path("data/f1.csv").unlink()
    project.run(text)
    replaces = mode == "MODE REPLACE" or (options, mode) == ("", "")
    assert project.table("t") == ([] if replaces else [(1,)])
    assert (project.watermarks() == []) == (replaces or not options)
    project.run(text, "--full-refresh")
    assert project.table("t") == ([] if options or replaces else [(1,)])
    assert project.watermarks() == []
    project.csv("data/f1.csv", "id", (0,))
    project.run(text)
    assert (0,) in project.table("t")


def test_file_with_header_only(project):
    project.csv("data/f1.csv", "id,v")
    project.csv("data/f2.csv", "id,v", (1, "a"))
    project.run(load())
    assert rows(project) == [(1, "a")] and ledger(project) == [("data/f1.csv", 0), ("data/f2.csv", 1)]
    assert counts(project.run()) == (0, 0)


def test_upsert_by_file(project):
    project.csv("data/f1.csv", "id,v", (1, "a"), (2, "b"))
    project.run(load(primary_key="id"))
    project.csv("data/f2.csv", "id,v", (2, "newer"), (3, "c"))
    project.run()
    assert rows(project) == [(1, "a"), (2, "newer"), (3, "c")]


@pytest.mark.parametrize("key", ["id", ["id", "part"]])
def test_rows_that_a_changed_file_replaced_come_back(project, key):
    """A later delivery replaced rows of earlier ones; delivered anew without them, it leaves them as they were."""
    project.csv("data/f1.csv", "id,part,v", (1, "x", "one"), (2, "x", "two"), (3, "x", "three"))
    project.csv("data/f2.csv", "id,part,v", (2, "x", "second"))
    project.run(load(primary_key=key))
    project.csv("data/f3.csv", "id,part,v", (2, "x", "wrong"), (3, "x", "wrong"), (9, "x", "wrong"))
    project.run()
    assert [r[2] for r in rows(project)] == ["one", "wrong", "wrong", "wrong"]
    project.csv("data/f3.csv", "id,part,v", (4, "x", "four"))
    document = project.run()
    incremental = rows(project)
    assert incremental == [(1, "x", "one"), (2, "x", "second"), (3, "x", "three"), (4, "x", "four")]
    assert project.sql("SELECT _sqlflow_file FROM t WHERE id IN (2, 3) ORDER BY id") == [("data/f2.csv",), ("data/f1.csv",)]
    assert steps_by_id(document)["load_t"]["duplicates_dropped"] == 0
    assert counts(project.run()) == (0, 0)
    project.run(None, "--full-refresh")
    assert rows(project) == incremental


def test_failed_load_leaves_ledger_and_rows(project):
    project.csv("data/f1.csv", "id,v", (1, 1))
    project.run(load())
    before = project.table("t"), project.state()
    project.csv("data/f1.csv", "id,v", (1, 2))
    project.csv("data/f2.csv", "id,v", (2, 1.5))
    assert project.fail()["code"] == "SF0604"
    assert (project.table("t"), project.state()) == before


def test_schema_change_in_a_new_file(project):
    project.csv("data/f1.csv", "id", (1,))
    project.run(load())
    project.csv("data/f2.csv", "id,x", (2, "y"))
    assert project.fail()["code"] in ("SF0508", "SF0605")  # against the other file, or the table
    assert rows(project) == [(1,)]
    project.run(load(on_schema_change="add_columns"))
    assert rows(project) == [(1, None), (2, "y")]


def test_changed_file_with_a_new_column(project):
    """DELETE then ALTER of one table in one transaction: the table must be rebuilt."""
    project.csv("data/f1.csv", "id", (1,), (2,))
    project.csv("data/f2.csv", "id", (3,))
    project.run(load(on_schema_change="add_columns"))
    project.csv("data/f1.csv", "id,x", (1, "n"))
    project.run()
    assert rows(project) == [(1, "n"), (3, None)]


def test_filled_table_without_a_ledger(project):
    project.run("CREATE TABLE t AS SELECT 1::BIGINT AS id;", name="other")
    project.csv("data/f1.csv", "id", (1,))
    assert project.fail(load())["code"] == "SF0612"
    assert project.table("t") == [(1,)]
    project.run(load(), "--full-refresh")
    assert rows(project) == [(1,)]


def test_full_refresh_reads_all_files_again(project):
    project.csv("data/f1.csv", "id", (1,))
    project.csv("data/f2.csv", "id", (2,))
    project.run(load())
    project.path("data/f1.csv").unlink()
    project.run(None, "--full-refresh")
    assert rows(project) == [(2,)] and ledger(project) == [("data/f2.csv", 1)]
    assert counts(project.run()) == (0, 0)


def test_two_targets_have_a_ledger_each(project):
    project.csv("data/f1.csv", "id", (1,))
    project.run(load())
    project.run(load() + "LOAD u FROM s;")
    assert rows(project) == rows(project, "u") == [(1,)]


def test_two_pipelines_have_a_ledger_each(project):
    project.csv("data/f1.csv", "id", (1,))
    project.run(load(), name="one")
    project.run(load(target="u"), name="two")
    assert rows(project) == rows(project, "u") == [(1,)]


def test_state_reset_forgets_files(project):
    project.csv("data/f1.csv", "id", (1,))
    project.run(load(primary_key="id"))
    project.sf("state", "reset", "p")
    assert ledger(project) == []
    assert counts(project.run())[0] in (0, 1)
    assert rows(project) == [(1,)]


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_other_formats(project, kind):
    project.pipeline("EXPORT SELECT ${n:raw} AS id TO 'data/f${n}.%s';" % kind, "make")
    project.sf("run", "make", "--var", "n=1")
    project.run(load(path=f"data/f*.{kind}", kind=kind))
    project.sf("run", "make", "--var", "n=2")
    assert counts(project.run()) == (1, 0)
    assert rows(project) == [(1,), (2,)]


def test_a_changed_file_whose_name_looks_like_a_pattern(project):
    project.csv("data/f [1] 'x'.csv", "id", (1,))
    project.csv("data/f2.csv", "id", (2,))
    project.run(load())
    assert rows(project) == [(1,), (2,)]
    project.csv("data/f [1] 'x'.csv", "id", (10,), (11,))
    project.run()
    assert rows(project) == [(2,), (10,), (11,)]


def test_list_of_paths_and_folder(project):
    project.csv("data/a/1.csv", "id", (1,))
    project.csv("data/b/2.csv", "id", (2,))
    project.run(load(path=["data/a/1.csv", "data/b/2.csv"]))
    assert rows(project) == [(1,), (2,)]
    project.csv("data/a/3.csv", "id", (3,))
    project.run(load(path="data/a", target="u"), name="folder")
    assert rows(project, "u") == [(1,), (3,)]


def test_many_files_in_many_runs(project):
    project.pipeline(load())
    wanted = []
    for batch in range(4):
        for i in range(5):
            n = batch * 5 + i
            project.csv(f"data/f{n:03}.csv", "id", (n,), (n + 1000,))
            wanted += [(n,), (n + 1000,)]
        project.run()
    assert rows(project) == sorted(wanted)


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_names_that_look_like_patterns(project, form):
    """A later file is compared with the first, whatever the first is called."""
    for i, name in enumerate(["[x]*?", "[[a]", "it's"]):
        path = project.path(f"data/{name}.{form}")
        duckdb.sql(f"SELECT {i} AS id, 'v' AS v").write_parquet(str(path)) if form == "parquet" else path.write_text(
            f"id,v\n{i},v\n" if form == "csv" else f'{{"id": {i}, "v": "v"}}\n')
    text = f'SOURCE s TYPE {form} PARAMS {{"path": "data/*.{form}", "sync_mode": "incremental"}};\nLOAD t FROM s;\n'
    project.run(text)
    project.run(text)
    assert project.sql("SELECT id, _sqlflow_file FROM t ORDER BY id") == [
        (0, f"data/[x]*?.{form}"), (1, f"data/[[a].{form}"), (2, f"data/it's.{form}")]


def test_messages_call_files_by_their_names(project):
    project.csv("data/f[1].csv", "id", (1,))
    project.csv("data/f[2].csv", "id,v", (2, 3))
    error = project.fail('SOURCE s TYPE csv PARAMS {"path": "data/f*.csv"}; LOAD t FROM s;')
    assert "data/f[2].csv has a column 'v' that data/f[1].csv lacks" in error["message"]
