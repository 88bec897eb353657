"""One writer at a time, readers beside each other, never half a state (behaviour.md, section 2)."""
import contextlib
import fcntl
import json
import os
import signal
import threading
import time

import pytest
from harness import PATIENCE, SLOW, fault, finish, persistent, wait_until

SLOW_TEXT = "CREATE TABLE first AS SELECT 1 AS v;\n" \
            "CREATE TABLE slow AS SELECT count(*) AS n FROM range(10000000000) a, range(1000) b;\n"


@contextlib.contextmanager
def slow_run(project, name="slow"):
    """A run that goes on until it is told to stop; it has its lock and its transaction."""
    project.pipeline(SLOW_TEXT, name)
    process = project.start("run", name)
    try:
        wait_until(lambda: in_step(project, "transform_slow"), "the slow step", process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def in_step(project, step):
    logs = project.path("target/logs")
    return any(step in log.read_text() for log in logs.glob("*.log")) if logs.exists() else False


def test_a_second_writer_is_told_who_holds_it(project):
    project.pipeline("CREATE TABLE other AS SELECT 1 AS v;", "other")
    with slow_run(project) as process:
        start = time.monotonic()
        result = project.sf("run", "other", "--format", "json", code=7)
        assert time.monotonic() - start < (5 if SLOW else 2)
        error = result.doc["error"]
        assert error["code"] == "SF0702" and error["class"] == "resource"
        for word in (str(process.pid), os.uname().nodename, "slow", "warehouse.duckdb"):
            assert word in error["message"]
        assert "--wait" in error["hint"]
    assert not project.has_table("other")


def test_lock_file_names_its_holder(project):
    with slow_run(project) as process:
        text = project.read("data/warehouse.duckdb.lock")
        for word in (str(process.pid), os.uname().nodename, "slow", "20"):
            assert word in text


def test_readers_are_refused_during_a_run(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    with slow_run(project):
        for command in (["query", "FROM t"], ["history"], ["state", "list"]):
            result = project.sf(*command, code=7)
            assert "slow" in result.err and result.out == ""
    assert project.sf("query", "FROM t", "--format", "csv").out == "v\n1\n"


def test_wait_goes_on_when_the_holder_ends(project):
    project.pipeline("CREATE TABLE other AS SELECT 1 AS v;", "other")
    with slow_run(project) as process:
        waiting = project.start("run", "other", "--wait")
        limited = project.start("run", "other", "--wait", "500")
        process.send_signal(signal.SIGTERM)
        assert finish(waiting).code == 0 and finish(limited).code == 0
    assert project.table("other") == [(1,)]


def test_wait_ends_after_its_time(project):
    project.pipeline("CREATE TABLE other AS SELECT 1 AS v;", "other")
    with slow_run(project):
        start = time.monotonic()
        project.sf("run", "other", "--wait", "0.4", code=7)
        assert 0.4 <= time.monotonic() - start < (10 if SLOW else 3)


def test_interrupt_while_waiting(project):
    project.pipeline("CREATE TABLE other AS SELECT 1 AS v;", "other")
    with slow_run(project):
        waiting = project.start("run", "other", "--wait")
        lock = project.database.with_name("warehouse.duckdb.lock")
        wait_until(lambda: opens(waiting.pid, lock), "the wait", waiting)
        waiting.send_signal(signal.SIGINT)
        assert finish(waiting).code == 130


def opens(pid, path):
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{fd}") == str(path):
                    return True
    return False


def test_a_run_gives_readers_time_to_finish(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    lock = project.database.with_name("warehouse.duckdb.lock")
    with open(lock) as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        process = project.start("run", "p")
        wait_until(lambda: opens(process.pid, lock), "the wait for the reader", process)
        time.sleep(0.2)  # the reader's own time, not a race: the run must outlast it
        assert process.poll() is None
    assert finish(process).code == 0


def test_a_run_does_not_wait_for_readers_forever(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    with open(project.database.with_name("warehouse.duckdb.lock")) as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        start = time.monotonic()
        error = project.run(code=7)["error"]
        assert 4.9 <= time.monotonic() - start < (20 if SLOW else 8)
        assert "reader" in error["message"]


def test_readers_go_beside_each_other(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    with open(project.database.with_name("warehouse.duckdb.lock")) as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert project.sf("query", "FROM t", "--format", "csv").out == "v\n1\n"


def test_state_changes_need_the_lock(project):
    project.csv("data/s.csv", "id,at", (1, 1))
    project.run('SOURCE s TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "at", '
                '"primary_key": "id"}; LOAD t FROM s;')
    with slow_run(project):
        project.sf("state", "reset", "p", code=7)
        project.sf("state", "set", "p", "s", "t", "0", code=7)
    assert project.watermarks() == [("s", "t", "at", "1", "BIGINT")]


def test_no_time_to_wait_is_no_wait(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    with slow_run(project):
        for command in (["run", "p"], ["state", "reset", "p"], ["pipeline", "debug", "p"]):
            assert "SF0702" in project.sf(*command, "--wait", "0", code=7).err, command


@pytest.mark.parametrize("target", ["other/real.duckdb", "{root}/other/real.duckdb"])
def test_a_link_to_the_database_is_the_database(project, fault_shim, target):
    """One lock and one write-ahead log, whatever name a profile calls the file by."""
    project.path("other").mkdir()
    project.path("link.duckdb").symlink_to(target.format(root=project.root))
    project.write("profiles/dev.yml", persistent("link.duckdb"))
    project.write("profiles/real.yml", persistent("other/real.duckdb"))
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    project.pipeline("CREATE TABLE t AS SELECT 2 AS v; EXPORT t TO 'output/t.csv';")
    env = fault(fault_shim, at=1, do="kill_before", calls="rename", path="output/t.csv")
    project.sf("run", "p", env=env, code=-9)
    assert project.sf("query", "SELECT v FROM t", "--format", "csv", "-p", "real").rows == [["2"]]
    project.run("CREATE TABLE u AS SELECT 3 AS v;", "-p", "real", name="q")
    assert project.read("output/t.csv") == "v\n2\n"
    assert project.files("other") == ["real.duckdb", "real.duckdb.lock"]
    assert project.path("link.duckdb").is_symlink()


def test_a_dead_holder_holds_nothing(project):
    with slow_run(project) as process:
        process.kill()
        process.wait()
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    assert project.table("t") == [(1,)]
    assert sorted(project.statuses()) == ["failed", "success"], "the killed run is marked failed"


def test_two_databases_do_not_meet(project):
    project.write("profiles/prod.yml", persistent("data/prod.duckdb"))
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    with slow_run(project):
        project.sf("run", "p", "-p", "prod")


RACE = ('SOURCE s TYPE csv PARAMS {"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "at"};\n'
        "LOAD t FROM s;\nCREATE TABLE n AS SELECT count(*) AS n FROM t;\nEXPORT n TO 'output/n.csv';\n")


def test_eight_racers_one_effect(project):
    """Eight runs of an append at once, each waiting for its turn: the rows are there once."""
    project.csv("data/s.csv", "v,at", *[(i, i % 50) for i in range(500)])
    project.pipeline(RACE)
    results = [finish(p) for p in [project.start("run", "p", "--wait") for _ in range(8)]]
    assert [r.code for r in results] == [0] * 8, results
    assert project.sql("SELECT count(*), count(DISTINCT v) FROM t") == [(500, 500)]
    assert project.read("output/n.csv") == "n\n500\n"
    assert project.statuses() == ["success"] * 8


def test_eight_racers_without_patience(project):
    """Those that do not get the lock do nothing; a plain append is there once for each success."""
    project.pipeline("CREATE TABLE t MODE APPEND AS SELECT * FROM range(100) r(i);")
    codes = [finish(p).code for p in [project.start("run", "p") for _ in range(8)]]
    assert set(codes) <= {0, 7} and 0 in codes
    assert project.sql("SELECT count(*) FROM t") == [(100 * codes.count(0),)]
    assert project.statuses() == ["success"] * codes.count(0)


def test_a_reader_never_sees_half_a_state(project):
    """Two tables always change together; what a reader gets is both or neither, or exit 7."""
    project.run("CREATE TABLE a MODE APPEND AS SELECT 1 AS v; CREATE TABLE b MODE APPEND AS SELECT 1 AS v;")
    ended, seen = threading.Event(), set()
    failures = []

    def read():
        while not ended.is_set():
            result = project.sf("query", "SELECT (SELECT count(*) FROM a) AS a, (SELECT count(*) FROM b) AS b",
                                "--format", "json", code=None)
            if result.code == 0:
                row = json.loads(result.out)[0]
                seen.add(row["a"])
                if row["a"] != row["b"]:
                    failures.append(row)
            elif result.code != 7:
                failures.append(result)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(8):
            project.run()  # readers that never pause do not keep it out
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert failures == []
    assert project.table("a") == [(1,)] * 9


@pytest.mark.parametrize("flag", ["-1", "soon"])
def test_wrong_wait(project, flag):
    project.pipeline("CREATE TABLE t AS SELECT 1 AS v;")
    assert project.sf("run", "p", f"--wait={flag}", code=2).err
