"""Incremental reads while others write: ids are taken early and committed late, and no row is lost."""
import os
import random

import pytest

from harness import finish, wait_until

INCREMENTS = int(os.environ.get("SQLFLOW_INCREMENTS", 60))  # 1000 before a release

SOURCE = ('SOURCE s FROM \'pg\' OPTIONS {"table": "events", "sync_mode": "incremental", '
          '"cursor_field": "%s", "primary_key": "id"%s}; LOAD t FROM s;')


def run(pg, cursor="id", more=', "late_wait": 0.05', **kwargs):
    return pg.run(SOURCE % (cursor, more), **kwargs)


def watermark(pg):
    rows = pg.watermarks()
    return rows[0][3] if rows else None


def test_ids_committed_late_are_read(pg, database):
    database.sql("CREATE TABLE events (id serial PRIMARY KEY, v text); INSERT INTO events (v) VALUES ('a')")
    with database.session() as slow:
        slow.run("BEGIN; INSERT INTO events (v) VALUES ('slow')")
        database.sql("INSERT INTO events (v) VALUES ('fast')")
        document = run(pg)
        [warning] = [w for w in document["warnings"] if w["code"] == "SF0809"]
        assert "(pid " in warning["message"] and "psql, idle in transaction) is still open" in warning["message"]
        assert pg.sql("SELECT v FROM t ORDER BY id") == [("a",), ("fast",)]
        slow.run("COMMIT")
    run(pg)
    assert pg.sql("SELECT v FROM t ORDER BY id") == [("a",), ("slow",), ("fast",)]
    assert watermark(pg) == "3"
    run(pg)
    assert pg.sql("SELECT count(*) FROM t") == [(3,)]


def test_waits_for_a_transaction_that_ends_in_time(pg, database):
    database.sql("CREATE TABLE events (id serial PRIMARY KEY, v text); INSERT INTO events (v) VALUES ('a')")
    with database.session() as slow:
        slow.run("BEGIN; INSERT INTO events (v) VALUES ('slow')")
        database.sql("INSERT INTO events (v) VALUES ('fast')")
        pg.pipeline(SOURCE % ("id", ', "late_wait": 30'))
        process = pg.start("run", "p", "--format", "json")
        waiting = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%txid_snapshot_xip%' AND pid <> pg_backend_pid()"
        wait_until(lambda: database.sql(waiting), "the reader waits", process)
        slow.run("COMMIT")
        assert finish(process).doc["warnings"] == []
    assert pg.sql("SELECT v FROM t ORDER BY id") == [("a",), ("slow",), ("fast",)]
    assert watermark(pg) == "3"


def test_watermark_is_the_first_snapshots(pg, database):
    """A row that comes between the snapshots is read, but the watermark does not pass it."""
    database.sql("CREATE TABLE events (id serial PRIMARY KEY, v text); INSERT INTO events (v) VALUES ('a')")
    with database.session() as slow:
        slow.run("BEGIN; INSERT INTO events (v) VALUES ('slow')")
        pg.pipeline(SOURCE % ("id", ', "late_wait": 30'))
        process = pg.start("run", "p")
        waiting = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%txid_snapshot_xip%' AND pid <> pg_backend_pid()"
        wait_until(lambda: database.sql(waiting), "the reader waits", process)
        database.sql("INSERT INTO events (v) VALUES ('between')")
        slow.run("COMMIT")
        assert finish(process).code == 0
    assert pg.sql("SELECT v FROM t ORDER BY id") == [("a",), ("slow",), ("between",)]
    assert watermark(pg) == "1"
    run(pg)
    assert watermark(pg) == "3"
    assert pg.sql("SELECT count(*) FROM t") == [(3,)]


def test_first_read_with_an_open_transaction(pg, database):
    database.sql("CREATE TABLE events (id serial PRIMARY KEY, v text)")
    with database.session() as slow:
        slow.run("BEGIN; INSERT INTO events (v) VALUES ('slow')")
        database.sql("INSERT INTO events (v) VALUES ('fast')")
        run(pg)
        slow.run("COMMIT")
    run(pg)
    assert pg.sql("SELECT v FROM t ORDER BY id") == [("slow",), ("fast",)]


def test_timestamps_stay_below_open_transactions(pg, database):
    """now() is the start of the transaction, which may have written nothing yet."""
    database.sql("CREATE TABLE events (id serial PRIMARY KEY, at timestamptz DEFAULT now()); INSERT INTO events DEFAULT VALUES")
    with database.session() as slow:
        slow.run("BEGIN; SELECT 1")
        database.sql("INSERT INTO events DEFAULT VALUES")
        run(pg, "at")
        assert pg.sql("SELECT count(*) FROM t") == [(2,)]
        start = database.value("SELECT min(xact_start) FROM pg_stat_activity WHERE state = 'idle in transaction'")
        assert watermark(pg) <= start
        slow.run("INSERT INTO events DEFAULT VALUES; COMMIT")
    run(pg, "at")
    assert pg.sql("SELECT count(*) FROM t") == [(3,)]


def test_a_role_that_cannot_see_other_transactions_is_told(pg, database, server):
    database.sql("CREATE ROLE blind LOGIN PASSWORD 'p'; CREATE TABLE events (id serial PRIMARY KEY, at timestamptz "
                 "DEFAULT now()); INSERT INTO events DEFAULT VALUES; GRANT SELECT ON events TO blind")
    pg.connect(database, user="blind")
    env = {"PG_PASSWORD": "p"}
    codes = lambda **more: [w["code"] for w in run(pg, "at", **more)["warnings"]]
    try:
        assert codes(env=env) == []
        with database.session() as other:
            other.run("BEGIN; SELECT 1")
            assert codes(env=env) == ["SF0810"]
            assert codes(env=env, more=', "lookback": "1 hour"') == []
            database.sql("GRANT pg_read_all_stats TO blind")
            assert codes(env=env) == []
    finally:
        database.sql("DROP OWNED BY blind; DROP ROLE blind")


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("column", ["timestamp DEFAULT now()", "date DEFAULT now()"])
def test_times_without_a_zone_may_be_those_of_the_server(pg, database, zone, column):
    database.sql(f"ALTER DATABASE {database.name} SET timezone = '{zone}'")
    local = f"SET TimeZone = '{zone}'; "
    database.sql(local + f"CREATE TABLE events (id serial PRIMARY KEY, at {column}); INSERT INTO events DEFAULT VALUES")
    with database.session() as slow:
        slow.run(local + "BEGIN; SELECT 1")
        database.sql(local + "INSERT INTO events DEFAULT VALUES")
        run(pg, "at")  # Tokyo's times are hours ahead of UTC, and of now where they are
        assert pg.sql("SELECT count(*) FROM t") == [(2,)]
        slow.run("INSERT INTO events DEFAULT VALUES; COMMIT")
    run(pg, "at")
    assert pg.sql("SELECT count(*) FROM t") == [(3,)]
    database.sql(local + "INSERT INTO events(at) VALUES (now() + INTERVAL '3 days')")
    assert run(pg, "at", code=1)["error"]["code"] == "SF0613"


def test_prepared_transactions_and_other_databases(pg, server, database):
    database.sql("CREATE TABLE events (id serial PRIMARY KEY, v text); INSERT INTO events (v) VALUES ('a')")
    with server.session() as elsewhere:
        elsewhere.run("BEGIN; SELECT txid_current()")
        assert [w for w in run(pg)["warnings"] if w["code"] == "SF0809"] == []
        elsewhere.run("ROLLBACK")
    database.sql("BEGIN; INSERT INTO events (v) VALUES ('two-phase'); PREPARE TRANSACTION 'late'")
    database.sql("INSERT INTO events (v) VALUES ('b')")
    assert [w["code"] for w in run(pg)["warnings"]] == ["SF0809"]
    assert watermark(pg) == "1"
    database.sql("COMMIT PREPARED 'late'")
    run(pg)
    assert pg.sql("SELECT v FROM t ORDER BY id") == [("a",), ("two-phase",), ("b",)]


@pytest.mark.parametrize("kind, low, high", [
    ("smallint", "-32768", "32767"), ("bigint", "-9223372036854775808", "9223372036854775807"),
    ("numeric(10,3)", "-1.5", "2.125"), ("date", "0044-03-15 BC", "2020-01-01"),
    ("timestamp", "0044-03-15 12:00:00 BC", "2020-01-01 00:00:00.000001"),
    ("timestamptz", "1969-12-31 23:59:59.999999+00", "2020-01-01 00:00:00+05:30"),
    ("text", "", "zz"), ("oid", "0", "4000000000"),
])
def test_cursor_types(pg, database, kind, low, high):
    database.sql(f"CREATE TABLE events (id int PRIMARY KEY, c {kind}); INSERT INTO events VALUES (1, '{low}')")
    more = ', "cursor_type": "text"' if kind == "text" else ""
    run(pg, "c", more)
    database.sql(f"INSERT INTO events VALUES (2, '{high}')")
    run(pg, "c", more)
    run(pg, "c", more)
    assert pg.sql("SELECT id FROM t ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize("kind, later", [("timestamptz", "timestamp"), ("numeric(10,2)", "int")])
def test_a_cursor_whose_type_changed(pg, database, kind, later):
    value = "'2020-01-01'" if "time" in kind else "1"
    database.sql(f"CREATE TABLE events (id int PRIMARY KEY, c {kind}); INSERT INTO events VALUES (1, {value})")
    run(pg, "c")
    database.sql(f"ALTER TABLE events ALTER c TYPE {later}")
    error = run(pg, "c", code=1)["error"]
    assert error["code"] == "SF0611" and "--full-refresh" in error["hint"]


def test_bound_is_applied_by_the_server(pg, database):
    database.sql("CREATE TABLE events AS SELECT g AS id, 'x' AS v FROM generate_series(1, 1000) g")
    run(pg)
    database.sql("INSERT INTO events VALUES (1001, 'y')")
    document = run(pg)
    load = [s for s in document["steps"] if s["id"] == "load_t"][0]
    assert load["rows_read"] <= 2


def test_many_increments_under_concurrent_writers(pg, database):
    """Writers take ids, wait, and commit in any order, while increments go on: nothing is lost."""
    database.sql("CREATE TABLE events (id bigserial PRIMARY KEY, v int)")
    random.seed(7)
    sessions = [database.session() for _ in range(4)]
    opened = [False] * 4
    written = 0
    try:
        for step in range(INCREMENTS):
            for i, session in enumerate(sessions):
                action = random.random()
                if not opened[i] and action < 0.7:
                    session.run(f"BEGIN; INSERT INTO events (v) VALUES ({step})")
                    opened[i] = True
                elif opened[i] and action < 0.6:
                    keep = random.random() < 0.8
                    session.run("COMMIT" if keep else "ROLLBACK")
                    written += keep
                    opened[i] = False
            run(pg, more=', "late_wait": 0')
        for i, session in enumerate(sessions):
            if opened[i]:
                session.run("COMMIT")
                written += 1
    finally:
        for session in sessions:
            session.close()
    run(pg)
    assert pg.sql("SELECT count(*) FROM t") == [(written,)]
    assert database.value("SELECT count(*) FROM events") == str(written)
    expected = [tuple(map(int, row)) for row in database.sql("SELECT id, v FROM events ORDER BY id")]
    assert pg.sql("SELECT id, v FROM t ORDER BY id") == expected
