"""Before a step joins many new rows they are committed on a branch, so that DuckDB knows how many
there are: and still the run happens completely, or not at all (src/run/branch.c)."""
import os
import signal

import duckdb
import pytest
from harness import PATIENCE, wait_until

OLD = "CREATE TABLE kept AS SELECT i AS id, 'old' AS v FROM range(20000) t(i);\n" \
      "CREATE TABLE gone AS SELECT 1 AS id;\n"
NEW = "CREATE TABLE facts AS SELECT i AS id, i % 100 AS k FROM range(50000) t(i);\n" \
      "UPDATE kept SET v = 'new' WHERE id < 100;\n" \
      "DELETE FROM kept WHERE id >= 15000;\n" \
      "DROP TABLE gone;\n" \
      "CREATE TABLE joined AS SELECT k, count(*) AS n FROM facts JOIN kept USING (id) GROUP BY k;\n" \
      "CREATE TABLE again AS SELECT count(*) AS n FROM joined JOIN facts USING (k);\n"
SLOW = "CREATE TABLE slow AS SELECT count(*) AS n FROM range(10000000000) a, range(1000) b;\n"


def log(project):
    return "".join(path.read_text() for path in project.path("target/logs").glob("*.log"))


def names(project):
    return sorted(path.name for path in project.path("data").iterdir() if not path.name.endswith(".lock"))


def as_before(project):
    return (project.sql("SELECT count(*), count(*) FILTER (v = 'old') FROM kept") == [(20000, 20000)]
            and project.has_table("gone") and not project.has_table("facts") and not project.has_table("joined"))


@pytest.fixture
def old(project):
    project.run(OLD, name="old")
    return project


def test_new_rows_are_committed_before_they_are_joined(old):
    old.run(NEW)
    assert "settled" in log(old)
    assert old.sql("SELECT count(*), sum(n) FROM joined") == [(100, 15000)]
    assert old.sql("SELECT n FROM again") == [(50000,)]
    assert old.sql("SELECT count(*), count(*) FILTER (v = 'new') FROM kept") == [(15000, 100)]
    assert names(old) == ["warehouse.duckdb"]
    assert old.statuses() == ["success", "success"]
    old.run(OLD, name="old")
    old.run(NEW)
    assert old.sql("SELECT count(*), sum(n) FROM joined") == [(100, 15000)]


def test_few_rows_are_not(project):
    project.csv("data/a.csv", "id,k", *((i, i % 3) for i in range(100)))
    project.run('SOURCE s TYPE csv PARAMS {"path": "data/a.csv"};\nLOAD a FROM s;\n'
                "CREATE TABLE b AS SELECT k, count(*) AS n FROM a GROUP BY k;\n"
                "CREATE TABLE c AS SELECT * FROM a JOIN b USING (k);\n")
    assert "settled" not in log(project)


def test_a_failure_behind_the_commit_changes_nothing(old):
    old.fail(NEW + "ASSERT none AS FROM again;\n")
    assert "settled" in log(old)
    assert as_before(old) and names(old) == ["warehouse.duckdb"]
    assert old.statuses() == ["success", "failed"]
    old.run(NEW)
    assert old.sql("SELECT count(*), sum(n) FROM joined") == [(100, 15000)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_behind_the_commit_changes_nothing(old, how):
    old.pipeline(NEW + SLOW + "CREATE TABLE last AS SELECT 1 AS v FROM slow;\n")
    process = old.start("run", "p")
    wait_until(lambda: "step_started" in log(old) and "transform_slow" in log(old), "the slow step", process)
    process.send_signal(how)
    process.communicate(timeout=PATIENCE)
    assert "settled" in log(old)
    with duckdb.connect() as connection:  # as anybody opens it
        connection.execute(f"ATTACH '{old.path('data/warehouse.duckdb')}' AS db (READ_ONLY); USE db")
        assert connection.execute("SELECT count(*), min(v) FROM kept").fetchall() == [(20000, "old")]
    assert as_before(old)
    old.run("CREATE TABLE tiny AS SELECT 1 AS v;", name="other")
    assert names(old) == ["warehouse.duckdb"]
    old.run(NEW)
    assert old.statuses() == ["success", "failed" if how == signal.SIGKILL else "interrupted", "success", "success"]
    assert old.sql("SELECT count(*), sum(n) FROM joined") == [(100, 15000)]


def test_dry_run(old):
    changes = old.run(NEW, "--dry-run")["changes"]
    assert {c["table"]: c["rows_after"] for c in changes}["joined"] == 100
    assert "settled" in log(old) and as_before(old) and names(old) == ["warehouse.duckdb"]


def test_what_another_program_left_in_the_log_stays(old):
    with duckdb.connect(str(old.path("data/warehouse.duckdb"))) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown; CREATE TABLE theirs AS SELECT 42 AS v")
    assert names(old) == ["warehouse.duckdb", "warehouse.duckdb.wal"]
    old.run(NEW)
    assert "settled" in log(old)
    assert old.sql("FROM theirs") == [(42,)] and old.has_table("joined")
    assert names(old) == ["warehouse.duckdb"]


def test_where_no_second_name_can_be_given_there_is_one_commit(old):
    os.mkdir(old.path("data/warehouse.duckdb.run"))
    old.run(NEW)
    assert "settled" not in log(old) and "no_branch" in log(old)
    assert old.sql("SELECT count(*), sum(n) FROM joined") == [(100, 15000)]


def test_a_linked_database(old):
    os.rename(old.path("data/warehouse.duckdb"), old.path("data/real.duckdb"))
    os.symlink("real.duckdb", old.path("data/warehouse.duckdb"))
    old.run(NEW)
    assert "settled" in log(old) and names(old) == ["real.duckdb", "warehouse.duckdb"]
    assert old.sql("SELECT count(*), sum(n) FROM joined") == [(100, 15000)]


def test_in_memory(project):
    project.write("profiles/dev.yml", "engines:\n  duckdb: { mode: memory }\n")
    project.run(OLD + NEW + "EXPORT (SELECT count(*) AS k, sum(n) AS n FROM joined) TO 'o.csv';\n")
    assert "settled" in log(project) and project.read("o.csv") == "k,n\n100,15000\n"


def test_a_source_that_is_read_later_keeps_the_transaction_whole(project):
    """A read that breaks off makes the whole transaction begin anew."""
    project.csv("data/a.csv", "id,k", *((i, i % 3) for i in range(100)))
    project.run("CREATE TABLE facts AS SELECT i AS id FROM range(50000) t(i);\n"
                "CREATE TABLE more AS SELECT * FROM facts JOIN (FROM facts) f USING (id);\n"
                "CREATE TABLE both AS SELECT * FROM facts JOIN more USING (id);\n"
                'SOURCE s TYPE csv PARAMS {"path": "data/a.csv"};\nLOAD a FROM s;\n'
                "CREATE TABLE c AS SELECT * FROM a JOIN facts USING (id);\n")
    assert log(project).count("settled") == 1 and project.sql("SELECT count(*) FROM c") == [(100,)]
