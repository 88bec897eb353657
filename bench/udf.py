#!/usr/bin/env python3
"""Python functions: sqlflow against a bare vectorcall loop and DuckDB's Python package.

Every case alternates the contenders, takes medians, checks the sums and writes
bench/results/udf.json. Needs duckdb, pandas and pyarrow in the Python that runs it (they are in
third_party/venv); what is missing is skipped with a note.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SQLFLOW = os.environ.get("SQLFLOW", str(ROOT / "build/release/sqlflow"))
ROUNDS, ROWS, TABLE_ROWS = int(os.environ.get("ROUNDS", 7)), 5_000_000, 1_000_000
FUNCTIONS = '''
from sqlflow.udfs import python_scalar_udf, python_table_udf
@python_scalar_udf
def inc(x: int) -> int: return x + 1
@python_scalar_udf
def up(s: str) -> str: return s.upper()
'''
ARROW = '''
import pyarrow as pa
@python_table_udf
def same(t: pa.Table) -> pa.Table: return t
'''
PIPELINE = """CREATE TABLE t AS SELECT range AS i, 'customer ' || range AS s FROM range({rows});
CREATE TABLE ints AS SELECT sum(inc(i)) AS n FROM t;
CREATE TABLE texts AS SELECT sum(length(up(s))) AS n FROM t;
CREATE TABLE wide AS SELECT range AS id, range * 1.5::DOUBLE AS v, 'name ' || range % 1000 AS s FROM range({table});
{call}"""


def bare(work):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "python3-embed"],
                           capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["gcc", "-O2", "-o", work / "bare", ROOT / "bench/udf_bare.c", *flags], check=True)

    def run():
        env = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "VIRTUAL_ENV")}
        ints, texts = map(float, subprocess.run([work / "bare"], capture_output=True, text=True,
                                                env=env, check=True).stdout.split())
        return {"int": ints, "text": texts}
    return run


def sqlflow(work, with_arrow):
    project = work / "project"
    for folder in ("profiles", "pipelines", "python_udfs"):
        (project / folder).mkdir(parents=True)
    (project / "profiles/dev.yml").write_text("engines:\n  duckdb: { mode: memory }\n")
    (project / "python_udfs/bench.py").write_text(FUNCTIONS + (ARROW if with_arrow else ""))
    call = "CREATE TABLE copied AS SELECT * FROM same(wide);" if with_arrow else ""
    (project / "pipelines/p.sf").write_text(PIPELINE.format(rows=ROWS, table=TABLE_ROWS, call=call))

    def run():
        out = subprocess.run([SQLFLOW, "run", "p", "--format", "json"], cwd=project, check=True,
                             capture_output=True, env={**os.environ, "VIRTUAL_ENV": sys.prefix})
        seconds = {s["id"]: s["seconds"] for s in json.loads(out.stdout)["steps"]}
        found = {"int": seconds["transform_ints"] / ROWS * 1e9,
                 "text": seconds["transform_texts"] / ROWS * 1e9}
        if with_arrow:
            found["table"] = seconds["transform_copied"] * 1e3
        return found
    return run


def duckdb_native(kind):
    import duckdb
    con = duckdb.connect()
    con.execute(f"CREATE TABLE t AS SELECT range AS i, 'customer ' || range AS s FROM range({ROWS // 5})")
    con.execute("CREATE TABLE wide AS SELECT range AS id, range * 1.5::DOUBLE AS v, "
                f"'name ' || range % 1000 AS s FROM range({TABLE_ROWS})")
    inc, up = (lambda x: x + 1), (lambda s: s.upper())
    if kind == "arrow":
        import pyarrow as pa
        one, two = inc, up
        inc = lambda x: pa.array([one(v) for v in x.to_pylist()], pa.int64())  # noqa: E731
        up = lambda x: pa.array([two(v) for v in x.to_pylist()], pa.string())  # noqa: E731
    con.create_function("inc", inc, ["BIGINT"], "BIGINT", type=kind)
    con.create_function("up", up, ["VARCHAR"], "VARCHAR", type=kind)

    def timed(sql, rows):
        start = time.perf_counter()
        con.execute(sql).fetchall()
        return (time.perf_counter() - start) / rows * 1e9

    def run():
        found = {"int": timed("SELECT sum(inc(i)) FROM t", ROWS // 5),
                 "text": timed("SELECT sum(length(up(s))) FROM t", ROWS // 5)}
        if kind == "arrow":
            start = time.perf_counter()
            batch = con.sql("SELECT * FROM wide").to_arrow_table()  # noqa: F841  (read by name)
            con.execute("CREATE OR REPLACE TABLE copied AS SELECT * FROM batch")
            found["table"] = (time.perf_counter() - start) * 1e3
        return found
    return run


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="sqlflow-bench-"))
    contenders = {}
    try:
        import pyarrow  # noqa: F401
        has_arrow = True
    except ImportError:
        has_arrow = False
        print("note: no pyarrow, so no table function and no Arrow functions", file=sys.stderr)
    contenders["bare vectorcall"] = bare(work)
    contenders["sqlflow"] = sqlflow(work, has_arrow)
    try:
        contenders["duckdb native"] = duckdb_native("native")
        if has_arrow:
            contenders["duckdb arrow"] = duckdb_native("arrow")
    except ImportError:
        print("note: no duckdb package, so no comparison with it", file=sys.stderr)
    results = {name: {} for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            for case, value in run().items():
                results[name].setdefault(case, []).append(value)
    shutil.rmtree(work)
    medians = {name: {case: round(statistics.median(values), 1) for case, values in cases.items()}
               for name, cases in results.items()}
    folder = ROOT / "bench/results"
    folder.mkdir(exist_ok=True)
    (folder / "udf.json").write_text(json.dumps({"rounds": ROUNDS, "medians": medians,
                                                 "all": results}, indent=1))
    print("| contender | int ns/row | text ns/row | table ms (1 M rows) |\n|---|---|---|---|")
    for name, cases in medians.items():
        print(f"| {name} |", " | ".join(str(cases.get(c, "–")) for c in ("int", "text", "table")), "|")


if __name__ == "__main__":
    main()
