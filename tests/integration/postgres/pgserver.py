"""A real PostgreSQL 15 for tests: own data folder, free port, unprivileged user, scram, maybe TLS."""
import os
import itertools
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

from harness import workplace

BINARIES = pathlib.Path(os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin"))
PASSWORD = "pa55 w/rd'%ü"  # needs quoting, URL-encoding and UTF-8
ADMIN = "boss"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unprivileged():
    """What to put before a command so that it does not run as root, which postgres refuses."""
    if os.geteuid() != 0:
        return [], os.geteuid()
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
                "--"], user.pw_uid
    raise RuntimeError("there is no unprivileged user")


class Server:
    def __init__(self, **settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sqlflow-pg-", dir=workplace()))
        self.prefix, uid = unprivileged()
        os.chmod(self.folder, 0o700)
        os.chown(self.folder, uid, -1)
        self.port = free_port()
        self.data = self.folder / "data"
        password = self.folder / "password"
        password.write_text(PASSWORD)
        os.chown(password, uid, -1)
        self.call("initdb", "-D", self.data, "-U", ADMIN, "--auth=scram-sha-256", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync", f"--pwfile={password}")
        self.settings = {"port": self.port, "listen_addresses": "127.0.0.1", "fsync": "off",
                         "unix_socket_directories": self.folder, "max_connections": 30,
                         "timezone": "America/New_York", "datestyle": "SQL, DMY",
                         "intervalstyle": "iso_8601", "extra_float_digits": 0,
                         "bytea_output": "escape", "max_prepared_transactions": 5, **settings}

    def call(self, name, *args):
        done = subprocess.run([*self.prefix, BINARIES / name, *map(str, args)], cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout

    def start(self):
        options = " ".join(f"-c {k}='{v}'" for k, v in self.settings.items())
        self.call("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-o", options, "start")
        return self

    def stop(self, mode="immediate"):
        self.call("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)

    def environment(self, user=ADMIN, database="postgres"):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return dict(clean, PGHOST="127.0.0.1", PGPORT=str(self.port), PGUSER=user,
                    PGPASSWORD=PASSWORD, PGDATABASE=database, PGTZ="UTC", PGSSLMODE="prefer",
                    PGDATESTYLE="ISO", PGCLIENTENCODING="UTF8", PGOPTIONS="-c intervalstyle=postgres -c "
                    "extra_float_digits=3 -c bytea_output=hex")

    def sql(self, text, database="postgres", user=ADMIN):
        """Runs SQL; gives the rows of the last result as lists of texts (NULL is None)."""
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-F", "\x1f", "-R", "\x1e",
                               "-P", "null=\x1d", "-f", "-"], input=text, text=True,
                              env=self.environment(user, database), capture_output=True)
        assert done.returncode == 0, done.stderr
        out = done.stdout.removesuffix("\n")
        if not out:
            return []
        return [[None if f == "\x1d" else f for f in row.split("\x1f")] for row in out.split("\x1e")]

    def value(self, text, **where):
        return self.sql(text, **where)[0][0]

    def session(self, database="postgres"):
        return Session(self.environment(database=database))


class Session:
    """One psql that stays open: for transactions that end when the test says so."""

    def __init__(self, environment):
        self.process = subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=0"], text=True,
                                        env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=1)

    def run(self, text):
        """Sends SQL and waits until it is done; gives the lines that came back."""
        self.process.stdin.write(f"{text};\n\\echo :done:\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.strip() == ":done:":
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"psql ended: {lines}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def make_certificates(folder, host="localhost"):
    """A CA made on the spot and a server certificate for `host`; gives their paths."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    folder.mkdir(parents=True, exist_ok=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test CA",
            "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}", "-keyout", "server.key",
            "-out", "server.csr")
    (folder / "ext").write_text(f"subjectAltName=DNS:{host}\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2",
            "-CAcreateserial", "-extfile", "ext", "-out", "server.crt")
    return folder / "ca.crt", folder / "server.crt", folder / "server.key"


counter = itertools.count(1)


class Database:
    """A fresh database, and the profile's connection to it."""

    def __init__(self, server):
        self.server, self.name = server, f"test{next(counter)}"
        server.sql(f"CREATE DATABASE {self.name}")

    def sql(self, text, user=ADMIN):
        return self.server.sql(text, database=self.name, user=user)

    def value(self, text):
        return self.sql(text)[0][0]

    def session(self):
        return self.server.session(self.name)

    def connection(self, port=None, **options):
        settings = {"type": "postgres", "host": "127.0.0.1", "port": port or self.server.port,
                    "dbname": self.name, "user": ADMIN, "password": "${PG_PASSWORD}",
                    "retry_delay": 0, **options}
        return ", ".join(f'{k}: {v!r}' if isinstance(v, str) and not v.startswith("$") else
                         f'{k}: "{v}"' if isinstance(v, str) else f"{k}: {v}"
                         for k, v in settings.items() if v is not None)
