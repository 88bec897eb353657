"""A scratch project and the program, for tests: files in, runs out, rows to compare.

The program is $SQLFLOW_BIN, else build/release/sqlflow. Every call gets an environment without the
caller's SQLFLOW_* settings, so that a developer's shell does not change a test.
"""
import csv
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import duckdb

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = os.environ.get("SQLFLOW_BIN") or str(ROOT / "build/release/sqlflow")
VARIANT = pathlib.Path(BIN).parent.name
SLOW = VARIANT not in ("release", "bin")  # sanitizers and coverage: everything takes longer
PATIENCE = 60.0 * (4 if SLOW else 1)  # how long a test waits for what must happen
KEPT = ("SQLFLOW_LIB_DIR",)

MEMORY = "engines:\n  duckdb: { mode: memory }\n"


def persistent(path="data/warehouse.duckdb", extra=""):
    return f"engines:\n  duckdb: {{ mode: persistent, path: {path}{extra} }}\n"


def environment(home, env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SQLFLOW_") or k in KEPT}
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "TZ"):
        clean.pop(name, None)
    clean.update(HOME=str(home), LC_ALL="C.UTF-8", **(env or {}))
    return clean


def workplace():
    """Where tests put their files: in memory when there is room, for waiting for a disk tests
    nothing; syncs are still made and counted. None: where temporary files go."""
    memory = pathlib.Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30 and os.access(memory, os.W_OK):
        return memory
    return None


class Result:
    """What a call printed and its exit code."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def doc(self):
        return json.loads(self.out)

    @property
    def rows(self):
        """Rows of a CSV result, without its header."""
        return list(csv.reader(io.StringIO(self.out)))[1:]

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Project:
    def __init__(self, root, database="data/warehouse.duckdb", profile=None):
        self.root = pathlib.Path(root)
        for folder in ("pipelines", "profiles", "data", "in"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.database = None if database is None else self.root / database
        if profile is None:
            profile = MEMORY if database is None else persistent(database)
        self.write("profiles/dev.yml", profile)

    # -- files
    def path(self, name):
        return self.root / name

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name):
        return (self.root / name).read_bytes().decode()

    def pipeline(self, text, name="p"):
        return self.write(f"pipelines/{name}.sf", text)

    def csv(self, name, header, *rows):
        """A file of `header` ("a,b") and rows (tuples or lines)."""
        lines = [header] + [r if isinstance(r, str) else ",".join(map(str, r)) for r in rows]
        return self.write(name, "\n".join(lines) + "\n")

    def files(self, below="."):
        top = self.root / below
        return sorted(str(p.relative_to(top)) for p in top.rglob("*") if p.is_file())

    # -- the program
    def sf(self, *args, code=0, env=None, cwd=None, stdin="", timeout=PATIENCE):
        """Runs sqlflow in the project; `code` is the exit code it must give (None: any)."""
        done = subprocess.run([BIN, *map(str, args)], cwd=cwd or self.root, timeout=timeout,
                              env=environment(self.root, env), input=stdin.encode(),
                              capture_output=True)
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert code is None or result.code == code, f"wanted exit {code} of {args}, got {result!r}"
        return result

    def start(self, *args, env=None):
        """Starts sqlflow and does not wait."""
        return subprocess.Popen([BIN, *map(str, args)], cwd=self.root, stdin=subprocess.DEVNULL,
                                env=environment(self.root, env), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def run(self, text=None, *args, code=0, name="p", env=None, timeout=PATIENCE):
        """Runs pipeline `name` (written from `text` when given); gives its JSON document."""
        if text is not None:
            self.pipeline(text, name)
        return self.sf("run", name, "--format", "json", *args, code=code, env=env,
                       timeout=timeout).doc

    def fail(self, text=None, *args, code=1, name="p", env=None):
        """Runs a pipeline that must fail with `code`; gives its error."""
        error = self.run(text, *args, code=code, name=name, env=env)["error"]
        assert error, "the document of a failed run has no error"
        return error

    # -- the database
    def sql(self, query):
        """Rows of a query on the project's database, read past the program."""
        return query_database(self.database, query)

    def table(self, name):
        return self.sql(f"SELECT * FROM {name} ORDER BY ALL")

    def has_table(self, name):
        return self.database.exists() and bool(
            self.sql(f"SELECT 1 FROM duckdb_tables() WHERE database_name = 'db' "
                     f"AND table_name = '{name}'"))

    def watermarks(self):
        return self.sql("SELECT source, target, cursor_field, value, type "
                        "FROM _sqlflow.watermarks ORDER BY ALL")

    def state(self):
        """All of _sqlflow but the runs' own records, to compare before and after."""
        tables = ("watermarks", "boundary", "files", "exports")
        return {t: self.table(f"_sqlflow.{t}") for t in tables}

    def statuses(self):
        return [s for (s,) in self.sql("SELECT status FROM _sqlflow.runs ORDER BY started_at")]


def query_database(path, query):
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{path}' AS db (READ_ONLY)")
        connection.execute("USE db")
        return connection.execute(query).fetchall()


def fault(shim, **settings):
    """The environment of a run in which calls fail; see faults/shim.c."""
    return {"LD_PRELOAD": str(shim), **{f"FAULT_{k.upper()}": str(v) for k, v in settings.items()}}


def steps_by_id(document):
    return {step["id"]: step for step in document["steps"]}


def wait_until(condition, what="the condition", process=None):
    """Polls an observable; never a plain sleep. A process that ended early is told of."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        if process is not None and process.poll() is not None:
            out, err = process.communicate()
            raise AssertionError(f"the process ended ({process.returncode}) before {what}:\n"
                                 f"{out.decode()}\n{err.decode()}")
        time.sleep(0.002)
    raise AssertionError(f"{what} did not come true within {PATIENCE} s")


def finish(process, timeout=PATIENCE):
    """Waits for a started process; gives its result."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"still running after {timeout} s:\n{out.decode()}\n{err.decode()}")
    return Result(process.returncode, out.decode(), err.decode())
