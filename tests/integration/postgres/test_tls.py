"""TLS: verify-full is the default for remote hosts; the CA is made on the spot."""
import pytest

from pgserver import Database

READ = 'SOURCE s FROM \'pg\' OPTIONS {"table": "t"}; LOAD t FROM s;'


@pytest.fixture
def secure(tls_server):
    database = Database(tls_server)
    database.server.sql("CREATE TABLE t AS SELECT 1 AS id", database=database.name)
    yield database
    tls_server.sql(f"DROP DATABASE {database.name} WITH (FORCE)")


def test_verify_full(pg, secure, tls_server):
    pg.connect(secure, host="localhost", sslmode="verify-full", sslrootcert=str(tls_server.ca))
    tls_server.ca.parent.chmod(0o755), tls_server.folder.chmod(0o755)
    pg.run(READ)
    assert pg.table("t") == [(1,)]
    out = pg.sf("connect", "test", "pg").out
    assert "TLSv1.3" in out


def test_verify_full_needs_the_right_name(pg, secure, tls_server):
    pg.connect(secure, host="127.0.0.1", sslmode="verify-full", sslrootcert=str(tls_server.ca))
    error = pg.fail(READ, code=3)
    assert error["code"] == "SF0801" and "does not match host name" in error["message"] and "certificate" in error["hint"]


def test_unknown_ca(pg, secure):
    """Without sslrootcert the system's CAs are asked, who do not know ours."""
    pg.connect(secure, host="localhost", sslmode="verify-full")
    error = pg.fail(READ, code=3)
    assert "certificate verify failed" in error["message"] and "sslrootcert" in error["hint"]


def test_loopback_prefers_tls_without_checking(pg, secure):
    pg.connect(secure, host="127.0.0.1")
    pg.run(READ)
    assert "TLSv1" in pg.sf("connect", "test", "pg").out


def test_remote_hosts_are_verified_by_default(pg, secure, tls_server):
    """hostaddr connects to loopback, but the name is that of a remote host."""
    pg.connect(secure, host="db.example", hostaddr="127.0.0.1", sslrootcert=str(tls_server.ca))
    error = pg.fail(READ, code=3)
    assert "does not match host name" in error["message"] and "db.example" in error["message"]


def test_pgsslmode_wins_over_the_default(pg, secure):
    pg.connect(secure, host="db.example", hostaddr="127.0.0.1")
    pg.run(READ, env={"PGSSLMODE": "require"})


def test_server_without_tls(pg, database):
    pg.connect(database, sslmode="require")
    error = pg.fail(READ, code=3)
    assert "does not support SSL" in error["message"]
