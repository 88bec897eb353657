"""Each way in which a connection fails: its own message, exit code 3, a hint, and a bound on time."""
import socket
import time

import pytest

from harness import finish, persistent, wait_until
from pgserver import ADMIN, PASSWORD, Server

READ = 'SOURCE s FROM \'pg\' OPTIONS {"table": "t"}; LOAD t FROM s;'


def refuse(pg, database, code="SF0801", text=READ, exit_code=3, env=None, **options):
    pg.connect(database, **options)
    started = time.monotonic()
    error = pg.fail(text, code=exit_code, env=env)
    assert error["code"] == code, error
    assert error["hint"], error
    assert PASSWORD not in error["message"] + error["hint"]
    error["seconds"] = time.monotonic() - started
    return error


def test_wrong_password(pg, database):
    error = refuse(pg, database, "SF0802", env={"PG_PASSWORD": "wrong-pässword"})
    assert "password authentication failed" in error["message"] and "wrong-p" not in str(error)


def test_unknown_user(pg, database):
    assert "nobody_here" in refuse(pg, database, "SF0802", user="nobody_here")["message"]


def test_missing_database(pg, database):
    assert 'database "gone" does not exist' in refuse(pg, database, "SF0803", dbname="gone")["message"]


def test_missing_table(pg, database):
    database.sql("CREATE TABLE orders (id int)")
    error = refuse(pg, database, "SF0803", text=READ.replace('"t"', '"oders"'))
    assert "no table oders (did you mean 'orders'?)" in error["message"] and "discover" in error["hint"]


def test_missing_column(pg, database):
    database.sql("CREATE TABLE t (id int)")
    error = refuse(pg, database, "SF0803", text='SOURCE s FROM \'pg\' OPTIONS {"table": "t", "columns": ["ID", "idx"]}; LOAD t FROM s;')
    assert "no column 'idx' (did you mean 'id'?)" in error["message"]


def test_no_permission(pg, database):
    database.sql("CREATE ROLE limited_r LOGIN PASSWORD 'x'; CREATE TABLE t (id int, salary int); "
                 "GRANT SELECT (id) ON t TO limited_r")
    try:
        error = refuse(pg, database, "SF0804", user="limited_r", password="x")
        assert "permission denied for table t" in error["message"] and '"columns"' in error["hint"]
        pg.run('SOURCE s FROM \'pg\' OPTIONS {"table": "t", "columns": ["id"]}; LOAD t FROM s;')
        [table] = pg.sf("connect", "discover", "pg", "--format", "json").doc["objects"]
        assert [column["name"] for column in table["columns"]] == ["id"]
    finally:
        database.sql("DROP OWNED BY limited_r; DROP ROLE limited_r")


def test_bad_query(pg, database):
    error = pg.fail('SOURCE s FROM \'pg\' OPTIONS {"query": "SELECT nope"}; LOAD t FROM s;')
    assert error["code"] == "SF0807" and 'column "nope" does not exist' in error["message"]


def test_query_that_writes_is_refused(pg, database):
    database.sql("CREATE TABLE t (id int)")
    error = pg.fail('SOURCE s FROM \'pg\' OPTIONS {"query": "WITH x AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM x"}; LOAD t FROM s;', code=None)
    assert error
    assert database.sql("SELECT * FROM t") == []


def test_nothing_listens(pg, database):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        error = refuse(pg, database, port=probe.getsockname()[1], max_retries=1)
    assert "Connection refused" in error["message"] and "after 2 attempts" in error["message"]


def test_unknown_host(pg, database):
    error = refuse(pg, database, host="no-such-host.invalid", max_retries=0, connect_timeout=5)
    assert "no-such-host.invalid" in error["message"] and error["seconds"] < 30


def test_server_that_never_answers(pg, database):
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refuse(pg, database, port=silent.getsockname()[1], connect_timeout=1, max_retries=0)
    assert "no connection within 1 s" in error["message"] and error["seconds"] < 15


def test_full_server(tmp_path, pg, database):
    small = Server(max_connections=4, superuser_reserved_connections=0).start()
    sessions = []
    try:
        for _ in range(4):
            sessions.append(small.session())
            sessions[-1].run("SELECT 1")
        error = refuse(pg, database, port=small.port, dbname="postgres", max_retries=1)
        assert "too many" in error["message"] and "after 2 attempts" in error["message"]
    finally:
        for session in sessions:
            session.close()
        small.remove()


def test_statement_timeout(pg, database):
    database.sql("CREATE VIEW t AS SELECT pg_sleep(30)::text AS v")
    error = pg.connect(database, statement_timeout=200, max_retries=0).fail(READ)
    assert "statement timeout" in error["message"]


def test_lock_timeout(pg, database):
    database.sql("CREATE TABLE t (id int)")
    with database.session() as other:
        other.run("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        error = pg.connect(database, lock_timeout="200ms", max_retries=1).fail(READ)
    assert "lock timeout" in error["message"]


def test_interrupt_cancels_on_the_server(pg, database):
    database.sql("CREATE VIEW t AS SELECT g, pg_sleep(0.01)::text FROM generate_series(1, 100000) g")
    pg.pipeline(READ)
    process = pg.start("run", "p")
    active = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%' AND pid <> pg_backend_pid()"
    wait_until(lambda: database.sql(active), "the COPY runs", process)
    started = time.monotonic()
    process.terminate()
    result = finish(process)
    assert result.code == 130, result
    assert time.monotonic() - started < 5
    wait_until(lambda: not database.sql(active), "the server has stopped")
    assert not pg.has_table("t")


def test_interrupt_while_connecting(pg, database):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pg.connect(database, port=silent.getsockname()[1], connect_timeout=60)
        pg.pipeline(READ)
        process = pg.start("run", "p")
        silent.accept()
        started = time.monotonic()
        process.terminate()
        assert finish(process).code == 130
        assert time.monotonic() - started < 5


def test_long_statement_outlives_the_network_timeout(pg, database):
    """timeout_seconds bounds the network, not the server's work."""
    database.sql("CREATE VIEW t AS SELECT pg_sleep(3)::text AS v")
    pg.connect(database, timeout_seconds=1).run(READ)
    assert pg.sql("SELECT count(*) FROM t") == [(1,)]


def test_password_is_nowhere(pg, database):
    """Not in output, state, logs or compiled plans: plain, URL-encoded or base64."""
    import base64
    import urllib.parse
    database.sql("CREATE TABLE t AS SELECT 1 AS id")
    url = f"postgresql://{ADMIN}:{urllib.parse.quote(PASSWORD, safe='')}@127.0.0.1:{database.server.port}/{database.name}"
    pg.write("profiles/dev.yml", persistent() + f'connections:\n  pg: {{ type: postgres, url: "{url}" }}\n')
    pg.run(READ + " EXPORT t TO pg.out;")
    pg.sf("pipeline", "compile", "p", code=None)
    pg.fail('SOURCE s FROM \'pg\' OPTIONS {"table": "gone"}; LOAD t FROM s;', code=3)
    forms = {PASSWORD.encode(), urllib.parse.quote(PASSWORD, safe="").encode(), base64.b64encode(PASSWORD.encode())}
    for name in pg.files():
        if name == "profiles/dev.yml":
            continue
        content = pg.path(name).read_bytes()
        assert not [f for f in forms if f in content], name


@pytest.mark.parametrize("options", [
    lambda d: {"url": f"postgresql://{ADMIN}@127.0.0.1:{d.server.port}/{d.name}", "password": "${PG_PASSWORD}"},
    lambda d: {"connection_string": f"host=127.0.0.1 port={d.server.port} dbname={d.name} user={ADMIN}", "password": "${PG_PASSWORD}"},
    lambda d: {"host": "127.0.0.1", "port": d.server.port, "dbname": d.name, "username": ADMIN, "password": "${PG_PASSWORD}"},
    lambda d: {"host": str(d.server.folder), "port": d.server.port, "db": d.name, "user": ADMIN, "password": "${PG_PASSWORD}"},
    lambda d: {"host": "localhost", "port": d.server.port, "database": d.name, "user": ADMIN, "password": "${PG_PASSWORD}"},
    lambda d: {"url": f"postgresql://wrong@10.0.0.1:1/wrong", "host": "127.0.0.1", "port": d.server.port, "database": d.name, "user": ADMIN, "password": "${PG_PASSWORD}"},
])
def test_names_of_options(pg, database, options):
    database.sql("CREATE TABLE t AS SELECT 1 AS id")
    lines = "".join(f'    {k}: "{v}"\n' for k, v in options(database).items())
    if database.server.folder.as_posix() in lines:
        database.server.folder.chmod(0o755)
    pg.write("profiles/dev.yml", persistent() + f"connections:\n  pg:\n    type: postgres\n{lines}")
    pg.run(READ)
    assert pg.table("t") == [(1,)]


def test_environment_service_and_passfile(pg, database):
    database.sql("CREATE TABLE t AS SELECT 1 AS id")
    pg.write("profiles/dev.yml", persistent() + "connections:\n  pg: { type: postgres }\n")
    where = {"PGHOST": "127.0.0.1", "PGPORT": str(database.server.port), "PGDATABASE": database.name, "PGUSER": ADMIN}
    pg.run(READ, env={**where, "PGPASSWORD": PASSWORD})
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    pg.write(".pgpass", f"127.0.0.1:*:*:{ADMIN}:{escaped}\n").chmod(0o600)
    pg.run(READ, env=where)
    pg.write(".pg_service.conf", f"[mine]\nhost=127.0.0.1\nport={database.server.port}\ndbname={database.name}\nuser={ADMIN}\n")
    pg.run(READ, env={"PGSERVICE": "mine"})
    pg.write("profiles/dev.yml", persistent() + "connections:\n  pg: { type: postgres, service: mine }\n")
    pg.run(READ)
    assert pg.table("t") == [(1,)]


def test_malformed_url_does_not_leak(pg, database):
    pg.write("profiles/dev.yml", persistent() + 'connections:\n  pg: { type: postgres, url: "postgresql://u:s3cr3tvalue@h:xx:y/d" }\n')
    result = pg.sf("connect", "test", "pg", code=None)
    assert result.code != 0 and "s3cr3tvalue" not in result.out + result.err
