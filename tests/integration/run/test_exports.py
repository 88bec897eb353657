"""Exports: staged, published once after the commit, finished by the next run (behaviour.md, 6)."""
import errno
import gzip
import json
import os
import shutil

import pytest
from harness import Project, fault

CHAIN = "CREATE TABLE t AS SELECT * FROM range(3) r(i);\nEXPORT t TO 'output/t.csv';\n"


def exports(project):
    return project.sql("SELECT destination, rows, status FROM _sqlflow.exports ORDER BY export_id")


def blocked(shim, name="output/t.csv"):
    """Putting this file in place fails: the run is committed, its export pending."""
    return fault(shim, at=1, do="fail", calls="rename", path=name, errno=errno.EIO)


def test_document_and_record(project):
    document = project.run(CHAIN)
    export = document["exports"][0]
    assert (export["id"], export["destination"], export["type"], export["rows"], export["status"]) == \
        ("export_csv_t", "output/t.csv", "csv", 3, "done")
    assert export["bytes"] == len(project.read("output/t.csv"))
    assert exports(project) == [("output/t.csv", 3, "done")]
    assert project.sql("SELECT bytes, published_at IS NOT NULL, hash IS NOT NULL FROM _sqlflow.exports") == \
        [(export["bytes"], True, True)]
    assert project.statuses() == ["success"]


def test_sees_its_place_in_the_run(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v; EXPORT t TO 'output/a.csv'; UPDATE t SET v = 2; "
                "EXPORT t TO 'output/b.csv'; DROP TABLE t;")
    assert (project.read("output/a.csv"), project.read("output/b.csv")) == ("v\n1\n", "v\n2\n")


def test_failed_run_leaves_nothing_behind(project):
    project.fail(CHAIN + "CREATE TABLE z AS SELECT error('no') AS e;")
    assert not project.path("output").exists()
    assert [f for f in project.files() if "tmp" in f or "staged" in f] == []


def test_failed_run_keeps_the_old_file(project):
    project.write("output/t.csv", "old\n")
    project.fail(CHAIN + "CREATE TABLE z AS SELECT error('no') AS e;")
    assert project.read("output/t.csv") == "old\n" and project.files("output") == ["t.csv"]


def test_pending_export_is_finished_by_the_next_run(project, fault_shim):
    document = project.run(CHAIN, code=7, env=blocked(fault_shim))
    assert document["status"] == "pending"
    assert [e["status"] for e in document["exports"]] == ["pending"]
    assert document["error"]["code"] and exports(project) == [("output/t.csv", 3, "pending")]
    assert project.statuses() == ["pending"]
    (shown,) = project.sf("state", "show", "p", "--format", "json").doc["pending_exports"]
    assert shown["destination"] == "output/t.csv" and shown["export_id"] in project.sf("state", "show", "p").out
    assert project.table("t") == [(0,), (1,), (2,)], "the tables are committed"
    project.run("CREATE TABLE other AS SELECT 1 AS one;", name="another_pipeline")
    assert project.read("output/t.csv") == "i\n0\n1\n2\n"
    assert exports(project) == [("output/t.csv", 3, "done")]
    assert project.statuses() == ["success", "success"]


def test_pending_export_gives_its_own_rows_not_todays(project, fault_shim):
    """It is published before the next run changes the table it refers to."""
    project.run(CHAIN, code=7, env=blocked(fault_shim))
    project.fail("DELETE FROM t; CREATE TABLE z AS SELECT CASE WHEN count(*) = 0 THEN error('no') END AS e FROM t;",
                 name="other")
    assert project.read("output/t.csv") == "i\n0\n1\n2\n"
    assert project.table("t") == [(0,), (1,), (2,)]


def test_text_report_of_a_pending_export(project, fault_shim):
    project.pipeline(CHAIN)
    lines = project.sf("run", "p", code=7, env=blocked(fault_shim)).out.splitlines()
    assert lines[-1].startswith("committed, 1 export pending")


def test_other_exports_of_the_run_are_published(project, fault_shim):
    document = project.run("CREATE TABLE t AS SELECT 1 AS v; EXPORT t TO 'output/a.csv'; EXPORT t TO 'output/b.csv';"
                           "EXPORT t TO 'output/c.csv';", code=7, env=blocked(fault_shim, "output/b.csv"))
    assert project.read("output/a.csv") == "v\n1\n"
    assert [e["status"] for e in document["exports"]][:2] == ["done", "pending"]
    project.run("CREATE TABLE u AS SELECT 1 AS v;", name="u")
    assert project.read("output/b.csv") == project.read("output/c.csv") == "v\n1\n"


def test_while_it_cannot_be_published_nothing_else_runs(project, fault_shim):
    project.run(CHAIN, code=7, env=blocked(fault_shim))
    error = project.fail("CREATE TABLE other AS SELECT 1 AS v;", code=7, name="other",
                         env=blocked(fault_shim))
    assert "output/t.csv" in error["message"] and "state discard" in error["hint"]
    assert not project.has_table("other")


def test_discard(project, fault_shim):
    project.run(CHAIN, code=7, env=blocked(fault_shim))
    listed = project.sf("state", "list").out
    export_id = project.sql("SELECT export_id FROM _sqlflow.exports")[0][0]
    assert export_id in listed and "output/t.csv" in listed
    project.sf("state", "discard", "nonsense", code=2)
    project.sf("state", "discard", export_id)
    project.run("CREATE TABLE other AS SELECT 1 AS v;", name="other")
    assert not project.path("output/t.csv").exists()
    assert "pending" not in [e[2] for e in exports(project)]
    assert not project.path("output").exists()
    project.sf("state", "discard", export_id, code=2)


PARTS = "CREATE TABLE t AS SELECT i, i % 2 AS k FROM range({}) r(i);\nEXPORT t TO 'output/t' TYPE csv " \
        'OPTIONS {{"partition_by": "k"}};'


@pytest.mark.parametrize("text, old", [(CHAIN, "t.csv"), (PARTS.format(4), "t/k=0/data_0.csv")])
def test_an_old_file_is_not_taken_for_the_one_that_was_staged(project, fault_shim, text, old):
    project.write(f"output/{old}", "i\n9\n")
    project.run(text, code=7, env=fault(fault_shim, at=1, do="fail", calls="rename,renameat2",
                                        path="output/t", errno=errno.EIO))
    staged, export_id = project.sql("SELECT staged, export_id FROM _sqlflow.exports")[0]
    (shutil.rmtree if "/" in old else os.remove)(staged)
    error = project.fail("CREATE TABLE u AS SELECT 1 AS v;", name="u")
    assert "is gone" in error["message"] and "state discard" in error["hint"]
    assert [status for _, _, status in exports(project)] == ["pending"]
    project.sf("state", "discard", export_id)
    project.run(name="u")
    assert project.read(f"output/{old}") == "i\n9\n" and project.files("output") == [old]


@pytest.mark.parametrize("text, path", [(CHAIN, "t.csv"), (PARTS.format(4), "t/k=1/data_0.csv")])
def test_a_file_that_is_in_place_is_not_published_again(project, fault_shim, text, path):
    """The run was killed right behind the rename."""
    for _ in range(2):
        project.pipeline(text)
        killed = project.sf("run", "p", code=None, env=fault(fault_shim, at=1, do="kill_after", path="output/t",
                                                             calls="rename,renameat2"))
        assert killed.code < 0
        content = project.read(f"output/{path}")
        project.run("CREATE TABLE u AS SELECT 1 AS v;", name="u")
        assert {status for _, _, status in exports(project)} == {"done"}
        assert project.read(f"output/{path}") == content
        assert [f for f in project.files("output") if ".sqlflow" in f] == []


def test_a_pending_export_is_published_from_another_folder(project, tmp_path, fault_shim):
    """Two projects share a database."""
    other = Project(tmp_path / "other", profile=project.read("profiles/dev.yml").replace("data/", f"{project.root}/data/"))
    project.run(CHAIN, code=7, env=blocked(fault_shim))
    other.write("output/t.csv", "mine\n")
    other.run("CREATE TABLE u AS SELECT 1 AS v;", name="u")
    assert (project.read("output/t.csv"), other.read("output/t.csv")) == ("i\n0\n1\n2\n", "mine\n")
    assert (project.files("output"), other.files("output")) == (["t.csv"], ["t.csv"])


def test_what_a_killed_run_staged_is_removed_from_another_folder(project, tmp_path, fault_shim):
    other = Project(tmp_path / "other", profile=project.read("profiles/dev.yml").replace("data/", f"{project.root}/data/"))
    project.pipeline(CHAIN + "CREATE TABLE z AS SELECT 1 AS v; EXPORT z TO 'output/z.csv';")
    project.sf("run", "p", code=None, env=fault(fault_shim, at=1, do="kill_before", path="output/.z.csv"))
    assert project.files("output") != []
    other.run("CREATE TABLE u AS SELECT 1 AS v;", name="u")
    assert not project.path("output").exists()


def test_unwritable_folder_is_an_error_before_the_commit(project):
    project.write("output", "a file where the folder should be")
    error = project.fail(CHAIN, code=1)
    assert "output" in error["message"]
    assert not project.has_table("t") and project.read("output").startswith("a file")


def test_same_destination_twice_is_an_error(project):
    error = project.fail("CREATE TABLE t AS SELECT 1 AS v; EXPORT t TO 'output/a.csv'; EXPORT t TO './output/a.csv';",
                         code=4)
    assert error["code"] == "SF0305"
    (project.root / "output/real").mkdir(parents=True)
    (project.root / "ln").symlink_to("output/real")
    (project.root / "b.csv").symlink_to("output/real/a.csv")
    for one, other in (("output/real/c.csv", "ln/c.csv"), ("output/real/a.csv", "b.csv"), ("output", "ln/c.csv")):
        error = project.fail(f"CREATE TABLE t AS SELECT 1 AS v; EXPORT t TO '{one}' TYPE csv; EXPORT t TO '{other}';", code=4)
        assert error["code"] == "SF0305"


def test_empty_result_has_header_and_schema(project):
    project.run("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b WHERE false; EXPORT t TO 'output/t.csv'; "
                "EXPORT t TO 'output/t.parquet'; EXPORT t TO 'output/t.json'; EXPORT t TO 'output/t.jsonl';"
                "SOURCE p TYPE parquet PARAMS {\"path\": \"output/t.parquet\"};")
    assert project.read("output/t.csv") == "a,b\n"
    assert project.sql(f"DESCRIBE SELECT * FROM '{project.root}/output/t.parquet'")[0][:2] == ("a", "INTEGER")
    assert project.sql(f"SELECT count(*) FROM read_json('{project.root}/output/t.json')") == [(0,)]
    assert project.read("output/t.jsonl") == ""


def test_parquet_options(project):
    project.run("CREATE TABLE t AS SELECT * FROM range(10000) r(i); EXPORT t TO 'output/z.parquet'; "
                "EXPORT t TO 'output/s.parquet' OPTIONS {\"compression\": \"snappy\", \"row_group_size\": 2048};")
    meta = f"SELECT DISTINCT compression, row_group_id FROM parquet_metadata('{project.root}/output/%s.parquet') ORDER BY ALL"
    assert project.sql(meta % "z") == [("ZSTD", 0)]
    assert project.sql(meta % "s")[-1][0] == "SNAPPY" and len(project.sql(meta % "s")) > 1


@pytest.mark.parametrize("value, words", [
    ("'nan'::DOUBLE", "NaN or infinity"), ("'-inf'::FLOAT", "NaN or infinity"),
    ("[{'x': 1.5}, {'x': 'inf'::DOUBLE}]", "NaN or infinity"),
    ("'{\"n\": [12345678901234567890.5]}'::JSON", "would lose digits"),
])
def test_json_holds_what_it_was_given_or_fails(project, value, words):
    error = project.fail(f"CREATE TABLE t AS SELECT 1 AS a, {value} AS v; EXPORT t TO 'o.json';")
    assert error["code"] == "SF0617" and words in error["message"] and "'v'" in error["message"]
    assert error["step"] == "export_json_t" and "AS \"v\"" in error["hint"]
    assert not project.path("o.json").exists() and not project.has_table("t")


def test_home_is_known_in_paths(project):
    project.csv("home/in.csv", "a,b", (7, 8))  # the tests' HOME is the project
    project.run("SOURCE s TYPE csv PARAMS {path: '~/home/in*.csv'}; LOAD t FROM s; EXPORT t TO '~/home/deep/o.csv'; "
                "EXPORT t TO '~/home/parts' TYPE csv OPTIONS {partition_by: 'a', path: '~/home/parts'};")
    assert project.files("home") == ["deep/o.csv", "in.csv", "parts/a=7/data_0.csv"] and not project.path("~").exists()
    assert project.read("home/deep/o.csv") == "a,b\n7,8\n"


def test_no_export_inside_of_another(project):
    folder = "EXPORT t TO 'out/d' TYPE csv OPTIONS {partition_by: 'a'}; "
    for other in ("out/d/x/y.csv", "./out/d/../d/z.csv", f"{project.root}/out/d/a=1/y.csv"):
        error = project.fail(f"CREATE TABLE t AS SELECT 1 AS a, 2 AS b; EXPORT t TO '{other}'; {folder}", code=4)
        assert error["code"] == "SF0305" and f"'{other}' is inside of 'out/d'" in error["message"]
    project.run(f"CREATE TABLE t AS SELECT 1 AS a, 2 AS b; EXPORT t TO 'out/d.csv'; EXPORT t TO 'out/dd/y.csv'; {folder}")


def test_an_export_does_not_replace_the_database(project):
    project.run("CREATE TABLE t AS SELECT 1 AS a;")
    error = project.fail("CREATE TABLE t AS SELECT 2 AS a; EXPORT t TO './data/../data/warehouse.duckdb' TYPE csv;")
    assert error["code"] == "SF0617" and "is the database of this run" in error["message"]
    assert project.table("t") == [(1,)]


def test_a_folder_that_is_a_file_is_told_once(project):
    project.write("output", "a file")
    project.pipeline("EXPORT SELECT 1 AS a TO 'output/o.csv';")
    result = project.sf("run", "p", code=1)
    assert "output is no folder" in result.err and "cannot remove" not in result.err


@pytest.mark.parametrize("query, words", [
    ("SELECT sum(n) AS v FROM (VALUES (9007199254740992), (1)) t(n)", "rounds it: 9007199254740993"),
    ("SELECT 1 AS a, 340282366920938463463374607431768211455::UHUGEINT AS v", "rounds it: 34028236692093846346"),
    ("SELECT INTERVAL '1.000001 seconds' AS v", "part of a millisecond"),
    ("SELECT {'k': 9007199254740993::HUGEINT, 'l': 'x'} AS v", "rounds it: {'k': 9007199254740993"),
    ("SELECT MAP {'k': [170141183460469231731687303715884105727::UHUGEINT]} AS v", "rounds it: {k=[1701411834604692317316"),
    ("SELECT [INTERVAL '1.0005 seconds'] AS v", "part of a millisecond"),
    ("SELECT '10:00:00+02'::TIMETZ AS v", "offset from UTC"),
])
def test_parquet_holds_what_it_was_given_or_fails(project, query, words):
    error = project.fail(f"CREATE TABLE t AS {query}; EXPORT t TO 'o.parquet';")
    assert error["code"] == "SF0617" and words in error["message"] and "'v'" in error["message"]
    assert error["step"] == "export_parquet_t" and "text" in error["hint"] and not project.path("o.parquet").exists()


def test_parquet_of_sums_that_a_double_keeps(project):
    project.run("CREATE TABLE t AS SELECT sum(n) AS a, (sum(n) * 8)::HUGEINT AS a2, NULL::HUGEINT AS b, NULL::INTERVAL AS c, "
                "INTERVAL '2 days 1.5 s' AS d, 1e22::UHUGEINT AS e, 'x' AS p, [sum(n)] AS f, {'k': INTERVAL '5 ms'} AS g FROM range(10) r(n); EXPORT t TO 'o.parquet'; "
                "EXPORT SELECT * FROM t TO 'parts' TYPE parquet OPTIONS {\"partition_by\": \"p\"};")
    for path in ("o.parquet", "parts/*/*.parquet"):
        assert project.sql(f"SELECT a::BIGINT, a2::BIGINT, b, c, d::VARCHAR, e::UHUGEINT::VARCHAR, f::INT[], g::VARCHAR FROM '{project.root}/{path}'") == [
            (45, 360, None, None, "2 days 00:00:01.5", "10000000000000000000000", [45], "{'k': '00:00:00.005'}")]


def test_json_of_columns_of_one_name(project):
    project.run("EXPORT SELECT 1.5::DOUBLE AS a, 2.5::DOUBLE AS a TO 'o.jsonl';")
    assert json.loads(project.read("o.jsonl")) == {"a": 1.5, "a_1": 2.5}


def test_json_of_numbers_that_look_odd(project):
    project.run("""CREATE TABLE t AS SELECT 1e308 AS a, [0.5, NULL] AS b, {'NaN': 'Infinity'} AS c, 18446744073709551615 AS d,
        '{"k": [18446744073709551615, 0.1234567890123456, "12345678901234567890.5 NaN"]}'::JSON AS e,
        {'n': 'say "NaN, Infinity"', 'x': 1.5::DOUBLE} AS f; EXPORT t TO 'o.jsonl';""")
    assert json.loads(project.read("o.jsonl")) == {
        "a": 1e308, "b": [0.5, None], "c": {"NaN": "Infinity"}, "d": 18446744073709551615,
        "e": {"k": [18446744073709551615, 0.1234567890123456, "12345678901234567890.5 NaN"]},
        "f": {"n": 'say "NaN, Infinity"', "x": 1.5}}


def test_partitioned_folder_is_replaced_as_a_whole(project):
    text = "CREATE TABLE t AS SELECT i % ${n|3} AS k, i FROM range(9) r(i); " \
           "EXPORT t TO 'output/parts' TYPE parquet OPTIONS {\"partition_by\": \"k\"};"
    project.run(text)
    assert sorted(p.name for p in project.path("output/parts").iterdir()) == ["k=0", "k=1", "k=2"]
    project.run(None, "--var", "n=2")
    assert sorted(p.name for p in project.path("output/parts").iterdir()) == ["k=0", "k=1"]
    assert project.sql(f"SELECT count(*) FROM '{project.root}/output/parts/*/*.parquet'") == [(9,)]
    assert os.listdir(project.path("output")) == ["parts"]


def test_compressed_csv(project):

    project.run(CHAIN + "EXPORT t TO 'output/t.csv.gz'; EXPORT t TO 'output/t.csv.zst';")
    assert gzip.decompress(project.path("output/t.csv.gz").read_bytes()) == b"i\n0\n1\n2\n"
    assert project.sql(f"SELECT count(*) FROM '{project.root}/output/t.csv.zst'") == [(3,)]


def test_csv_of_many_rows_is_whole_and_in_order(project):
    project.run("CREATE TABLE t AS SELECT i, repeat('x', 20) AS x FROM range(200000) r(i); "
                "EXPORT (SELECT * FROM t ORDER BY i DESC) TO 'output/t.csv';")
    lines = project.read("output/t.csv").splitlines()
    assert len(lines) == 200_001 and lines[1].startswith("199999,") and lines[-1].startswith("0,")


def test_file_mode_and_leftovers(project):
    project.run(CHAIN)
    assert project.path("output/t.csv").stat().st_mode & 0o444 == 0o444
    assert project.database.stat().st_mode & 0o777 == 0o600
    assert project.files("output") == ["t.csv"]
    assert not [f for f in project.files("data") if f.endswith((".wal", ".staged"))]



def test_memory_mode_publishes(tmp_path):
    project = Project(tmp_path / "m", database=None)
    document = project.run(CHAIN)
    assert project.read("output/t.csv") == "i\n0\n1\n2\n"
    assert document["exports"][0]["status"] == "done"


def test_rerun_of_an_export_only_pipeline(project):
    project.run(CHAIN)
    project.run("EXPORT t TO 'output/again.csv';", name="only")
    project.run("EXPORT t TO 'output/again.csv';", name="only")
    assert project.read("output/again.csv") == "i\n0\n1\n2\n"


def test_killed_run_in_memory_mode_leaves_nothing_for_long(tmp_path, fault_shim):
    """There is no database to tell what is pending: what it staged is cleared by the next run."""
    project = Project(tmp_path / "m", database=None)
    project.pipeline(CHAIN + "EXPORT t TO 'output/u.csv';")
    project.write("output/t.csv", "old\n")
    for call, path in (("open", ".u.csv"), ("rename", "output/t.csv"), ("rename", "output/u.csv")):
        env = fault(fault_shim, at=1, do="kill_before", calls=call, path=path)
        project.sf("run", "p", env=env, code=-9)
        assert project.read("output/t.csv") in ("old\n", "i\n0\n1\n2\n")
        project.run()
        assert project.read("output/t.csv") == project.read("output/u.csv") == "i\n0\n1\n2\n"
        assert project.files("output") == ["t.csv", "u.csv"]
        assert [f for f in project.files(".sqlflow")] == []


def test_a_quote_of_one_s_own_is_doubled(project):
    project.run("CREATE TABLE t AS SELECT 'it''s \"so\"; or so' AS a, 'x;y' AS b; "
                "EXPORT t TO 'o.csv' OPTIONS {\"quote_char\": \"'\", \"delimiter\": \";\"}; "
                "EXPORT t TO 'e.csv' OPTIONS {\"quote_char\": \"'\", \"escape_char\": \"\\\\\"};")
    assert project.read("o.csv") == "a;b\n'it''s \"so\"; or so';'x;y'\n"
    assert project.read("e.csv") == "a,b\n'it\\'s \"so\"; or so',x;y\n"
    project.run("SOURCE s TYPE csv PARAMS {\"path\": \"o.csv\", \"quote_char\": \"'\", \"delimiter\": \";\"}; LOAD u FROM s;")
    assert project.table("u") == [("it's \"so\"; or so", "x;y")]


@pytest.mark.parametrize("value", ["'a;b'", "'two' || chr(10) || 'lines'", "['a;b']"])
def test_no_quote_and_a_value_that_needs_one(project, value):
    options = "OPTIONS {\"quote_char\": \"\", \"delimiter\": \";\"}"
    error = project.fail(f"EXPORT SELECT 1 AS a, {value} AS v TO 'o.csv' {options};")
    assert error["code"] == "SF0617" and "column 'v' has a delimiter or line break" in error["message"]
    project.run(f"EXPORT SELECT 1 AS a, NULL AS n, 'x,\"y' AS v TO 'o.csv' {options};")
    assert project.read("o.csv") == 'a;n;v\n1;;x,"y\n'
