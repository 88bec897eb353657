"""Connections cut or stalled at every message: exact rows after the retry, or nothing changed."""
import pytest

from harness import finish, steps_by_id, wait_until
from proxy import Proxy

READ = 'SOURCE s FROM \'pg\' OPTIONS {"table": "t", "parallel": 1}; LOAD t FROM s;'
WRITE = "CREATE TABLE t AS SELECT i AS id, repeat('x', 5000) AS pad FROM range(300) r(i); EXPORT t TO pg.out;"


def first_connection(side, message, action="cut"):
    def rule(number, where, count, kind):
        return action if (number, where, count) == (1, side, message) else None
    return rule


def messages(pg, database, text, side):
    """The kinds of the messages of an undisturbed run, when its tables are there."""
    pg.run(text)
    with Proxy(database.server.port) as proxy:
        pg.connect(database, port=proxy.port)
        pg.run(text)
        return proxy.counts(side)


@pytest.mark.parametrize("side", ["server", "client"])
def test_read_cut_at_every_message(pg, database, side):
    database.sql("CREATE TABLE t AS SELECT g AS id, repeat('y', 100) AS v FROM generate_series(1, 5) g")
    kinds = messages(pg, database, READ, side)
    if side == "server":
        assert kinds.count("d") == 6  # five rows and the trailer
    retried = 0
    for message in range(1, len(kinds) + 1):
        with Proxy(database.server.port, first_connection(side, message)) as proxy:
            pg.connect(database, port=proxy.port)
            document = pg.run(READ)
            retried += steps_by_id(document)["load_t"]["retries"] > 0
            assert proxy.acted == 1 or side == "client"
        assert pg.sql("SELECT count(*), sum(id) FROM t") == [(5, 15)], f"cut behind message {message}"
    assert retried >= len(kinds) - 4


@pytest.mark.parametrize("side", ["server", "client"])
def test_write_cut_at_every_message(pg, database, side):
    kinds = messages(pg, database, WRITE, side)
    if side == "client":
        assert kinds.count("d") >= 5
    retried = 0
    with database.session() as judge:
        [before] = judge.run("SELECT count(*) FROM _sqlflow_exports")
        for message in range(1, len(kinds) + 1):
            with Proxy(database.server.port, first_connection(side, message)) as proxy:
                pg.connect(database, port=proxy.port)
                document = pg.run(WRITE)
            assert document["exports"][0]["status"] == "done"
            retried += len(proxy.connections) > 1
            assert judge.run("SELECT count(*), sum(id), count(DISTINCT id), (SELECT count(*) FROM _sqlflow_exports) "
                             "FROM out") == [f"300|44850|300|{int(before) + message}"], f"cut behind message {message}"
    assert retried >= len(kinds) - 4


def test_lost_snapshot_is_tried_again(pg, database):
    """The session that holds the snapshot ends just before the second connection joins it."""
    database.sql("CREATE TABLE t AS SELECT g AS id, repeat('y', 1900) AS v FROM generate_series(1, 20000) g")

    def rule(number, side, count, kind):
        if (number, side, count) == (2, "client", 1):
            while database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = "
                               "'client backend' AND datname = current_database() AND pid <> pg_backend_pid()"):
                pass
        return "stall" if number == 1 and side == "server" and len(proxy.connections) > 1 else None

    with Proxy(database.server.port, rule) as proxy:
        pg.connect(database, port=proxy.port, timeout_seconds=3)
        document = pg.run(READ.replace('"parallel": 1', '"parallel": 2'))
        assert len(proxy.connections) > 3
    assert steps_by_id(document)["load_t"]["retries"] == 1
    assert pg.sql("SELECT count(*), sum(id) FROM t") == [(20000, 200010000)]


@pytest.mark.parametrize("what, reload", [
    ('"table": "t"', "TRUNCATE t"),
    ('"query": "SELECT id FROM t"', "DROP TABLE t; CREATE TABLE t (id int)")])
def test_table_that_is_loaded_anew_meanwhile_is_never_empty(pg, database, what, reload):
    """The reader's snapshot is older than the reload, its lock is not: neither old nor new rows."""
    pg.pipeline("SOURCE s FROM 'pg' OPTIONS {%s, \"parallel\": 1}; LOAD t FROM s;" % what)
    database.sql("CREATE TABLE t AS SELECT 1 AS id")
    waited, statement, reached = 0, 0, True
    while reached:
        statement, seen = statement + 1, []

        def rule(number, side, count, kind):
            if side == "client" and kind in "QP":
                seen.append(count)
                if len(seen) == statement:
                    writer.run(f"BEGIN; SET lock_timeout = 100; {reload}; INSERT INTO t VALUES (1)")

        with Proxy(database.server.port, rule) as proxy, database.session() as writer:
            pg.connect(database, port=proxy.port)
            process = pg.start("run", "p", "--format", "json")
            waits = ("SELECT pid FROM pg_stat_activity WHERE wait_event = 'relation' AND "
                     "application_name = 'sqlflow'")
            waited += wait_until(lambda: process.poll() is not None or database.sql(waits),
                                 "the reader waits, or ends") is not True
            writer.run("COMMIT")
            assert finish(process).code == 0
        reached = len(seen) >= statement
        assert pg.sql("SELECT id FROM t") == [(1,)], f"loaded anew before statement {statement}"
    assert waited >= 3


def test_append_is_never_done_twice(pg, database):
    """The answer to COMMIT is lost: the retry finds the export's id and leaves it at that."""
    append = WRITE.replace("TO pg.out", 'TO pg.out OPTIONS {"mode": "append"}')
    kinds = messages(pg, database, append, "client")
    database.sql("DELETE FROM out")
    last_query = max(i for i, kind in enumerate(kinds) if kind in "QX^" and kind == "Q") + 1
    with Proxy(database.server.port, first_connection("client", last_query)) as proxy:
        pg.connect(database, port=proxy.port)
        assert pg.run(append)["exports"][0]["status"] == "done"
    assert database.value("SELECT count(*) FROM out") == "300"


def test_without_retries_the_export_stays_pending(pg, database):
    kinds = messages(pg, database, WRITE, "client")
    database.sql("DROP TABLE out")
    with Proxy(database.server.port, lambda n, side, count, kind: "cut" if kind == "d" else None) as proxy:
        pg.connect(database, port=proxy.port, max_retries=1)
        document = pg.run(WRITE, code=3)
        assert kinds and document["status"] == "pending" and document["error"]["code"] == "SF0801"
        assert database.value("SELECT to_regclass('out')") is None
        proxy.rule = None
        pg.run("CREATE TABLE other AS SELECT 1 AS x;", name="q")
    assert database.value("SELECT count(*) FROM out") == "300"


@pytest.mark.parametrize("side, kind", [("server", "d"), ("server", "Z"), ("client", "Q"), ("server", "R")])
def test_stalled_connection_is_given_up_and_tried_again(pg, database, side, kind):
    database.sql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 5) g")
    acted = []

    def rule(number, where, count, what):
        if where != side or what != kind or acted:
            return None
        acted.append(number)
        return "stall"
    with Proxy(database.server.port, rule) as proxy:
        pg.connect(database, port=proxy.port, timeout_seconds=1, connect_timeout=2)
        document = pg.run(READ)
    assert acted and steps_by_id(document)["load_t"]["retries"] == 1
    assert pg.sql("SELECT count(*), sum(id) FROM t") == [(5, 15)]


def test_stalled_write(pg, database):
    acted = []

    def rule(number, where, count, kind):
        if where != "client" or kind != "d" or acted:
            return None
        acted.append(number)
        return "stall"
    with Proxy(database.server.port, rule) as proxy:
        pg.connect(database, port=proxy.port, timeout_seconds=1, connect_timeout=2)
        assert pg.run(WRITE)["exports"][0]["status"] == "done"
    assert acted and database.value("SELECT count(*) FROM out") == "300"


def test_breaker_opens(pg, database):
    database.sql("CREATE TABLE t AS SELECT 1 AS id")
    with Proxy(database.server.port, lambda n, side, count, kind: "cut") as proxy:
        pg.connect(database, port=proxy.port, max_retries=20)
        error = pg.fail(READ, code=3)
        assert error["code"] == "SF0806" and len(proxy.connections) == 5


@pytest.mark.parametrize("commit", ["run", "step"])
@pytest.mark.parametrize("read", ["LOAD t FROM s;", "CREATE TABLE t AS SELECT * FROM s;"])
def test_server_restart_in_the_middle(pg, database, read, commit):
    """57P01: the backend is told to go; the read begins anew, also of a source that SQL names."""
    database.sql("CREATE TABLE t AS SELECT g AS id, repeat('x', 1000) AS pad FROM generate_series(1, 20000) g")
    killed = []

    def rule(number, where, count, kind):
        if where == "server" and kind == "d" and count > 2000 and not killed:
            killed.append(1)
            database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                         "AND pid <> pg_backend_pid()")
        return None
    with Proxy(database.server.port, rule) as proxy:
        pg.connect(database, port=proxy.port)
        text = 'SOURCE s FROM \'pg\' OPTIONS {"table": "t", "parallel": 1}; ' + read
        document = pg.run(text + "ASSERT rows AS SELECT * FROM s WHERE id < 0;", "--commit", commit)
    assert killed and sum(step["retries"] for step in document["steps"]) == 1
    assert pg.sql("SELECT count(*), sum(id) FROM t") == [(20000, 200010000)]
