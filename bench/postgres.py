"""PostgreSQL: reading and writing 8 columns against psql's binary COPY and DuckDB's own extension.

The rows make a round trip, source -> sqlflow -> target, and source and target must be the same
multiset by the server's own hash. The server is the tests': private, on a free port, without fsync.
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration/postgres"))

from pgserver import ADMIN, BINARIES, PASSWORD, Server  # noqa: E402

ROWS = int(os.environ.get("PG_ROWS", 5_000_000))
EXTENSION = ROOT / "third_party/duckdb/extensions/postgres_scanner.duckdb_extension"
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "16GB", "checkpoint_timeout": "1h", "autovacuum": "off",
            "synchronous_commit": "off", "timezone": "UTC"}
COLUMNS = ("id integer, big bigint, amount numeric(12,2), price double precision, name text, at timestamp, "
           "day date, flag boolean")
SOURCE = f"""CREATE TABLE source ({COLUMNS});
INSERT INTO source SELECT i, i * 7919::bigint, (i % 1000000) * 1.25, i % 99991 * 0.01,
    CASE WHEN i % 100 > 0 THEN 'name_' || i % 50000 END, timestamp '2024-01-01' + i % 1000000 * interval '1 second',
    date '2024-01-01' + i % 700, i % 3 = 0
    FROM generate_series(1, {ROWS}) i;
VACUUM (FREEZE, ANALYZE) source; CHECKPOINT"""
DIGEST = "SELECT count(*) || ' ' || sum(hash_record_extended(t, 0)::numeric) FROM {} t"
PIPELINES = {"read": 'SOURCE s FROM \'pg\' OPTIONS {"table": "source"}; LOAD t FROM s;',
             "write": "EXPORT t TO pg.target;"}
PROFILE = "connections:\n  pg: { type: postgres }  # PG* variables tell the rest, to all\n"


def compare(bench, folder, server):
    def recreate(create=""):
        return lambda: server.sql(f"DROP TABLE IF EXISTS target; {create}; CHECKPOINT")

    def same():
        rows = [server.value(DIGEST.format(table)) for table in ("source", "target")]
        if rows[0] != rows[1]:
            raise RuntimeError(f"the rows differ: {rows}")

    def psql(command):
        return ["psql", "-Xqc", command]

    def extension(sql):
        if not EXTENSION.exists():
            raise bench.Skip("DuckDB's postgres extension is not there: tools/bootstrap --dev")
        return bench.duckdb_cli(f"LOAD '{EXTENSION}'; ATTACH '' AS pg (TYPE postgres); {sql}")

    size = f"{ROWS:,} × 8"
    read, write = ([bench.SQLFLOW, "-q", "run", name] for name in PIPELINES)
    ours, theirs, binary = bench.fresh(folder, "w"), bench.fresh(folder, "c"), folder / "data/source.bin"
    yield bench.pairs(f"PostgreSQL → table, {size} / psql COPY binary", read,
                      psql("COPY source TO STDOUT (FORMAT binary)"), folder, ours)
    subprocess.run(psql(f"\\copy source TO '{binary}' (FORMAT binary)"), check=True)
    yield bench.pairs(f"table → PostgreSQL, {size} / psql \\copy binary", write,
                      psql(f"\\copy target FROM '{binary}' (FORMAT binary)"), folder, recreate(),
                      recreate(f"CREATE TABLE target ({COLUMNS})"))
    recreate()()
    subprocess.run(write, cwd=folder, check=True)
    same()
    yield bench.pairs(f"PostgreSQL → table, {size} / DuckDB's postgres extension", read,
                      extension("CREATE TABLE t AS FROM pg.source; CHECKPOINT db"), folder, ours, theirs)
    bench.same_rows(folder, "t")
    yield bench.pairs(f"table → PostgreSQL, {size} / DuckDB's postgres extension", write,
                      extension("CREATE TABLE pg.target AS FROM t"), folder, recreate(), recreate())
    same()


def figures(bench, folder):
    if not (BINARIES / "initdb").exists():
        raise bench.Skip("PostgreSQL 15 is not installed (tools/bootstrap --test)")
    bench.project(folder, **PIPELINES)
    server = Server(**SETTINGS).start()
    before = dict(os.environ)
    try:
        os.environ.update(PGHOST="127.0.0.1", PGPORT=str(server.port), PGUSER=ADMIN, PGPASSWORD=PASSWORD,
                          PGDATABASE="postgres")
        with open(folder / "profiles/dev.yml", "a") as profile:
            profile.write(PROFILE)
        server.sql(SOURCE)
        yield from compare(bench, folder, server)
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.remove()
