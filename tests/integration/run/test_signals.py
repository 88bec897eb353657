"""Signals and timeouts: a rollback within a second, exit 130 (behaviour.md 1, cli.md)."""
import signal
import time

import pytest
from harness import SLOW, finish, wait_until

LIMIT = 6.0 if SLOW else 1.0
ENDLESS = {
    "aggregate": "SELECT count(*) AS n FROM range(10000000000) a, range(1000) b",
    "sort": "SELECT * FROM range(200000000) r(i) ORDER BY hash(i)",
    "big_insert": "SELECT i, hash(i) AS h FROM range(20000000000) r(i)",
}


@pytest.fixture(autouse=True)
def not_under_nohup():
    """The program inherits that SIGHUP is ignored, as it is when the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(project, query=ENDLESS["aggregate"], *flags):
    project.run("CREATE TABLE t AS SELECT 1 AS v; EXPORT t TO 'output/t.csv';")
    project.pipeline("INSERT INTO t VALUES (2);\nEXPORT t TO 'output/t.csv';\n"
                     f"CREATE TABLE slow AS {query};\n", "slow")
    process = project.start("run", "slow", "--format", "json", *flags)
    wait_until(lambda: any("transform_slow" in log.read_text()
                           for log in project.path("target/logs").glob("*.log")), "the slow step", process)
    return process


def check_rolled_back(project, status):
    assert project.table("t") == [(1,)] and not project.has_table("slow")
    assert project.read("output/t.csv") == "v\n1\n" and project.files("output") == ["t.csv"]
    assert project.statuses() == ["success", status]
    assert not [f for f in project.files() if f.endswith(".staged")]
    project.run()


@pytest.mark.parametrize("query", list(ENDLESS))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_rollback_within_a_second(project, number, query):
    process = start(project, ENDLESS[query])
    before = time.monotonic()
    process.send_signal(number)
    result = finish(process)
    assert time.monotonic() - before < LIMIT
    assert result.code == 130
    assert result.doc["status"] == "interrupted" and result.doc["error"]["code"] == "SF0615"
    check_rolled_back(project, "interrupted")


def test_the_record_of_an_interrupt_is_not_interrupted(project):
    """With thousands of steps it takes longer than the watcher waits between two interrupts."""
    project.run("CREATE TABLE t AS SELECT 1 AS v;")
    project.pipeline(f"CREATE TABLE slow AS {ENDLESS['aggregate']};\n" + "INSERT INTO t VALUES (2);\n" * 4000, "slow")
    process = project.start("run", "slow", "--format", "json")
    wait_until(lambda: any("transform_slow" in log.read_text()
                           for log in project.path("target/logs").glob("*.log")), "the slow step", process)
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert result.code == 130 and result.doc["warnings"] == []
    assert project.statuses() == ["success", "interrupted"] and project.table("t") == [(1,)]


def test_text_report_of_an_interrupt(project):
    project.pipeline("CREATE TABLE slow AS " + ENDLESS["aggregate"] + ";", "slow")
    process = project.start("run", "slow")
    wait_until(lambda: any("transform_slow" in log.read_text()
                           for log in project.path("target/logs").glob("*.log")), "the slow step", process)
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert result.code == 130 and result.out.splitlines()[-1].startswith("rolled back")


def test_second_signal_ends_at_once_and_is_safe(project):
    process = start(project)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    before = time.monotonic()
    assert finish(process).code == 130
    assert time.monotonic() - before < LIMIT
    project.run()
    assert project.table("t") == [(1,)] and not project.has_table("slow")
    assert set(project.statuses()[1:2]) <= {"interrupted", "failed"}


def test_signal_before_the_first_step_or_at_any_time(project):
    """Wherever the signal meets the program: all or nothing, and the next run is right."""
    project.pipeline("CREATE TABLE a MODE APPEND AS SELECT 1 AS v;\nEXPORT a TO 'output/a.csv';\n"
                     "CREATE TABLE b MODE APPEND AS SELECT 1 AS v;\n")
    good = 0
    for delay in range(0, 60, 4):
        process = project.start("run", "p")
        time.sleep(delay / 1000)  # not to wait for something: to meet another moment
        process.send_signal(signal.SIGINT)
        result = finish(process)
        assert result.code in (0, 130, -signal.SIGINT), result
        good += result.code == 0
    last = project.run()
    assert last["status"] == "success"
    assert project.table("a") == project.table("b")
    assert len(project.table("a")) >= good + 1
    assert project.read("output/a.csv").count("1") == len(project.table("a"))


def test_nohup_outlives_its_terminal(project):
    """A run that was started with SIGHUP ignored goes on; SIGTERM ends it all the same."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process = start(project)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)  # the first that counts: a second would end without report
    result = finish(process)
    assert result.code == 130 and result.doc["status"] == "interrupted"
    check_rolled_back(project, "interrupted")


def test_timeout(project):
    process = start(project, ENDLESS["aggregate"], "--timeout", "0.7")
    before = time.monotonic()
    result = finish(process)
    assert time.monotonic() - before < 0.7 + 2 * LIMIT
    assert result.code == 7 and result.doc["error"]["code"] == "SF0616"
    assert result.doc["error"]["class"] == "resource"
    check_rolled_back(project, "failed")


def test_a_short_timeout_is_kept(project):
    for limit in ("0.0001", "0.002"):
        error = project.fail("CREATE TABLE t AS SELECT 1 AS v;", "--timeout", limit, code=7)
        assert error["code"] == "SF0616" and not project.has_table("t")


def test_timeout_that_is_not_reached(project):
    project.run("CREATE TABLE t AS SELECT 1 AS v;", "--timeout", "100")
    assert project.table("t") == [(1,)]
