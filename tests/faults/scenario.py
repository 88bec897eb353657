"""The customer-like project that the fault tests interrupt, and the oracle that judges what is left.

Batch 1 is loaded once by an undisturbed run; then batch 2 arrives and the run that loads it is
disturbed. After one more undisturbed run everything must be as if nothing had happened.
"""
import json
import pathlib
import random
import shutil
import signal
import subprocess

import duckdb

from harness import BIN, PATIENCE, environment

PROFILE = "engines:\n  duckdb: { mode: persistent, path: data/warehouse.duckdb, threads: 2 }\n"


def source(name, path, **options):
    return f"SOURCE {name} TYPE csv PARAMS {json.dumps({'path': path, **options})};\n"


PIPELINE = (
    source("orders_feed", "data/orders.csv", sync_mode="incremental", cursor_field="updated_at", primary_key="id")
    + source("events_feed", "data/events.csv", sync_mode="incremental", cursor_field="seq")
    + source("days_feed", "data/days/*.csv", sync_mode="incremental")
    + "LOAD orders FROM orders_feed;\n"
    "LOAD events FROM events_feed;\n"
    "LOAD days FROM days_feed;\n"
    "CREATE TABLE daily INCREMENTAL BY day LOOKBACK 1 DAY AS\n"
    "SELECT updated_at::DATE AS day, count(*) AS n, sum(amount)::BIGINT AS amount FROM orders GROUP BY 1;\n"
    "CREATE TABLE summary AS SELECT status, count(*) AS n, sum(amount)::BIGINT AS amount FROM orders GROUP BY status;\n"
    "CREATE TABLE ticks MODE APPEND AS SELECT '${run_id}' AS run_id;\n"
    "EXPORT (FROM summary ORDER BY status) TO 'output/summary.csv';\n"
    "EXPORT (SELECT * FROM orders ORDER BY id) TO 'output/orders.parquet';\n"
    "EXPORT (FROM daily ORDER BY day) TO 'output/deep/down/daily.csv';\n"
    "EXPORT orders TO 'output/parts' TYPE csv OPTIONS {\"partition_by\": \"status\"};\n"
    "UPDATE summary SET n = n + 0;\n"
    "ASSERT UNIQUE (id) IN orders;\n")

# With these the run commits on a branch before it joins (src/run/branch.c).
JOIN = (
    "CREATE TABLE many AS SELECT i AS id, i % 7 AS week FROM range(12000) t(i);\n"
    "CREATE TABLE weeks AS SELECT week, count(*) AS n FROM orders JOIN many USING (id) GROUP BY week;\n"
    "EXPORT (FROM weeks ORDER BY week) TO 'output/weeks.csv';\n")
JOINED = {
    "many": "SELECT count(*), sum(id), sum(week) FROM many",
    "weeks": "SELECT week, n FROM weeks",
}

TABLES = {
    "orders": "SELECT id, status, amount, updated_at::VARCHAR FROM orders",
    "events": "SELECT seq, what FROM events",
    "days": "SELECT id, v, _sqlflow_file FROM days",
    "daily": "SELECT day::VARCHAR, n, amount FROM daily",
    "summary": "SELECT status, n, amount FROM summary",
    "watermarks": "SELECT source, target, cursor_field, value, type FROM _sqlflow.watermarks",
    "files": "SELECT source, target, path, size, rows FROM _sqlflow.files",
    "boundary": "SELECT source, target, sum(rows)::BIGINT FROM _sqlflow.boundary GROUP BY ALL",
}


def orders(batch):
    rows = {i: ("new", 10 * i, f"2026-01-{1 + i % 5:02} 10:00:00") for i in range(40)}
    if batch == 2:
        for i in range(30, 60):
            rows[i] = ("paid" if i % 2 else "sent", 11 * i, f"2026-01-{5 + i % 4:02} 12:00:00")
    return rows


def write_inputs(root, batch):
    def csv(name, header, rows):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *(",".join(map(str, r)) for r in rows)]) + "\n")

    csv("data/orders.csv", "id,status,amount,updated_at", [(k, *v) for k, v in orders(batch).items()])
    events = [(i // 3, "abc"[i % 2]) for i in range(30)]
    if batch == 2:
        events += [(9, "a"), (9, "z")] + [(10 + i // 4, "xy"[i % 2]) for i in range(21)]
    csv("data/events.csv", "seq,what", events)
    csv("data/days/1.csv", "id,v", [(1, "a"), (2, "b")] if batch == 1 else [(1, "a"), (2, "changed"), (3, "more")])
    csv("data/days/2.csv", "id,v", [(10, "c")])
    if batch == 2:
        csv("data/days/3.csv", "id,v", [(20, "d"), (21, "e")])


def run(root, env=None, timeout=PATIENCE, args=("run", "p", "-q")):
    """Runs the pipeline; gives exit code and what it printed."""
    done = subprocess.run([BIN, *args], cwd=root, env=environment(root, env), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def exports(root):
    """What lies in output/: name → rows (of data files) or None when it is not there."""
    found = {}
    for name in ("summary.csv", "deep/down/daily.csv"):
        path = root / "output" / name
        found[name] = path.read_bytes() if path.exists() else None
    path = root / "output/orders.parquet"
    found["orders.parquet"] = None if not path.exists() else rows_of(f"SELECT * FROM read_parquet('{path}')")
    path = root / "output/parts"
    found["parts"] = None if not path.exists() else rows_of(
        f"SELECT * FROM read_csv('{path}/*/*.csv', hive_partitioning = true)")
    return found


# One connection for all: opening one takes longer than what is asked here.
judge_connection = duckdb.connect(":memory:", config={"threads": 1})


def rows_of(query):
    return sorted(map(repr, judge_connection.execute(query).fetchall()))


def contents(root, joined=False):
    """Tables and state: name → sorted rows."""
    connection = judge_connection
    connection.execute(f"ATTACH '{root}/data/warehouse.duckdb' AS db (READ_ONLY); USE db")
    try:
        queries = {**TABLES, **JOINED} if joined else TABLES
        found = {name: rows_of(query) for name, query in queries.items()}
        found["ticks"] = connection.execute("SELECT run_id FROM ticks ORDER BY 1").fetchall()
        found["runs"] = connection.execute("SELECT run_id, status FROM _sqlflow.runs ORDER BY 1").fetchall()
        found["pending"] = connection.execute(
            "SELECT destination FROM _sqlflow.exports WHERE status <> 'done'").fetchall()
        found["tables"] = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'db' "
            "ORDER BY 1").fetchall()
    finally:
        connection.execute("USE memory; DETACH db")
    return found


def leftovers(root):
    """Files that no finished run leaves: temporaries, journals, a WAL."""
    suspects = []
    for path in root.rglob("*"):
        name = path.name
        if name.endswith((".tmp", ".staged", ".wal", ".old", ".run")) or "sqlflow-" in name or name.startswith("spill-"):
            suspects.append(str(path.relative_to(root)))
    return sorted(suspects)


class Expected:
    """What undisturbed runs give, and the projects to start from (templates)."""

    def __init__(self, folder, joined=False):
        self.folder = pathlib.Path(folder)
        self.joined = joined
        self.empty = self.folder / "empty"
        for part in ("profiles", "pipelines"):
            (self.empty / part).mkdir(parents=True)
        (self.empty / "profiles/dev.yml").write_text(PROFILE)
        (self.empty / "pipelines/p.sf").write_text(PIPELINE + (JOIN if joined else ""))
        write_inputs(self.empty, 1)
        self.loaded = self.folder / "loaded"
        shutil.copytree(self.empty, self.loaded)
        self.undisturbed(self.loaded)
        self.old_exports = exports(self.loaded)
        self.first = self.contents(self.loaded)
        write_inputs(self.loaded, 2)  # batch 2 waits to be loaded
        done = self.folder / "done"
        copy(self.loaded, done)
        self.undisturbed(done)
        self.new_exports, self.after = exports(done), self.contents(done)
        assert self.after["orders"] == sorted(repr((k, *v)) for k, v in orders(2).items())
        assert None not in self.new_exports.values() and self.old_exports != self.new_exports

    def contents(self, root):
        return contents(root, self.joined)

    def undisturbed(self, root):
        code, text = run(root)
        assert code == 0, text
        assert leftovers(root) == [], leftovers(root)


def copy(template, root):
    """Files keep their times: by-file loading looks at them."""
    shutil.copytree(template, root, copy_function=shutil.copy2)


def check(expected, root, first=False, disturbances=1):
    """What a disturbed run left: complete exports only; then, after an undisturbed run, everything
    right, once, and nothing lying about. Raises AssertionError."""
    olds = dict.fromkeys(expected.old_exports) if first else expected.old_exports
    news = expected.old_exports if first else expected.new_exports
    seen = exports(root)
    for name, content in seen.items():
        assert content in (olds[name], news[name]), f"{name} is neither old nor new: {str(content)[:300]}"
    any_new = any(content == news[name] != olds[name] for name, content in seen.items())
    code, text = run(root)
    assert code == 0, f"the next run fails: exit {code}\n{text}"
    judge(expected, root, first, any_new, disturbances)


def judge(expected, root, first, any_new, disturbances=1):
    wanted = expected.first if first else expected.after
    news = expected.old_exports if first else expected.new_exports
    assert exports(root) == news, "exports after the next run"
    found = expected.contents(root)
    for name in set(wanted) - {"ticks", "runs", "pending", "tables"}:
        assert found[name] == wanted[name], f"{name}: {diff(found[name], wanted[name])}"
    assert found["tables"] == wanted["tables"], diff(found["tables"], wanted["tables"])
    assert found["pending"] == []
    statuses = dict(found["runs"])
    assert set(statuses.values()) <= {"success", "failed", "interrupted"}, statuses
    # One tick for each run that committed: no effect twice, none without its record.
    successes = [run_id for run_id, status in found["runs"] if status == "success"]
    assert [r for r, in found["ticks"]] == successes, (found["ticks"], found["runs"])
    before = 0 if first else 1
    assert before + 1 <= len(successes) <= before + 1 + disturbances
    assert not any_new or len(successes) > before + 1, "an export was published, but not committed"
    assert leftovers(root) == [], leftovers(root)


def diff(found, wanted):
    return f"too many {[r for r in found if r not in wanted][:5]}, missing {[r for r in wanted if r not in found][:5]}," \
           f" {len(found)} for {len(wanted)}"


# -- disturbing ---------------------------------------------------------------------------------

def kill_randomly(root, delay):
    """Starts a run and kills it after `delay` seconds, wherever it is."""
    process = subprocess.Popen([BIN, "run", "p", "-q"], cwd=root, env=environment(root), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def sampled(items, count, seed=1):
    chosen = list(items)
    if len(chosen) > count:
        chosen = random.Random(seed).sample(chosen, count)
    return chosen
