"""Benchmarks as ratios: every case alternates sqlflow (A) and a named baseline (B) on the same data.

Medians of pairs, with peak memory; rows are compared where both sides make a table. What is not
installed is skipped with a note. Nothing here passes or fails: the figures are for reading.
"""
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SQLFLOW = os.environ.get("SQLFLOW", str(ROOT / "build/release/sqlflow"))
# The program itself: the command that PyPI's package installs is a Python script around it.
DUCKDB = next(map(str, ROOT.glob("third_party/venv/lib/python3*/site-packages/duckdb_cli/duckdb")),
              shutil.which("duckdb") or "duckdb")
ROUNDS = int(os.environ.get("ROUNDS", 7))
ROWS = int(os.environ.get("ROWS", 10_000_000))
SCALE = float(os.environ.get("SCALE", 0.5))
PROFILE = "engines:\n  duckdb: { mode: persistent, path: data/w.duckdb }\n"
EMPTY_C = "int main(void) { return 0; }\n"
OPEN_C = """#include <duckdb.h>
int main(void) { duckdb_database d; if (duckdb_open(0, &d) != DuckDBSuccess) return 1; duckdb_close(&d); return 0; }
"""


class Skip(Exception):
    """A peer that is not installed."""


def timed(command, cwd, before=None):
    """Wall seconds and peak MB of one run; its output is thrown away."""
    if before:
        before()
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: exit {process.returncode}: {errors.decode()[-300:]}")
    return time.perf_counter() - start, usage.ru_maxrss / 1000


def pairs(name, a, b, cwd, before_a=None, before_b=None, rounds=ROUNDS):
    """A and B in turn; the medians, and the median of the ratios pair by pair."""
    runs = []
    for i in range(rounds + 1):
        ta, tb = timed(a, cwd, before_a), timed(b, cwd, before_b)
        if i:  # the first pair warms up
            runs.append((ta, tb))
    ratio = statistics.median(x[0] / y[0] for x, y in runs)
    return {"case": name, "a_seconds": statistics.median(x[0] for x, _ in runs),
            "b_seconds": statistics.median(y[0] for _, y in runs), "ratio": ratio,
            "a_peak_mb": max(x[1] for x, _ in runs), "b_peak_mb": max(y[1] for _, y in runs), "rounds": rounds}


def compiled(folder, name, text, *flags):
    source = folder / f"{name}.c"
    source.write_text(text)
    subprocess.run(["cc", "-O2", "-o", str(folder / name), str(source), *flags], check=True)
    return str(folder / name)


def project(folder, **pipelines):
    for d in ("pipelines", "profiles", "data"):
        (folder / d).mkdir(parents=True, exist_ok=True)
    (folder / "profiles/dev.yml").write_text(PROFILE)
    for name, text in pipelines.items():
        (folder / f"pipelines/{name}.sf").write_text(text)
    return folder


def fresh(folder, *names):
    def remove():
        for name in names:
            for path in folder.glob(f"data/{name}.duckdb*"):
                path.unlink()
    return remove


def duckdb_cli(sql):
    if not os.access(DUCKDB, os.X_OK):
        raise Skip("the DuckDB CLI is not installed (pip install duckdb-cli)")
    return [DUCKDB, ":memory:", "-c", f"ATTACH 'data/c.duckdb' AS db (STORAGE_VERSION 'latest'); USE db; {sql}"]


def same_rows(folder, table):
    # In a process of its own: a child's peak memory starts at what this process has.
    n = subprocess.run([DUCKDB, ":memory:", "-noheader", "-list", "-c",
                        "ATTACH 'data/w.duckdb' AS a (READ_ONLY); ATTACH 'data/c.duckdb' AS b (READ_ONLY); "
                        f"SELECT (SELECT count(*) FROM (FROM a.{table} EXCEPT ALL FROM b.{table})) + "
                        f"(SELECT count(*) FROM (FROM b.{table} EXCEPT ALL FROM a.{table}))"], cwd=folder,
                       check=True, capture_output=True, text=True).stdout.strip()
    if n != "0":
        raise RuntimeError(f"{n} rows differ")


def startup(folder):
    empty = compiled(folder, "empty", EMPTY_C)
    for flag in ("--version", "--help"):
        yield pairs(f"sqlflow {flag} / an empty C process", [SQLFLOW, flag], [empty], folder, rounds=max(ROUNDS, 21))


def plan(folder):
    include, lib = ROOT / "third_party/duckdb/include", ROOT / "third_party/duckdb/lib"
    opener = compiled(folder, "opener", OPEN_C, f"-I{include}", f"-L{lib}", "-lduckdb", f"-Wl,-rpath,{lib}")
    chain = lambda n: "".join(f"CREATE TABLE t{i} AS SELECT {i} AS a{'' if i % 10 == 0 else f' UNION ALL FROM t{i - 1}'};\n"
                              for i in range(n))
    project(folder, twenty=chain(20), thousand=chain(1000), ten_thousand=chain(10000))
    yield pairs("validate, 20 statements / duckdb_open + close", [SQLFLOW, "pipeline", "validate", "twenty"], [opener], folder)
    yield pairs("compile, 10,000 statements / 1,000 statements", [SQLFLOW, "-q", "pipeline", "compile", "ten_thousand"],
                [SQLFLOW, "-q", "pipeline", "compile", "thousand"], folder)


def demo(folder):
    subprocess.run([SQLFLOW, "init", "shop"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    shop = folder / "shop"
    compiled_plan = subprocess.run([SQLFLOW, "pipeline", "compile", "customer_analytics", "--format", "json"], cwd=shop,
                                   check=True, capture_output=True, text=True)
    sql = ["BEGIN"]
    for op in json.loads(compiled_plan.stdout)["operations"]:
        if op["type"] == "load":
            sql.append(f"CREATE OR REPLACE TABLE {op['name']} AS FROM read_csv('data/{op['name']}.csv')")
        elif op["type"] == "transform":
            sql.append(f"CREATE OR REPLACE TABLE {op['name']} AS {op['query']}")
        elif op["type"] == "assert" and op["query"]:
            sql.append(op["query"])
        elif op["type"] == "export":
            (shop / "output").mkdir(exist_ok=True)
            sql.append(f"COPY {op['reads'][0]} TO 'output/b_{pathlib.Path(op['destination']).name}'")
    yield pairs("run of the demo / the same SQL by the DuckDB CLI", [SQLFLOW, "-q", "run", "customer_analytics"],
                duckdb_cli("; ".join([*sql, "COMMIT", "CHECKPOINT db"])), shop)


def big_files(folder):
    sql = f"""COPY (SELECT i AS id, i % 1000 AS grp, (i * 7919) % 100000 AS amount, (i % 997) * 1.25 AS price,
            'name_' || (i % 5000) AS name, TIMESTAMP '2024-01-01' + INTERVAL (i % 1000000) SECOND AS at,
            (DATE '2024-01-01' + (i % 700)::INT) AS day, i % 3 = 0 AS flag FROM range({ROWS}) t(i))
            TO 'data/big.csv' (HEADER);
        COPY (FROM 'data/big.csv') TO 'data/big.parquet'"""
    subprocess.run(duckdb_cli(sql), cwd=folder, check=True, stdout=subprocess.DEVNULL)


def files(folder):
    load = 'SOURCE s TYPE {0} PARAMS {{"path": "data/big.{0}"}}; LOAD t FROM s;'
    project(folder, csv=load.format("csv"), parquet=load.format("parquet"))
    big_files(folder)
    for kind in ("csv", "parquet"):
        create = f"BEGIN; CREATE TABLE t AS FROM read_{kind}('data/big.{kind}'); COMMIT; CHECKPOINT db"
        yield pairs(f"{kind} → table, {ROWS:,} × 8 / the DuckDB CLI", [SQLFLOW, "-q", "run", kind], duckdb_cli(create),
                    folder, fresh(folder, "w"), fresh(folder, "c"))
        same_rows(folder, "t")


def joins(folder):
    """The 22 queries of TPC-H as steps of one pipeline that loads the tables; by the CLI in one transaction each."""
    extension = next(map(str, ROOT.glob("third_party/duckdb/extensions/tpch.duckdb_extension")), None)
    if extension is None:
        raise Skip("DuckDB's extension tpch is not there (tools/bootstrap --dev)")
    project(folder)
    made = subprocess.run([DUCKDB, ":memory:", "-json", "-c",
                           f"LOAD '{extension}'; CALL dbgen(sf = {SCALE}); EXPORT DATABASE 'data/h' (FORMAT parquet); "
                           "SELECT query_nr, query FROM tpch_queries()"], cwd=folder, check=True, capture_output=True, text=True)
    queries = json.loads(made.stdout[made.stdout.index('[{"query_nr"'):])
    tables = sorted(path.stem for path in folder.glob("data/h/*.parquet"))
    steps = [f"CREATE TABLE q{q['query_nr']} AS {q['query'].strip().rstrip(';')}" for q in queries]
    loads = [f"CREATE TABLE {t} AS FROM 'data/h/{t}.parquet'" for t in tables]
    project(folder, h=";\n".join([f'SOURCE s_{t} TYPE parquet PARAMS {{"path": "data/h/{t}.parquet"}};\nLOAD {t} FROM s_{t}'
                                  for t in tables] + steps) + ";\n")
    yield pairs(f"TPC-H, scale {SCALE}: load and 22 queries / the DuckDB CLI", [SQLFLOW, "-q", "run", "h"],
                duckdb_cli("; ".join([*loads, *steps, "CHECKPOINT db"])), folder, fresh(folder, "w"), fresh(folder, "c"))
    for q in queries:
        same_rows(folder, f"q{q['query_nr']}")


def upsert(folder):
    table = f"CREATE TABLE t AS SELECT i AS id, i % 1000 AS v FROM range({ROWS}) r(i);"
    rows = f"SELECT i * {max(1, ROWS // 50_000)} AS id, -1 AS v FROM range(100000) r(i)"
    project(folder, make=table, upsert=f"LOAD t FROM ({rows}) MODE UPSERT KEY (id);")
    subprocess.run([SQLFLOW, "-q", "run", "make"], cwd=folder, check=True)
    subprocess.run(duckdb_cli(table), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    by_hand = (f"CREATE TEMP TABLE s AS {rows}; BEGIN; DELETE FROM t USING s WHERE t.id = s.id; "
               "INSERT INTO t SELECT * FROM s; COMMIT; CHECKPOINT db")
    yield pairs(f"UPSERT 100,000 into {ROWS:,} / DELETE + INSERT by hand", [SQLFLOW, "-q", "run", "upsert"],
                duckdb_cli(by_hand), folder)


def increment(folder):
    source = '{"path": "data/s.csv", "sync_mode": "incremental", "cursor_field": "at", "primary_key": "id"}'
    project(folder, inc=f"SOURCE s TYPE csv PARAMS {source}; LOAD t FROM s;")
    with open(folder / "data/s.csv", "w") as f:
        f.write("id,at\n" + "".join(f"{i},{i}\n" for i in range(10000)))
    subprocess.run([SQLFLOW, "-q", "run", "inc"], cwd=folder, check=True)
    subprocess.run(duckdb_cli("CREATE TABLE t AS FROM 'data/s.csv'"), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    by_hand = "SELECT count(*) FROM 'data/s.csv' WHERE \"at\" > (SELECT max(\"at\") FROM t)"
    yield pairs("increment with nothing new / the check by the DuckDB CLI", [SQLFLOW, "-q", "run", "inc"],
                duckdb_cli(by_hand), folder)


def postgres(folder):
    import postgres as case
    yield from case.figures(sys.modules[__name__], folder)


def udf(folder):
    subprocess.run([sys.executable, str(ROOT / "bench/udf.py")], check=True)
    yield from ()


CASES = {"startup": startup, "plan": plan, "demo": demo, "files": files, "joins": joins,
         "upsert": upsert, "increment": increment, "postgres": postgres, "udf": udf}


def main():
    results = ROOT / "bench/results"
    results.mkdir(exist_ok=True)
    names = sys.argv[1:] or list(CASES)
    lines = ["| case | sqlflow | baseline | ratio | peak MB |", "|---|---|---|---|---|"]
    for name in names:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"sqlflow-bench-{name}-"))
        figures = []
        try:
            for figure in CASES[name](folder):
                figures.append(figure)
                lines.append(f"| {figure['case']} | {figure['a_seconds']:.4f} s | {figure['b_seconds']:.4f} s | "
                             f"{figure['ratio']:.2f} | {figure['a_peak_mb']:.0f} / {figure['b_peak_mb']:.0f} |")
                print(lines[-1], flush=True)
        except Skip as note:
            print(f"{name}: skipped: {note}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if figures:
            machine = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
            (results / f"{name}.json").write_text(json.dumps({**machine, "figures": figures}, indent=2) + "\n")
    (results / "README.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
