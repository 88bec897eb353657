"""Exit codes, documents, logs and secrets of the command line (cli.md, behaviour.md 1, 7)."""
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import termios

import pytest
from harness import BIN, PATIENCE, Project, environment, persistent, steps_by_id

DIAGNOSTIC = {"severity", "code", "class", "message", "hint", "file", "line", "column", "step"}
STEP = {"id", "type", "status", "rows_read", "rows_inserted", "rows_updated", "rows_deleted", "duplicates_dropped",
        "retries", "seconds"}
RUN = {"schema_version", "run_id", "pipeline", "profile", "status", "started_at", "seconds", "steps", "exports",
       "warnings", "error"}
SECRET = "hunter2-very-secret"


def test_run_document(project):
    project.csv("data/s.csv", "id", (1,))
    document = project.run('SOURCE s TYPE csv PARAMS {"path": "data/s.csv"}; LOAD t FROM s; '
                           "EXPORT t TO 'output/t.csv'; ASSERT WARN few AS FROM t;")
    assert RUN <= set(document) and document["schema_version"] == 1
    assert (document["pipeline"], document["profile"], document["status"]) == ("p", "dev", "success")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", document["started_at"])
    assert all(STEP <= set(step) for step in document["steps"])
    assert {i: s["status"] for i, s in steps_by_id(document).items()} == {
        "source_s": "ok", "load_t": "ok", "export_csv_t": "ok", "assert_few": "warn"}
    assert {"id", "destination", "type", "rows", "bytes", "status"} <= set(document["exports"][0])
    assert DIAGNOSTIC <= set(document["warnings"][0]) and document["error"] is None
    assert json.loads(project.read("target/run_results.json")) == document


def test_warnings_of_the_plan_are_in_the_document(project):
    project.write("data/s.json", '[{"a": 1}]')
    document = project.run('SOURCE s TYPE json PARAMS {"path": "data/s.json", "header": true}; LOAD t FROM s;')
    assert [w["code"] for w in document["warnings"]] == ["SF0505"] and document["warnings"][0]["line"] == 1


def test_failed_document(project):
    document = project.run("CREATE TABLE a AS SELECT 1 AS v;\nCREATE TABLE b AS SELECT error('no') AS v;\n"
                           "CREATE TABLE c AS SELECT 1 AS v;", code=1)
    assert document["status"] == "failed" and DIAGNOSTIC <= set(document["error"])
    assert {i: s["status"] for i, s in steps_by_id(document).items()} == {
        "transform_a": "ok", "transform_b": "failed", "transform_c": "skipped"}
    assert json.loads(project.read("target/run_results.json"))["status"] == "failed"


@pytest.mark.parametrize("source, code", [
    ("FROM 'lakee'", "SF0406"), ('TYPE csvv PARAMS {"path": "x"}', "SF0501"),
    ('TYPE csv PARAMS {"pth": "x"}', "SF0502"), ("FROM '${nope}'", "SF0201")])
def test_a_source_that_is_none_is_told_once(project, source, code):
    project.pipeline(f"SOURCE s {source};\nLOAD t FROM s;\nCREATE TABLE u AS FROM s;")
    result = project.sf("run", "p", code=4)
    assert result.err.count("error[") == 1 and code in result.err


@pytest.mark.parametrize("password", ["error", "null", "false", "steps", "success"])
def test_a_weak_password_leaves_the_document_whole(project, password):
    project.write("profiles/dev.yml", persistent() + "connections:\n  w: { type: postgres, host: 127.0.0.1, "
                  'port: 1, max_retries: 0, password: "${W_PASSWORD}", passfile: null }\n')
    document = project.run("SOURCE s FROM 'w' OPTIONS {table: 'x'}; LOAD t FROM s;", code=3,
                           env={"W_PASSWORD": password})
    assert RUN <= set(document) and document["error"]["code"] == "SF0801"
    assert document["error"]["hint"] and json.loads(project.read("target/run_results.json")) == document


EXITS = [
    (2, ["run", "nothing"], "SF0404"), (2, ["rnu"], "SF1001"), (2, ["run"], "SF1001"),
    (2, ["run", "p", "--no-such-flag"], "SF1001"), (2, ["run", "p", "--commit", "never"], "SF1001"),
    (2, ["run", "p", "extra"], "SF1001"), (2, ["run", "p", "--select", "nothing"], "SF0311"),
    (2, ["run", "p", "--select", ""], "SF1001"), (2, ["run", "p", "--select", "transform_t", "--exclude", "transform_t"],
                                                  "SF1001"),
    (2, ["query", "foo bar"], "SF0308"), (4, ["query", "detach w"], "SF0708"), (4, ["query", "analyze"], "SF0708"),
    (2, ["udf", "test", "f", "--args", "[1]", "--data", "x.csv"], "SF1001"),
    (2, ["run", "p", "--var", "novalue"], "SF1001"), (2, ["run", "p", "--timeout", "soon"], "SF1001"),
    (4, ["run", "p", "-p", "nothing"], "SF0402"), (2, ["run", "syntax"], "SF0101"),
    (4, ["run", "unknown"], "SF0301"), (4, ["run", "variable"], "SF0201"), (4, ["run", "file"], "SF0506"),
    (4, ["run", "unbound"], "SF0306"), (4, ["pipeline", "validate", "unbound"], None),
    (4, ["run", "p", "-p", "badkey"], "SF0401"), (2, ["run", "p", "-p", "dev", "--format", "xml"], "SF1001"),
    (1, ["run", "fails"], "SF0601"), (1, ["run", "asserts"], "SF0602"), (2, ["state", "show", "p", "s"], "SF0707"),
    (2, ["explain", "SF9999"], None), (2, ["history", "19990101"], None),
]


@pytest.mark.parametrize("code, args, error", EXITS, ids=[" ".join(e[1]) for e in EXITS])
def test_exit_code_and_one_document(project, code, args, error):
    """With --format json stdout is one document, also when the command fails."""
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    project.write("profiles/badkey.yml", "engines:\n  duckdb: { mode: sideways }\n")
    project.pipeline("CREATE TABLE;\nLAOD x FROM y;", "syntax")
    project.pipeline("CREATE TABLE u AS SELECT * FROM no_such_table;", "unknown")
    project.pipeline("CREATE TABLE u AS SELECT ${no_such_variable} AS v;", "variable")
    project.pipeline('SOURCE s TYPE csv PARAMS {"path": "data/gone.csv"}; LOAD u FROM s;', "file")
    project.pipeline("CREATE TABLE u AS SELECT 1 AS v LIMIT 'x';", "unbound")
    project.pipeline("CREATE TABLE u AS SELECT error('no') AS v;", "fails")
    project.pipeline("ASSERT none AS SELECT 1;", "asserts")
    before = project.table("t")
    plain = project.sf(*args, code=code)
    assert plain.err.strip() and "panic" not in plain.err
    if "--format" not in args:
        result = project.sf(*args, "--format", "json", code=code)
        assert result.doc["schema_version"] == 1 and DIAGNOSTIC <= set(result.doc["error"]), result
        if error:
            assert result.doc["error"]["code"] == error
            assert error in plain.err + plain.out
    assert project.table("t") == before and not project.has_table("u")


@pytest.mark.parametrize("code, args, error", [
    (1, ["test"], "SF1004"), (4, ["udf", "validate"], "SF0903"), (4, ["profiles", "validate"], "SF0401"),
    (2, ["pipeline", "validate", "unknown", "syntax"], "SF0104")], ids=lambda x: " ".join(x) if type(x) is list else None)
def test_checks_that_fail_name_their_error(project, code, args, error):
    project.write("profiles/bad.yml", "engines:\n  duckdb: { mode: sideways }\n")
    project.pipeline("LAOD x FROM y;", "syntax")
    project.pipeline("CREATE TABLE u AS SELECT * FROM no_such_table;", "unknown")
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    project.write("tests/p.yml", "pipeline: p\nexpect: { tables: { t: { rows: [ { v: 2 } ] } } }\n")
    project.write("python_udfs/m.py", "import no_such_module\n")
    found = project.sf(*args, "--format", "json", code=code).doc["error"]
    assert DIAGNOSTIC <= set(found) and found["code"] == error
    quiet = project.sf(*args, "-q", code=code)
    assert quiet.out == "" and f"error[{error}]" in quiet.err


def test_validation_finds_all_errors_at_once(project):
    project.pipeline("CREATE TABLE a AS SELECT * FROM gone;\nEXPORT a TO 'x.unknown';\nLOAD b FROM nowhere;\n"
                     "SELECT 1;\n")
    result = project.sf("pipeline", "validate", "p", "--format", "json", code=4)
    diagnostics = result.doc["pipelines"][0]["diagnostics"]
    assert [d["line"] for d in diagnostics] == [1, 2, 3, 4]
    assert result.doc["pipelines"][0]["valid"] is False


def test_a_run_that_failed_validation_is_not_recorded(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    project.run("CREATE TABLE u AS SELECT nope FROM t;", code=4, name="q")
    assert project.statuses() == ["success"]


def test_a_run_that_failed_validation_leaves_no_database(project):
    project.run("CREATE TABLE u AS SELECT * FROM nope;", code=4)
    assert project.files("data") == []


@pytest.mark.parametrize("text, code, error", [
    ("LAOD x FROM y;", 2, "SF0104"), ("CREATE TABLE u AS SELECT ${no_such_variable} AS v;", 4, "SF0201"),
    ("CREATE TABLE u AS SELECT * FROM no_such_table;", 4, "SF0301")])
def test_a_run_that_never_started_ends_as_all_do(project, text, code, error):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    project.pipeline(text)
    plain = project.sf("run", "p", code=code)
    assert plain.out.splitlines()[0].startswith("Pipeline p · profile dev · run ")
    assert plain.out.splitlines()[-1].startswith(f"rolled back · {error}")
    document = project.sf("run", "p", "--format", "json", code=code).doc
    assert RUN <= set(document) and (document["status"], document["error"]["code"]) == ("failed", error)
    assert document["error"] in document["diagnostics"]
    assert json.loads(project.read("target/run_results.json")) == document
    log = project.read(f"target/logs/{document['run_id']}.log")
    assert "run_started pipeline p" in log and error in log and "run_ended failed" in log


def test_quiet_prints_nothing_but_errors(project):
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    result = project.sf("run", "p", "-q")
    assert (result.out, result.err) == ("", "")
    project.pipeline("CREATE TABLE t AS SELECT error('no') AS v;")
    assert project.sf("run", "p", "-q", "--log-format", "json", code=1).err.count('"level": "info"') == 0
    result = project.sf("run", "p", "-q", code=1)
    assert result.out == "" and "no" in result.err


def test_flags_have_environment_variables(project):
    project.write("profiles/prod.yml", persistent("data/prod.duckdb"))
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    assert project.sf("run", "p", env={"SQLFLOW_FORMAT": "json"}).doc["profile"] == "dev"
    assert project.sf("run", "p", "--format", "json", env={"SQLFLOW_PROFILE": "prod"}).doc["profile"] == "prod"
    assert project.sf("run", "p", "--format", "json", "-p", "dev", env={"SQLFLOW_PROFILE": "prod"}).doc["profile"] == "dev"
    # A form is meant for the commands that know it; one that none knows is a mistake.
    assert project.sf("profiles", "list", env={"SQLFLOW_FORMAT": "csv"}).out.startswith("NAME")
    for name, value in (("FORMAT", "yaml"), ("LOG_LEVEL", "loud"), ("QUIET", "maybe")):
        assert f"SQLFLOW_{name}" in project.sf("profiles", "list", env={f"SQLFLOW_{name}": value}, code=2).err


def test_project_dir_and_parents(project, tmp_path):
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    deep = project.path("pipelines/deep")
    deep.mkdir()
    assert project.sf("run", "p", cwd=deep).code == 0
    assert project.sf("run", "p", "--project-dir", project.root, cwd=tmp_path).code == 0
    result = project.sf("run", "p", cwd=tmp_path, code=4)
    assert "init" in result.err


def test_log_of_each_run(project):
    document = project.run("CREATE TABLE t AS SELECT 1 AS v;")
    log = project.read(f"target/logs/{document['run_id']}.log")
    assert "transform_t" in log


def test_the_newest_logs_are_kept(project):
    for i in range(1010):
        project.write(f"target/logs/20250101-000000-{i:08x}.log", "old")
    for other in ("other.log", "2025-01-01-app.log"):
        project.write(f"target/logs/{other}", "mine")
    run_id = project.run("CREATE TABLE t AS SELECT 1 AS v;")["run_id"]
    logs = project.files("target/logs")
    assert len(logs) == 1002 and {f"{run_id}.log", "other.log", "2025-01-01-app.log"} < set(logs)
    assert f"20250101-000000-{10:08x}.log" not in logs and f"20250101-000000-{11:08x}.log" in logs


def test_json_log(project):
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    result = project.sf("run", "p", "--log-format", "json", "--log-level", "debug")
    events = [json.loads(line) for line in result.err.splitlines()]
    assert events and all({"ts", "level", "run_id", "step", "event"} <= set(e) for e in events)


@pytest.mark.parametrize("words", [["nothing"], ["run"], ["run", "p", "--nothing"], ["run", "nothing"], ["run", "p"]])
def test_errors_are_events_too(project, words):
    project.pipeline("CREATE TABLE t AS SELECT * FROM gone;")
    for args, env in ((["--log-format", "json"], None), (["--log-format=json"], None), ([], {"SQLFLOW_LOG_FORMAT": "json"})):
        lines = project.sf(*words, *args, code=None, env=env).err.splitlines()
        events = [json.loads(line) for line in lines]
        assert events and all({"ts", "level", "run_id", "step", "event"} <= set(e) for e in events)


def test_run_ids_sort_by_time(project):
    """Also within one second."""
    ids = [project.run("CREATE TABLE t AS SELECT 1 AS v;")["run_id"]] + [project.run()["run_id"] for _ in range(5)]
    assert ids == sorted(ids)


RECORDS = {
    "runs": "run_id pipeline pipeline_hash profile variables status started_at ended_at error_code error version duckdb_version",
    "steps": "run_id step_id type status rows_read rows_inserted rows_updated rows_deleted duplicates_dropped bytes seconds error",
    "watermarks": "pipeline source target cursor_field value type fingerprint run_id updated_at",
    "files": "pipeline source target path size mtime etag rows run_id",
    "exports": "export_id run_id pipeline step_id destination type staged rows bytes hash status published_at",
    "asserts": "run_id name severity status failing_rows",
}


@pytest.mark.parametrize("table", list(RECORDS))
def test_documented_columns_of_the_state(project, table):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    columns = [row[0] for row in project.sql(f"DESCRIBE _sqlflow.{table}")]
    assert set(RECORDS[table].split()) <= set(columns)


def test_a_run_of_the_past_has_its_name(project):
    run = project.run("CREATE TABLE t AS SELECT 1 AS v;")["run_id"]
    (listed,), (shown,) = (project.sf("history", *words, "--format", "json").doc["runs"] for words in ((), (run,)))
    assert listed["name"] == shown["name"] == run and listed["seconds"] == shown["seconds"] > 0


def test_records_of_a_run(project):
    project.csv("data/s.csv", "id", (1,), (1,))
    document = project.run('SOURCE s TYPE csv PARAMS {"path": "data/s.csv"}; LOAD t FROM s MODE UPSERT KEY id; '
                           "ASSERT UNIQUE (id) IN t; ASSERT WARN some AS FROM t;", "--var", "answer=42")
    run = project.sql("SELECT run_id, pipeline, profile, status, variables, error_code, ended_at >= started_at, "
                      "duckdb_version FROM _sqlflow.runs")[0]
    assert run[:4] == (document["run_id"], "p", "dev", "success") and json.loads(run[4])["answer"] in (42, "42")
    assert run[5] is None and run[6] and "1.5.5" in run[7]
    assert project.sql("SELECT step_id, rows_inserted, duplicates_dropped FROM _sqlflow.steps WHERE type = 'load'") == \
        [("load_t", 1, 1)]
    assert project.sql("SELECT name, severity, status, failing_rows FROM _sqlflow.asserts ORDER BY name") == [
        ("some", "warning", "warn", 1), ("unique_t", "error", "ok", 0)]


@pytest.mark.parametrize("flags", [[], ["--commit", "step"]])
def test_asserts_of_a_failed_run_are_recorded(project, flags):
    project.fail("CREATE TABLE t AS SELECT 1 AS v; ASSERT good AS SELECT * FROM t WHERE v = 2; "
                 "ASSERT WARN odd AS SELECT * FROM t; ASSERT bad AS SELECT * FROM range(3) r(i); "
                 "ASSERT never AS SELECT * FROM t;", *flags)
    assert project.sql("SELECT name, severity, status, failing_rows FROM _sqlflow.asserts ORDER BY name") == [
        ("bad", "error", "failed", 3), ("good", "error", "ok", 0), ("odd", "warning", "warn", 1)]



def test_failed_run_is_recorded_after_its_rollback(project):
    project.run("CREATE TABLE a AS SELECT error('because of this') AS v;", code=1)
    assert project.sql("SELECT status, error_code, error LIKE '%because of this%' FROM _sqlflow.runs") == \
        [("failed", "SF0601", True)]
    assert project.sql("SELECT step_id, status FROM _sqlflow.steps") == [("transform_a", "failed")]


def test_secrets_are_masked_everywhere(project):
    project.write("profiles/dev.yml", persistent() + f"variables: {{ db_password: {SECRET}, token: {SECRET} }}\n"
                  f"connections:\n  w: {{ type: postgres, host: 127.0.0.1, port: 1, password: {SECRET}, unknown_key: {SECRET}x }}\n")
    project.pipeline("CREATE TABLE t AS SELECT length('${db_password}') AS n, ${token} AS tok;\n"
                     "CREATE TABLE u AS SELECT error('leak: ${db_password}') AS v;")
    seen = ""
    for args in (["run", "p"], ["run", "p", "--format", "json"], ["run", "p", "--log-level", "debug", "-v"],
                 ["pipeline", "compile", "p"], ["pipeline", "compile", "p", "--sql"],
                 ["pipeline", "compile", "p", "--format", "json"], ["profiles", "show", "dev"],
                 ["profiles", "show", "dev", "--format", "json"], ["connect", "list"], ["history"],
                 ["history", "--format", "json"], ["env", "list"], ["env", "check", "p"], ["pipeline", "debug", "p"],
                 ["pipeline", "validate", "p"], ["status"], ["connect", "test", "w"]):
        result = project.sf(*args, code=None)
        assert SECRET not in result.out + result.err, args
        seen += result.out
    for path in project.files():
        if not path.startswith("profiles/") and not path.endswith((".duckdb", ".wal")):
            assert SECRET.encode() not in project.path(path).read_bytes(), path
    assert SECRET not in str(project.sql("FROM _sqlflow.runs")) + str(project.sql("FROM _sqlflow.steps"))
    assert "***" in seen


# Each line has an error and, before that was found or in another statement, a secret.
QUOTED = [
    'SOURCE s TYPE postgres PARAMS {port: one, password: "SECRET", table: "t"};',
    "SOURCE s TYPE postgres PARAMS {password: SECRET, table: 't'};",
    "SOURCE s TYPE postgres PARAMS {password: 'SECRET', table: 't'}; LAOD t FROM s;",
    "SOURCE s TYPE postgres PARAMS {url: 'postgresql://me:SECRET@h/db', port: one};",
    "SET api_token = 'SECRET'; CRATE TABLE t;", "SET api_token = SECRET; CRATE TABLE t;",
]
QUOTED_PROFILES = [
    "connections: { w: { type: postgres, port: abc, url: 'postgresql://me:SECRET@h/db' } }",
    "connections: { w: { type: postgres, url: 'postgresql://me:SECRET@h/db', url: x } }",
    "connections: { w: { type: nothing, pwd: SECRET } }",
]


@pytest.mark.parametrize("text", QUOTED)
def test_a_quoted_line_shows_no_secret(project, text):
    project.pipeline(text.replace("SECRET", SECRET))
    for args in (["run", "p"], ["run", "p", "--format", "json"], ["pipeline", "validate"], ["env", "list", "p"]):
        result = project.sf(*args, code=2)
        assert SECRET not in result.out + result.err and "***" in result.err, args
    assert all(SECRET.encode() not in project.path(f"target/{f}").read_bytes() for f in project.files("target"))


@pytest.mark.parametrize("text", QUOTED_PROFILES)
def test_a_quoted_line_of_a_profile_shows_no_secret(project, text):
    project.write("profiles/dev.yml", text.replace("SECRET", SECRET))
    result = project.sf("profiles", "validate", "dev", code=4)
    assert SECRET not in result.out + result.err and "***" in result.err


def test_what_reaches_a_secret_option_is_masked_where_it_is_not_used(project):
    project.write(".env", f"PLAIN={SECRET}-1\nPART={SECRET}-2\n")
    project.write("profiles/dev.yml", persistent() + f"variables: {{ plain: {SECRET}-3 }}\n"
                  "connections:\n  w: { type: postgres, password: '${PLAIN}' }\n  v: { type: postgres, password: 'a${PART}' }\n")
    project.run("SOURCE s TYPE postgres PARAMS {password: 'pre${plain}', table: 't'};\n"
                "CREATE TABLE t AS SELECT 1 AS v;")
    assert SECRET not in str(project.sql("SELECT variables FROM _sqlflow.runs"))


def test_an_object_of_s3_is_no_secret(project):
    project.pipeline('SOURCE s TYPE s3 PARAMS {"bucket": "b", "key": "data/x.csv", "colums": []}; LOAD t FROM s;')
    assert "data/x.csv" in project.sf("run", "p", code=4).err


def test_version_and_help_need_no_project(tmp_path):
    project = Project(tmp_path / "x")
    shutil.rmtree(project.root)
    project.root.mkdir()
    for args in (["--version"], ["version"], ["help"], ["--help"], ["run", "--help"], ["help", "run"],
                 ["explain", "SF0604"], ["completion", "bash"]):
        assert project.sf(*args).out
    assert not project.files()


@pytest.mark.parametrize("words", [[], ["help"], ["help", "run"], ["run", "--help"], ["--version"], ["version"]])
def test_help_and_version_are_documents_too(tmp_path, words):
    for quiet in ([], ["-q"]):
        done = subprocess.run([BIN, *words, "--format", "json", *quiet], cwd=tmp_path, env=environment(tmp_path),
                              capture_output=True, check=True)
        assert {"schema_version", "version" if "version" in str(words) else "help"} <= set(json.loads(done.stdout))


def test_what_init_tells_to_type_is_one_word(tmp_path):
    for name, shown in (("my shop's", "cd 'my shop'\\''s'\n"), ("-x", "cd -- '-x'\n"), ("shöp/a.b", "cd shöp/a.b\n")):
        done = subprocess.run([BIN, "init", "--template", "minimal", "--", name], cwd=tmp_path, env=environment(tmp_path),
                              capture_output=True, check=True)
        assert shown in done.stdout.decode()
    here = tmp_path / "here"
    here.mkdir()
    done = subprocess.run([BIN, "init", "."], cwd=here, env=environment(tmp_path), capture_output=True, check=True)
    assert done.stdout.startswith(b"  README.md\n") and b"cd " not in done.stdout


def test_init_makes_a_project_that_runs(tmp_path):
    project = Project(tmp_path / "x")
    shutil.rmtree(project.root)
    project.root.mkdir()
    project.sf("init", "demo")
    demo = project.root / "demo"
    document = project.sf("run", "customer_analytics", "--format", "json", cwd=demo).doc
    assert document["status"] == "success" and document["exports"]
    assert all((demo / e["destination"]).exists() for e in document["exports"])
    project.sf("pipeline", "validate", "customer_analytics", "incremental_orders", cwd=demo)
    project.sf("test", "-p", "prod", cwd=demo)
    project.sf("init", "demo", code=2)


def test_demo_increment_can_be_run_again_and_again(tmp_path):
    project = Project(tmp_path / "x")
    project.sf("init", "demo")
    demo = project.root / "demo"

    def inserted():
        document = project.sf("run", "incremental_orders", "--format", "json", cwd=demo).doc
        step = steps_by_id(document)["load_order_history"]
        return step["rows_inserted"], step["rows_updated"]

    assert inserted() == (5000, 0)
    assert inserted() == (0, 0)
    shutil.copy(demo / "data/later/orders_2026-01-01.csv", demo / "data")
    new, changed = inserted()
    assert new > 0 and changed > 0
    assert inserted() == (0, 0)


def test_no_prompt_without_a_terminal(project):
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    project.sf("run", "p", stdin="")
    project.sf("connect", "add", "w", "--type", "postgres", code=None, stdin="")


def test_no_colour_off_a_terminal(project):
    project.pipeline("CREATE TABLE t AS SELECT error('x') AS v;")
    result = project.sf("run", "p", code=1)
    assert "\x1b" not in result.out + result.err
    result = project.sf("run", "p", code=1, env={"CLICOLOR_FORCE": "1"})
    assert "\x1b" in result.out + result.err
    result = project.sf("run", "p", "--no-color", code=1, env={"CLICOLOR_FORCE": "1"})
    assert "\x1b" not in result.out + result.err


@pytest.mark.parametrize("code, words", [(2, ["state", "set", "p", "s", "t", "many"]),
                                         (7, ["query", "FROM t"]), (7, ["run", "p"])])
def test_closed_streams_are_no_files(project, code, words):
    """What is printed to a closed stream must not land in the file that got its number."""
    project.csv("data/s.csv", "id", (1,))
    project.run('SOURCE s TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", '
                '"cursor_field": "id", "primary_key": "id"}; LOAD t FROM s;')
    call = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", BIN, *words]
    assert subprocess.run(call, cwd=project.root, env=environment(project.root)).returncode == code
    assert project.table("t") == [(1,)]
    assert project.read("data/warehouse.duckdb.lock").count("\n") <= 1
    log = "".join(project.read(f) for f in project.files() if f.endswith(".log"))
    assert "Pipeline p" not in log


def test_a_path_is_seen_from_the_working_folder(project):
    project.pipeline("CREATE TABLE here AS SELECT 1 AS v;", "sub/p")
    project.pipeline("CREATE TABLE there AS SELECT 1 AS v;", "p")
    sub = project.root / "pipelines/sub"

    def steps(name, cwd=sub, **more):
        document = project.sf("pipeline", "compile", name, "--format", "json", cwd=cwd, **more).doc
        return [operation["id"] for operation in document["operations"]]

    assert steps("./p.sf") == steps("./p") == steps("sub/p") == ["transform_here"]
    assert steps("../p.sf") == steps("p") == steps("pipelines/p.sf") == ["transform_there"]
    assert steps("./p.sf", cwd=project.root) == ["transform_there"]
    (sub / "only_here.sf").write_text("CREATE TABLE t AS SELECT nothing;")
    result = project.sf("pipeline", "validate", "only_here.sf", cwd=sub, code=4)
    assert "--> pipelines/sub/only_here.sf:1:26" in result.err


def test_unknown_names_of_the_past_come_with_the_nearest(project):
    project.csv("data/s.csv", "id", (1,))
    project.run('SOURCE feed TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", '
                '"cursor_field": "id", "primary_key": "id"}; LOAD orders FROM feed;', name="daily")
    for words, near in [(["state", "show", "dayly"], "daily"), (["state", "reset", "daily", "fed"], "feed"),
                        (["state", "show", "daily", "feed", "order"], "orders"), (["explain", "SF0300"], "SF0301"),
                        (["history", "--pipeline", "dayli"], "daily")]:
        assert f"did you mean '{near}'?" in project.sf(*words, code=2).err
    assert "daily" in project.sf("history", "--pipeline", "daily.sf").out


def test_missing_variables_are_named(project):
    project.pipeline("CREATE TABLE t AS SELECT '${b}' AS b, ${a} AS a, ${c|1} AS c;")
    assert project.sf("env", "check", "--format", "json", code=4).doc["missing"] == ["b", "a"]
    document = project.sf("env", "check", "--var", "b=1", "--format", "json", code=4).doc
    assert (document["checked"], document["missing"], document["error"]["code"]) == (3, ["a"], "SF0201")
    assert project.sf("env", "check", "--vars", "a=1,b=1", "--format", "json").doc["missing"] == []


def test_env_get_knows_the_built_in_values(project):
    project.write(".env", "today=never\n")
    assert project.sf("env", "get", "profile").out == "dev\n"
    assert project.sf("env", "get", "today").out != "never\n"
    assert project.sf("env", "get", "pipeline", code=2).out == ""


SECRET_PARTS = """connections:
  url: { type: postgres, url: "postgresql://me:${ENC}@127.0.0.1:1/db", host: "${OPEN}" }
  own: { type: postgres, host: "${OPEN}", pasword: "${TYPO}", password: "${WITH_DEFAULT|hunter2}" }
"""
SECRET_PIPELINE = """SOURCE s TYPE s3 PARAMS {"uri": "s3://${OPEN}/a.csv", "secret_key": "$SHORT", "access_key": ${BARE}};
LOAD t FROM s; EXPORT t TO url.t; EXPORT t TO own.t;"""


def test_parts_of_secret_options_are_not_shown(project):
    project.write("profiles/dev.yml", persistent() + SECRET_PARTS)
    project.pipeline(SECRET_PIPELINE)
    names = ["ENC", "TYPO", "SHORT", "BARE"]
    env = {**{n: f"hidden-{n}-value" for n in names}, "OPEN": "open.example"}
    for words in (["list"], ["list", "p"], ["list", "--format", "json"], ["template"], ["get", "OPEN"],
                  ["template", "--format", "json"], ["get", "nowhere"], *(["get", n] for n in names)):
        result = project.sf("env", *words, env=env, code=None)
        assert "hidden-" not in result.out + result.err and "hunter2" not in result.out + result.err, words
    assert project.sf("env", "get", "OPEN", env=env).out == "open.example\n"
    rows = {r["name"]: r["value"] for r in project.sf("env", "list", "--format", "json", env=env).doc["variables"]}
    assert rows == {**dict.fromkeys([*names, "WITH_DEFAULT"], "***"), "OPEN": "open.example"}


COMPLETED = [
    (["ru"], {"run"}), (["run", "--commit", ""], {"run", "step"}), (["run", "--commit", "=", "s"], {"step"}),
    (["-p", ""], {"dev", "prod"}), (["query", "--format", ""], {"table", "csv", "json"}), (["run", "p", "--var", ""], set()),
    (["connect", "add", "w", "--type", "p"], {"parquet", "postgres"}), (["udf", "info", ""], {"tax.gross"}),
    (["history", "--pipeline", ""], {"p"}), (["-p", "dev", "completion", "z"], {"zsh"})]


@pytest.mark.parametrize("words, expected", COMPLETED, ids=[" ".join(c[0]) for c in COMPLETED])
def test_bash_completes_names_and_values(project, words, expected):
    project.write("profiles/prod.yml", persistent("data/prod.duckdb"))
    project.write("python_udfs/tax.py", "from sqlflow.udfs import python_scalar_udf\n@python_scalar_udf\n"
                  "def gross(x: float) -> float:\n    return x\n")
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    typed = " ".join(f"'{word}'" for word in ["sqlflow", *words])
    script = (f'eval "$(sqlflow completion bash)"\nCOMP_WORDS=({typed}) COMP_CWORD={len(words)}\n_sqlflow\n'
              'printf "%s\\n" "${COMPREPLY[@]}"')
    env = environment(project.root)
    env["PATH"] = f"{pathlib.Path(BIN).parent}:{env['PATH']}"
    done = subprocess.run(["bash", "-c", script], cwd=project.root, env=env, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected and done.stderr == ""


def test_names_of_runs_and_exports_come_with_the_nearest(project):
    run_id = project.run("CREATE TABLE t AS SELECT 1 AS v;")["run_id"]
    wrong = run_id[:-1] + ("0" if run_id[-1] != "0" else "1")
    assert f"did you mean '{run_id}'?" in project.sf("history", wrong, code=2).err
    assert "no pipeline 'pp'" in project.sf("state", "set", "pp", "s", "t", "1", "--type", "BIGINT", "--cursor", "id").err


def test_no_state_is_said(project):
    assert "no state yet" in project.sf("state", "list").err
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    assert "no state yet" in project.sf("state", "list").err
    assert project.sf("state", "list", "--format", "json").doc == {
        "schema_version": 1, "watermarks": [], "files": [], "pending_exports": []}


def test_files_on_the_command_line_are_of_the_working_folder(project):
    project.write("python_udfs/tax.py", "from sqlflow.udfs import python_scalar_udf\n@python_scalar_udf\n"
                  "def gross(x: float) -> float:\n    return x * 2\n")
    project.write("sub/in.csv", "x\n1\n")
    project.write("sub/out.csv", "x,result\n1,2.0\n")
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    project.write("tests/p.yml", "pipeline: p\nexpect: { tables: { t: { rows: [ { v: 1 } ] } } }\n")
    sub = project.path("sub")
    assert "as expected" in project.sf("udf", "test", "gross", "--data", "in.csv", "--expect", "out.csv", cwd=sub).out
    assert "did you mean 'in.csv'?" in project.sf("udf", "test", "gross", "--data", "inn.csv", cwd=sub, code=2).err
    project.sf("udf", "validate", "../python_udfs/tax.py", cwd=sub)
    project.sf("test", "--junit", "made/junit.xml", cwd=sub)
    assert "<testsuite" in project.read("sub/made/junit.xml")


@pytest.mark.parametrize("words, error", [
    (["", "--type", "csv", "path=x"], "'' is no name"),
    (["x", "--type", "postgres", "password=${PW|hunter22}"], "must not stand on the command line"),
    (["x", "--type", "postgres", "password=${A}hunter22${B}"], "must not stand on the command line"),
    (["x", "--type", "postgres", "url=postgresql://me:hunter22@h/d"], "must not stand on the command line"),
    (["x", "--type", "csv", "path=a", "file=b"], "given twice")])
def test_what_connect_add_refuses(project, words, error):
    before = project.read("profiles/dev.yml")
    result = project.sf("connect", "add", *words, code=None)
    assert result.code in (2, 4) and error in result.err and "hunter22" not in result.err
    assert project.read("profiles/dev.yml") == before


def test_connect_remove_tells_the_names(project):
    project.write("profiles/dev.yml", persistent() + "connections:\n  inbox: { type: csv, path: data }\n")
    assert "there are: inbox" in project.sf("connect", "remove", "other", code=2).err


@pytest.mark.parametrize("sql, expected", [
    ("SELECT [1] AS a, [2] AS a", [{"a": [1], "a_1": [2]}]),
    ("SELECT [1] AS a -- a comment ends it", [{"a": [1]}]),
    ("SELECT {'x': 'inf'::DOUBLE, 's': 'NaN, \"Infinity'} AS s, ['-inf'::FLOAT, 'nan'::FLOAT] AS l",
     [{"s": {"x": None, "s": 'NaN, "Infinity'}, "l": [None, None]}])])
def test_query_gives_json_of_any_result(project, sql, expected):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    text = project.sf("query", sql, "--format", "json").out

    def no_constant(name):
        raise ValueError(name)
    assert json.loads(text, parse_constant=no_constant) == expected


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_query_whose_reader_has_gone_ends(project, form):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    process = project.start("query", "FROM range(100000000000)", "--format", form)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0


def test_query_draws_a_plan_and_keeps_tables_in_lines(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    plan = project.sf("query", "EXPLAIN FROM t").out
    assert "SEQ_SCAN" in plan and len(plan.splitlines()) > 5
    project.write(".env", 'TEXT="two\nlines"\n')
    project.pipeline("CREATE TABLE t AS SELECT '${TEXT}' AS v;")
    assert "two lines" in project.sf("env", "list", "p").out


def test_defaults_of_a_profile_are_listed(project):
    project.write("profiles/dev.yml", 'variables: { a: "${ONE|x}", b: "${TWO:-y}" }\n' + persistent())
    found = {v["name"]: v["default"] for v in project.sf("env", "list", "--format", "json").doc["variables"]}
    assert found["ONE"] == "x" and found["TWO"] == "y"


def test_a_misspelled_variable_of_the_command_line_is_told(project):
    project.pipeline("IF mode == 'full' THEN SET n = 1; END IF;\nCREATE TABLE t AS SELECT ${run_day|1} AS v;")
    for name, warnings in (("run_da", 1), ("run_day", 0), ("mode", 0)):
        document = project.sf("run", "p", "--var", f"{name}=2", "--format", "json").doc
        assert [w["code"] for w in document["warnings"]] == ["SF0205"] * warnings
    assert "did you mean 'run_day'?" in project.sf("run", "p", "--vars", "run_da=2").err


@pytest.mark.parametrize("text", ["pipeline: p\nvars: { x: [1] }", "pipeline: p\nvars: 3", "cases: 5",
                                  "pipeline: p\nname: [a]\nvars: { x: { y: 1 } }"])
def test_malformed_test_files(project, text):
    project.pipeline("CREATE TABLE t AS SELECT ${x|1} AS v;")
    project.write("tests/p.yml", text + "\nexpect: { tables: { t: { rows: [] } } }\n")
    result = project.sf("test", code=4)
    assert "SF1003" in result.err and "tests/p.yml:" in result.err


@pytest.mark.parametrize("expected", [
    "{}", "{ rows: [], file: x.csv }", "{ rows: [], ordered: 'yes' }", "{ count: many }", "{ file: 5 }", "{ rows: [1] }"])
def test_expectations_that_cannot_fail_are_errors(project, expected):
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    project.write("tests/p.yml", f"pipeline: p\nexpect: {{ tables: {{ t: {expected} }} }}\n")
    assert "tests/p.yml:2:" in project.sf("test", code=4).err


@pytest.mark.parametrize("name, told", [
    ("gone", "there is no table 'gone'; there are: other, t"), ("main.ot", "(did you mean 't'?)"),
    ("some table", "there is no table 'some table'"), ("sub.t", "schema \"sub\" does not exist")])
def test_tables_that_are_not_there_are_told_with_those_that_are(project, name, told):
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;\nCREATE TABLE other AS SELECT 1 AS v;")
    project.write("tests/p.yml", f"pipeline: p\nexpect: {{ tables: {{ {name}: {{ count: 1 }} }} }}\n")
    assert told in project.sf("test", code=1).out


def test_a_misspelled_variable_of_a_test_is_told(project):
    project.pipeline("CREATE TABLE t AS SELECT ${limit|1} AS v;")
    expect = "expect: { tables: { t: { count: 1 } } }"
    project.write("tests/p.yml", f"pipeline: p\nvars: {{ limit: 2, limt: 3 }}\n{expect}\n")
    shown = project.sf("test").err
    assert shown.count("SF0205") == 1 and "did you mean 'limit'?" in shown and "tests/p.yml:2:19" in shown
    project.write("tests/p.yml", f"vars: {{ limt: 3 }}\ncases: [ {{ name: a, pipeline: p, {expect} }} ]\n")
    assert project.sf("test").err == ""


def test_a_failed_run_leaves_nothing_to_expect(project):
    project.pipeline("CREATE TABLE t AS SELECT error('no') AS v;")
    project.write("tests/p.yml", "pipeline: p\nexpect: { error: { message: no }, tables: { t: { count: 1 } } }\n")
    assert "tests/p.yml:2:" in project.sf("test", code=4).err


def test_a_pipeline_that_fails_in_its_test_is_shown_with_its_place(project):
    project.pipeline("CREATE TABLE a AS SELECT 'x' AS v;\nCREATE TABLE t AS SELECT v::INTEGER AS v FROM a;")
    project.write("tests/p.yml", "pipeline: p\nexpect: { tables: { t: { count: 1 } } }\n")
    assert "--> pipelines/p.sf:2:" in project.sf("test", code=1).out
    project.pipeline("CREATE TABLE t AS SELECT * FROM gone;")
    shown = project.sf("test", code=1).out
    assert "SF0301" in shown and "--> pipelines/p.sf:1:33" in shown


@pytest.mark.parametrize("text", ["pipeline: q\nexpect: { error: { code: SF0101 } }",
                                  "pipeline: p\ngiven: { sales: { rows: [] } }\nexpect: { tables: { t: { count: 1 } } }"])
def test_names_in_a_test_that_are_not_there(project, text):
    project.csv("data/s.csv", "id", (1,))
    project.pipeline("SOURCE sale TYPE csv PARAMS {path: 'data/s.csv'};\nCREATE TABLE t AS SELECT 1 AS v;")
    project.write("tests/p.yml", text)
    result = project.sf("test", code=4)
    assert "did you mean 'sale'?" in result.out or "there are: p" in result.err


@pytest.mark.parametrize("column, right, wrong", [
    ("2", ["2", "2.0"], ["1.5", "2.4"]), ("DATE '2024-01-01'", ["2024-01-01"], ["'2024-01-01 10:00:00'"]),
    ("12345678901234567.89::DECIMAL(38,2)", ["12345678901234567.89"], ["12345678901234567.9", "12345678901234567.891"])])
def test_expected_values_are_compared_exactly(project, column, right, wrong):
    project.pipeline(f"CREATE TABLE t AS SELECT {column} AS v;")
    for value, code in [(v, 0) for v in right] + [(v, 1) for v in wrong]:
        project.write("tests/p.yml", f"pipeline: p\nexpect: {{ tables: {{ t: {{ rows: [ {{ v: {value} }} ] }} }} }}\n")
        project.sf("test", code=code)


def test_a_test_may_be_named_by_its_file(project):
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    project.write("tests/one.yml", "pipeline: p\nexpect: { tables: { t: { rows: [ { v: 1 } ] } } }\n")
    for name, cwd in (("one", None), ("one.yml", None), ("tests/one.yml", None), ("./one.yml", "tests")):
        assert "1 passed" in project.sf("test", name, cwd=cwd and project.path(cwd)).out


def test_errors_of_a_pipeline_are_told_where_duckdb_is_not(project, tmp_path):
    alone = tmp_path / "alone" / "sqlflow"
    alone.parent.mkdir()
    shutil.copy(BIN, alone)
    project.pipeline('SOURCE s TYPE csv PARAMS {"pth": "x.csv"};')
    env = {k: v for k, v in environment(tmp_path).items() if k != "SQLFLOW_LIB_DIR"}
    done = subprocess.run([alone, "pipeline", "validate", "p"], cwd=project.root, env=env, capture_output=True, text=True)
    assert (done.returncode, "SF0502" in done.stderr, "SF1902" in done.stderr) == (4, True, True), done.stderr


def test_nothing_to_discover_is_an_error_where_a_path_is_given(project):
    project.write("profiles/dev.yml", "connections: { f: { type: csv, path: data/gone.csv } }\n")
    assert "SF0506" in project.sf("connect", "discover", "f", code=4).err


def test_a_copied_profile_is_wrapped_by_its_own_name(project):
    project.write("profiles/prod.yml", "# ours\nprod:\n  variables: { a: 1 }  # one\n")
    project.sf("profiles", "create", "staging", "--from", "prod")
    assert project.read("profiles/staging.yml") == "# ours\nstaging:\n  variables: { a: 1 }  # one\n"
    assert project.sf("profiles", "validate", "staging").err == ""


def test_rows_of_statements_that_return_them_are_counted(project):
    steps = steps_by_id(project.run("""CREATE TABLE a AS SELECT 1 AS x;
        INSERT INTO a FROM range(2, 5000) RETURNING x;
        UPDATE a SET x = x + 1 WHERE x > 4990 RETURNING x AS "Count";
        DELETE FROM a WHERE x = 7 RETURNING x AS "Count";
        MERGE INTO a USING (SELECT -1 AS x) AS s USING (x) WHEN NOT MATCHED THEN INSERT RETURNING x;"""))
    assert [steps[f"sql_{verb}_a"][f"rows_{what}"] for verb, what in (
        ("insert", "inserted"), ("update", "updated"), ("delete", "deleted"), ("merge", "inserted"))] == [4998, 9, 1, 1]


@pytest.mark.parametrize("columns", [10, 40])
def test_the_live_line_is_cut_to_the_terminal(project, columns):
    project.pipeline("CREATE TABLE a_rather_long_name_of_a_table AS SELECT count(*) AS n\n"
                     "FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3;")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.run([BIN, "run", "p", "--timeout", "1.5"], cwd=project.root, stdout=subprocess.PIPE, stderr=theirs,
                          env={**environment(project.root), "TERM": "xterm"})
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    lines = [line for line in shown.split("\r\033[K") if "1/1" in line]
    assert done.returncode == 7 and lines and all(len(line) < columns for line in lines), shown


def test_logged_events_have_lines_of_their_own(project):
    project.pipeline("CREATE TABLE t AS SELECT count(*) AS n FROM range(1000000) a, range(1000000) b\n"
                     "WHERE (a.range * b.range) % 7 = 3;")
    ours, theirs = pty.openpty()
    subprocess.run([BIN, "run", "p", "-v", "--timeout", "0.5"], cwd=project.root, stdout=subprocess.PIPE, stderr=theirs,
                   env={**environment(project.root), "TERM": "xterm"})
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "step_failed" in shown and "\033[K" not in shown


def test_only_files_that_are_found_by_name_are_listed(project):
    for name in ("p", "it's", "My Pipe.v1"):
        project.pipeline("CREATE TABLE t AS SELECT 1 AS v;", name)
    project.write("pipelines/UP.SF", "CREATE TABLE t AS SELECT 1 AS v;")
    project.path("pipelines/folder.sf").mkdir()
    names = [p["name"] for p in project.sf("pipeline", "list", "--format", "json").doc["pipelines"]]
    assert sorted(names) == ["My Pipe.v1", "it's", "p"]
    project.sf("pipeline", "validate")
    project.sf("run", "pipelines/UP.SF")


def test_lists_of_steps_given_twice_are_one(project):
    project.pipeline("".join(f"CREATE TABLE {t} AS SELECT 1 AS v;" for t in "abc"))
    for flag, left in (("--select", ["transform_a", "transform_c"]), ("--exclude", ["transform_b"])):
        run = project.run(None, flag, "transform_a", flag, "transform_c")
        assert [s["id"] for s in run["steps"] if s["status"] == "ok"] == left


def test_steps_of_tables_with_blanks_are_picked(project):
    project.pipeline('CREATE TABLE "my a" AS SELECT 1 AS v; CREATE TABLE b AS FROM "my a"; CREATE TABLE c AS SELECT 1 AS v;')
    for ids, picked in (("transform_my a", ["my a"]), (" +transform_b , transform_c ", ["my a", "b", "c"]),
                        ("transform_my a+,transform_c", ["my a", "b", "c"]), ("transform_b  transform_c", ["b", "c"])):
        run = project.run(None, "--select", ids)
        assert [s["id"] for s in run["steps"] if s["status"] == "ok"] == [f"transform_{t}" for t in picked], ids
    assert "no step 'transform_my'" in project.fail(None, "--select", "transform_my b", code=2)["message"]


def test_connections_are_added_with_the_profiles_line_ends(project):
    profile = persistent().replace("\n", "\r\n").encode()
    path = project.write("profiles/dev.yml", profile + b"connections:\r\n  a: { type: csv, path: x }\r\n")
    project.sf("connect", "add", "b", "--type", "csv", "path=y")
    project.sf("connect", "remove", "a")
    assert path.read_bytes() == profile + b"connections:\r\n  b:\r\n    type: csv\r\n    path: y\r\n"


def test_hundreds_of_pipelines_are_not_a_hint(project):
    for i in range(200):
        project.pipeline("CREATE TABLE t AS SELECT 1 AS v;", f"p{i}")
    text = project.sf("run", "q77", code=2).err
    assert "did you mean 'p77'?" in text and "200" in text and "p150" not in text
