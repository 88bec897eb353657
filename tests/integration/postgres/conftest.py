"""Fixtures: one PostgreSQL per worker, one with TLS, a fresh database for each test."""
import shutil
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import Project, persistent  # noqa: E402
from pgserver import BINARIES, PASSWORD, Database, Server, make_certificates  # noqa: E402


@pytest.fixture(scope="session")
def server():
    if not (BINARIES / "initdb").exists() or not shutil.which("psql"):
        pytest.fail("PostgreSQL 15 is not installed: tools/bootstrap --test")
    server = Server().start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def tls_server(server):
    tls = Server()
    ca, certificate, key = make_certificates(tls.folder / "tls")
    shutil.copy(certificate, tls.data / "server.crt")
    shutil.copy(key, tls.data / "server.key")
    owner = tls.data.stat().st_uid
    for name in ("server.crt", "server.key"):
        shutil.chown(tls.data / name, owner)
        (tls.data / name).chmod(0o600)
    (tls.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n"
                                          "local all all scram-sha-256\n")
    tls.settings["ssl"] = "on"
    tls.ca = ca
    yield tls.start()
    tls.remove()


@pytest.fixture
def database(server):
    database = Database(server)
    yield database
    server.sql(f"DROP DATABASE {database.name} WITH (FORCE)")


class PgProject(Project):
    """A project with the connection `pg`; the password comes from the environment."""

    def connect(self, database, name="pg", **options):
        self.write("profiles/dev.yml", persistent() +
                   f"connections:\n  {name}: {{ {database.connection(**options)} }}\n")
        return self

    def sf(self, *args, env=None, **more):
        return super().sf(*args, env={"PG_PASSWORD": PASSWORD, **(env or {})}, **more)

    def start(self, *args, env=None):
        return super().start(*args, env={"PG_PASSWORD": PASSWORD, **(env or {})})


@pytest.fixture
def pg(tmp_path, database):
    return PgProject(tmp_path / "project").connect(database)
