"""--commit step, --resume and --dry-run (behaviour.md, section 1; cli.md)."""
import hashlib

import duckdb
import pytest
from harness import fault, persistent, steps_by_id

TEXT = ("CREATE TABLE a AS SELECT 1 AS v;\nEXPORT a TO 'output/a.csv';\n"
        "CREATE TABLE b MODE APPEND AS SELECT v FROM a;\n"
        "CREATE TABLE c AS SELECT CASE WHEN ${fail|1} = 1 THEN error('stop here') ELSE v END AS v FROM b;\n"
        "EXPORT c TO 'output/c.csv';\n")
RESUMABLE = ("CREATE TABLE a AS SELECT 1 AS v;\nEXPORT a TO 'output/a.csv';\n"
             "CREATE TABLE b MODE APPEND AS SELECT v FROM a;\n"
             "SOURCE s TYPE csv PARAMS {\"path\": \"data/s.csv\", \"column_types\": {\"v\": \"VARCHAR\"}};\n"
             "CREATE TABLE c AS SELECT v::INTEGER AS v FROM s;\nEXPORT c TO 'output/c.csv';\n")


def test_committed_steps_stay(project):
    error = project.fail(TEXT, "--commit", "step")
    assert error["step"] == "transform_c"
    assert project.table("a") == project.table("b") == [(1,)]
    assert project.read("output/a.csv") == "v\n1\n"
    assert not project.has_table("c") and not project.path("output/c.csv").exists()
    assert project.statuses() == ["failed"]
    assert dict(project.sql("SELECT step_id, status FROM _sqlflow.steps")) == {
        "transform_a": "ok", "export_csv_a": "ok", "transform_b": "ok", "transform_c": "failed"}


def test_profile_can_say_so(project):
    project.write("profiles/dev.yml", persistent(extra=", commit: step"))
    project.fail(TEXT)
    assert project.table("b") == [(1,)]
    project.fail("CREATE TABLE x AS SELECT 1 AS v; CREATE TABLE y AS SELECT error('no') AS v;", "--commit", "run",
                 name="q")
    assert not project.has_table("x")


def test_resume_goes_on_after_the_last_committed_step(project):
    project.csv("data/s.csv", "v", ("one",))
    project.fail(RESUMABLE, "--commit", "step")
    project.csv("data/s.csv", "v", (7,))
    project.path("output/a.csv").unlink()
    document = project.run(None, "--commit", "step", "--resume")
    assert {i: s["status"] for i, s in steps_by_id(document).items() if i != "source_s"} == {
        "transform_a": "skipped", "export_csv_a": "skipped", "transform_b": "skipped",
        "transform_c": "ok", "export_csv_c": "ok"}
    assert project.table("b") == [(1,)], "APPEND was not done twice"
    assert project.table("c") == [(7,)] and project.read("output/c.csv") == "v\n7\n"
    assert not project.path("output/a.csv").exists()
    assert project.statuses() == ["failed", "success"]


def test_resume_after_a_rolled_back_run_begins_anew(project):
    """commit: run kept nothing of it; a resumed run that fails keeps what was there before it."""
    project.csv("data/s.csv", "v", ("one",))
    project.fail(RESUMABLE)
    project.csv("data/s.csv", "v", (7,))
    project.run(None, "--resume")
    assert project.table("b") == [(1,)] and project.table("c") == [(7,)]
    assert project.read("output/a.csv") == "v\n1\n"
    project.csv("data/s.csv", "v", ("one",))
    project.fail(None, "--commit", "step")
    project.fail(None, "--resume")
    project.csv("data/s.csv", "v", (8,))
    project.run(None, "--resume")
    assert project.table("b") == [(1,), (1,)] and project.table("c") == [(8,)]


def test_state_of_version_1_is_migrated(project):
    project.run("CREATE TABLE a AS SELECT 1 AS v;")
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{project.database}' AS db; USE db; "
                           "ALTER TABLE _sqlflow.runs DROP COLUMN commit_mode; "
                           "UPDATE _sqlflow.schema_version SET version = 1")
    project.run()
    assert project.sql("SELECT commit_mode FROM _sqlflow.runs ORDER BY run_id") == [(None,), ("run",)]


def test_state_of_a_newer_version_is_left_alone(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.run('SOURCE s TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "at"};'
                "LOAD t FROM s;")
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{project.database}' AS db; USE db; "
                           "UPDATE _sqlflow.schema_version SET version = 99")
    before = project.database.read_bytes()
    for command in (["run", "p"], ["run", "p", "--dry-run"], ["state", "reset", "p"],
                    ["state", "set", "p", "s", "t", "7"], ["state", "discard", "x"]):
        assert "SF0706" in project.sf(*command, code=4).err, command
    assert project.watermarks() == [("s", "t", "at", "1", "BIGINT")]
    assert project.database.read_bytes() == before


def test_resume_twice(project):
    project.csv("data/s.csv", "v", ("one",))
    project.fail(RESUMABLE, "--commit", "step")
    project.fail(None, "--commit", "step", "--resume")
    project.csv("data/s.csv", "v", (7,))
    project.run(None, "--commit", "step", "--resume")
    assert project.table("b") == [(1,)] and project.table("c") == [(7,)]


KILLS = [("open", ".b.csv", ("b",)), ("rename", "output/b.csv", ("b",)), ("open", ".c.csv", ("b", "c")),
         ("rename", "output/c.csv", ("b", "c"))]


@pytest.mark.parametrize("call, path, tables", KILLS)
def test_resume_after_a_kill(project, fault_shim, call, path, tables):
    """Killed before an export is staged or published: APPENDs before it are not done again."""
    text = ("CREATE TABLE b MODE APPEND AS SELECT 1 AS v;\nEXPORT b TO 'output/b.csv';\n"
            "CREATE TABLE c MODE APPEND AS SELECT 2 AS v;\nEXPORT c TO 'output/c.csv';\n")
    project.pipeline(text)
    env = fault(fault_shim, at=1, do="kill_before", calls=call, path=path)
    project.sf("run", "p", "--commit", "step", env=env, code=-9)
    assert [t for t in ("b", "c") if project.has_table(t)] == list(tables)
    project.run(None, "--commit", "step", "--resume")
    assert project.table("b") == [(1,)] and project.table("c") == [(2,)]
    assert project.read("output/b.csv") == "v\n1\n" and project.read("output/c.csv") == "v\n2\n"
    assert project.files("output") == ["b.csv", "c.csv"]
    # Killed while publishing its last export, the run had committed everything: it was pending.
    complete = (call, path) == ("rename", "output/c.csv")
    assert project.statuses() == ["success" if complete else "failed", "success"]
    project.sf("run", "p", "--resume", code=4)


def test_resume_does_what_a_rolled_back_run_did_not_reach(project):
    project.fail(TEXT)
    document = project.run(None, "--resume", "--var", "fail=0")
    assert {s["status"] for s in document["steps"]} == {"ok"}
    assert project.table("c") == [(1,)] and project.read("output/c.csv") == "v\n1\n"


PENDING = ("CREATE TABLE b MODE APPEND AS SELECT 1 AS v;\nEXPORT b TO 'output/b.csv';\n"
           "CREATE TABLE c MODE APPEND AS SELECT 2 AS v;\nEXPORT c TO 'output/c.csv';\n")


@pytest.mark.parametrize("settle", ["resume", "other", "discard"])
def test_resume_after_an_export_that_was_not_the_last_step(project, fault_shim, settle):
    """The run stopped with its export: what lies behind it is still to do, whoever publishes that."""
    project.pipeline(PENDING)
    env = fault(fault_shim, at=1, do="fail", calls="rename", path="output/b.csv", errno=5)
    result = project.sf("run", "p", "--commit", "step", env=env, code=7)
    last = result.out.splitlines()[-1]
    assert last.startswith("committed, 1 export pending") and "go on with --resume" in last
    assert project.statuses() == ["pending"] and not project.has_table("c")
    if settle == "other":
        project.run("CREATE TABLE x AS SELECT 1 AS v;", name="q")
    elif settle == "discard":
        project.sf("state", "discard", project.sql("SELECT export_id FROM _sqlflow.exports")[0][0])
    if settle != "resume":
        assert project.statuses()[0] == "failed"
    project.run(None, "--commit", "step", "--resume")
    assert project.table("b") == [(1,)] and project.table("c") == [(2,)]
    assert project.read("output/c.csv") == "v\n2\n"
    assert project.path("output/b.csv").exists() == (settle != "discard")
    assert project.statuses()[0] == "failed" and project.statuses()[-1] == "success"


@pytest.mark.parametrize("mode", ["run", "step"])
def test_resume_after_a_resumed_run_was_killed(project, fault_shim, mode):
    """What the first run committed stays known, although the second left no record of its steps."""
    project.csv("data/s.csv", "v", ("one",))
    project.fail(RESUMABLE, "--commit", "step")
    project.csv("data/s.csv", "v", (7,))
    env = fault(fault_shim, at=1, do="kill_before", calls="open", path=".c.csv")
    project.sf("run", "p", "--resume", "--commit", mode, env=env, code=-9)
    project.run(None, "--resume")
    assert project.table("b") == [(1,)] and project.table("c") == [(7,)]
    assert project.read("output/c.csv") == "v\n7\n"


GATE = "ASSERT gate AS SELECT * FROM 'data/gate.csv' WHERE closed = 1;\n"


@pytest.mark.parametrize("done", ["ALTER TABLE t ADD COLUMN b INTEGER;", "ALTER TABLE t RENAME a TO b;", "DROP TABLE t;",
                                  "ALTER TABLE t RENAME TO u;", "CREATE TABLE u AS FROM t;\nDROP TABLE t;"])
def test_what_was_committed_need_not_be_possible_again(project, done):
    """A resumed run validates, in a dry run too, only what it has still to do."""
    project.run("CREATE TABLE t AS SELECT 1 AS a;", name="before")
    project.csv("data/gate.csv", "closed", (1,))
    project.fail(done + "\n" + GATE + "CREATE TABLE w AS SELECT 1 AS v;", "--commit", "step")
    project.csv("data/gate.csv", "closed", (0,))
    project.run(None, "--commit", "step", "--resume", "--dry-run")
    assert not project.has_table("w")
    project.run(None, "--commit", "step", "--resume")
    assert project.has_table("w")


def test_resume_makes_temporary_tables_as_they_were(project):
    project.csv("data/gate.csv", "closed", (1,))
    project.fail("CREATE TEMP TABLE x AS SELECT 1 AS v;\nINSERT INTO x VALUES (2);\nCREATE TABLE y (v INTEGER);\n"
                 "INSERT INTO y SELECT v FROM x;\n" + GATE + "CREATE TABLE z AS SELECT v FROM x;", "--commit", "step")
    project.csv("data/gate.csv", "closed", (0,))
    project.run(None, "--commit", "step", "--resume")
    assert project.table("y") == project.table("z") == [(1,), (2,)]


def test_nothing_to_resume(project):
    project.run("CREATE TABLE a AS SELECT 1 AS v;")
    assert project.fail(None, "--resume", code=4)["code"] == "SF0618"


def test_resume_of_a_changed_pipeline(project):
    project.fail(TEXT, "--commit", "step")
    error = project.fail(TEXT + "CREATE TABLE d AS SELECT 1 AS v;", "--commit", "step", "--resume", code=4)
    assert error["code"] == "SF0618"
    assert project.table("b") == [(1,)]


def test_watermark_commits_with_its_step(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.fail('SOURCE s TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "at"};'
                 "LOAD t FROM s; CREATE TABLE z AS SELECT error('no') AS v;", "--commit", "step")
    assert project.table("t") == [(1, 1)]
    assert project.watermarks() == [("s", "t", "at", "1", "BIGINT")]


BIG = 9223372036854775807


def test_a_full_refresh_that_reads_a_source_again_keeps_the_steps_before(project):
    """The length of b's numbers is guessed from its first rows, wrongly."""
    text = "".join(f'SOURCE {n} TYPE csv PARAMS {{"path": "data/{n}.csv", "sync_mode": "incremental", '
                   f'"cursor_field": "id"}}; LOAD t FROM {n};\n' for n in "ab")
    many = [(i, i % 1000) for i in range(800_000)]
    project.csv("data/a.csv", "id,v", (1, BIG))
    project.csv("data/b.csv", "id,v", *many)
    project.run(text, "--commit", "step")
    project.csv("data/b.csv", "id,v", *many, (800_000, BIG))
    assert project.run(None, "--commit", "step", "--full-refresh")["status"] == "success"
    assert project.sql(f"SELECT count(*), count(*) FILTER (v = {BIG}) FROM t") == [(800_002, 2)]


def test_failed_step_by_step_run_can_simply_be_run_again(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    text = ('SOURCE s TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "at"};'
            "LOAD t FROM s; ASSERT go AS SELECT 1 WHERE ${stop|0} = 1;")
    project.fail(text, "--commit", "step", "--var", "stop=1")
    project.run(None, "--commit", "step")
    assert project.table("t") == [(1, 1)]


# -- dry run ------------------------------------------------------------------------------------

def fingerprint(project):
    return {f: hashlib.sha256(project.path(f).read_bytes()).hexdigest() for f in project.files()
            if not f.startswith(("target/", ".sqlflow/")) and not f.endswith(".lock")}


def test_dry_run_changes_no_byte(project):
    project.csv("data/s.csv", "id,at", (1, 1), (2, 2))
    text = ('SOURCE s TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "at", '
            '"primary_key": "id"}; LOAD t FROM s; CREATE TABLE n AS SELECT count(*) AS n FROM t; '
            "EXPORT n TO 'output/n.csv';")
    project.run(text)
    project.csv("data/s.csv", "id,at", (1, 3), (2, 2), (3, 3), (4, 4))
    before = fingerprint(project)
    document = project.run(None, "--dry-run")
    assert fingerprint(project) == before
    assert document["status"] == "success" and document["dry_run"] is True
    changes = {c["table"]: c for c in document["changes"]}
    assert (changes["t"]["rows_before"], changes["t"]["rows_after"]) == (2, 4)
    assert (changes["t"]["inserted"], changes["t"]["updated"], changes["t"]["deleted"]) == (2, 1, 0)
    assert (changes["n"]["rows_before"], changes["n"]["rows_after"]) == (1, 1)
    assert len(project.statuses()) == 1, "a dry run is not recorded"
    project.run()
    assert project.table("n") == [(4,)]


def test_dry_run_of_a_new_project_leaves_no_database(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v; EXPORT t TO 'output/t.csv';", "--dry-run")
    assert not project.database.exists() and not project.path("output").exists()


def test_dry_run_finds_failures(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    before = fingerprint(project)
    error = project.fail("INSERT INTO t VALUES (2); ASSERT none AS FROM t;", "--dry-run", name="q")
    assert error["code"] == "SF0602"
    del (after := fingerprint(project))["pipelines/q.sf"]
    assert after == before


def test_dry_run_leaves_pending_exports_pending(project, fault_shim):
    project.run("CREATE TABLE t AS SELECT 1 AS v; EXPORT t TO 'output/t.csv';", code=7,
                env=fault(fault_shim, at=1, do="fail", calls="rename", path="output/t.csv", errno=5))
    project.run(None, "--dry-run")
    assert not project.path("output/t.csv").exists()
    assert project.sql("SELECT status FROM _sqlflow.exports") == [("pending",)]
