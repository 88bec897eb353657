"""Reading tables and queries: what arrives is what is there."""
import json

import pytest

from harness import PATIENCE


def load(pg, options, more="", code=0):
    return pg.run(f"SOURCE s FROM 'pg' OPTIONS {options};\nLOAD t FROM s;\n{more}", code=code)


def test_table(pg, database):
    database.sql("CREATE TABLE orders AS SELECT g AS id, 'n' || g AS name FROM generate_series(1, 5000) g")
    load(pg, '{"table": "orders"}')
    assert pg.sql("SELECT count(*), sum(id), max(name) FROM t") == [(5000, 12502500, "n999")]


def test_qualified_table_and_schema(pg, database):
    database.sql('CREATE SCHEMA "Odd Schema"; CREATE TABLE "Odd Schema"."T.x" AS SELECT 1 AS "A b"')
    load(pg, '{"schema": "Odd Schema", "table": "T.x"}')
    assert pg.sql('SELECT "A b" FROM t') == [(1,)]
    load(pg, '{"table": "Odd Schema.T.x"}')
    assert pg.sql('SELECT "A b" FROM t') == [(1,)]


@pytest.mark.parametrize("name", ['"Odd"."T.""x"', 'Odd."T.""x"', "Public.Plain", "PLAIN", '"plain"'])
def test_names_as_sql_writes_them(pg, database, name):
    database.sql('CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."T.""x" AS SELECT 1 AS a; CREATE TABLE plain AS SELECT 1 AS a')
    load(pg, json.dumps({"table": name}))
    assert pg.table("t") == [(1,)]


def test_a_quoted_name_keeps_its_capitals(pg, database):
    database.sql("CREATE TABLE plain AS SELECT 1 AS a")
    assert "no table" in pg.fail("""SOURCE s FROM 'pg' OPTIONS {'table': '"PLAIN"'}; LOAD t FROM s;""", code=3)["message"]


def test_vectors_of_the_catalog_are_text(pg, database):
    database.sql("CREATE TABLE a AS SELECT '1 2'::int2vector AS v, '3 4'::oidvector AS o")
    load(pg, '{"table": "a"}')
    assert pg.table("t") == [("1 2", "3 4")]


def test_query_where_columns(pg, database):
    database.sql("CREATE TABLE a AS SELECT g AS id, g * 2 AS v, 'x' AS w FROM generate_series(1, 10) g")
    load(pg, '{"query": "SELECT id, v FROM a WHERE id > 7; -- the last three\\n"}')
    assert pg.table("t") == [(8, 16), (9, 18), (10, 20)]
    load(pg, '{"table": "a", "where": "id < 3 OR id = 9 -- not all", "columns": ["v", "id"]}')
    assert pg.table("t") == [(2, 1), (4, 2), (18, 9)]


@pytest.mark.parametrize("make", [
    "CREATE VIEW r AS SELECT * FROM base",
    "CREATE MATERIALIZED VIEW r AS SELECT * FROM base",
    "CREATE TABLE r (id int, v text) PARTITION BY RANGE (id); CREATE TABLE r1 PARTITION OF r FOR "
    "VALUES FROM (0) TO (50); CREATE TABLE r2 PARTITION OF r DEFAULT; INSERT INTO r TABLE base",
    "CREATE TABLE r () INHERITS (base); ALTER TABLE r RENAME TO child; ALTER TABLE base RENAME TO r",
    "CREATE TABLE r (LIKE base); INSERT INTO r TABLE base",
])
def test_kinds_of_relations(pg, database, make):
    database.sql("CREATE TABLE base AS SELECT g AS id, 'v' || g AS v FROM generate_series(1, 100) g;" + make)
    load(pg, '{"table": "r"}')
    assert pg.sql("SELECT count(*), sum(id) FROM t") == [(100, 5050)]


def test_empty_table(pg, database):
    database.sql("CREATE TABLE e (id int, v numeric(5,1)[])")
    load(pg, '{"table": "e"}')
    assert pg.table("t") == []
    assert pg.sql("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 't'") == \
        [("id", "INTEGER"), ("v", "DECIMAL(5,1)[]")]


def test_wide_table(pg, database):
    columns = ", ".join(f"c{i} int" for i in range(1600))
    database.sql(f"CREATE TABLE wide ({columns}); INSERT INTO wide (c0, c1599) VALUES (1, 2), (3, 4)")
    load(pg, '{"table": "wide"}')
    assert pg.sql("SELECT c0, c800, c1599 FROM t ORDER BY 1") == [(1, None, 2), (3, None, 4)]


def test_names_that_differ_only_in_case(pg, database):
    database.sql('CREATE TABLE c AS SELECT 1 AS id, 2 AS "Id", 3 AS other')
    error = load(pg, '{"table": "c"}', code=1)["error"]
    assert "'id' and 'Id'" in error["message"] and "columns" in error["hint"]
    load(pg, '{"table": "c", "columns": ["Id", "other"]}')
    assert pg.table("t") == [(2, 3)]


def test_parallel_scan_is_one_snapshot(pg, database):
    """Large enough to be split by blocks; updates during the read are seen wholly or not at all."""
    database.sql("CREATE TABLE big AS SELECT g AS id, repeat('x', 200) AS pad, 0 AS v FROM "
                 "generate_series(1, 120000) g; ALTER TABLE big SET (autovacuum_enabled = off)")
    with database.session() as other:
        process = pg_start(pg)
        for i in range(1, 6):
            other.run(f"BEGIN; UPDATE big SET v = {i} WHERE id % 3 = {i % 3}; "
                      "UPDATE big SET v = 0; COMMIT")
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, out + err
    assert pg.sql("SELECT count(*), count(DISTINCT id), sum(v) FROM t") == [(120000, 120000, 0)]


def pg_start(pg):
    pg.pipeline('SOURCE s FROM \'pg\' OPTIONS {"table": "big", "parallel": 4}; LOAD t FROM s;')
    return pg.start("run", "p")


@pytest.mark.parametrize("parallel", [1, 2, 7])
def test_split_reads_every_row_once(pg, database, parallel):
    database.sql("CREATE TABLE big AS SELECT g AS id, repeat('y', 300) AS pad FROM "
                 "generate_series(1, 100000) g; DELETE FROM big WHERE id % 10 = 0; VACUUM big")
    load(pg, f'{{"table": "big", "parallel": {parallel}}}')
    assert pg.sql("SELECT count(*), sum(id), count(DISTINCT id) FROM t") == [(90000, 4500000000, 90000)]


def test_long_values(pg, database):
    database.sql("CREATE TABLE l AS SELECT repeat('ä', 5000000) AS a, repeat('x', 20000000)::bytea AS b")
    load(pg, '{"table": "l"}')
    assert pg.sql("SELECT strlen(a), md5(a) = md5(repeat('ä', 5000000)), octet_length(b) FROM t") == \
        [(10000000, True, 20000000)]


def test_projection_reaches_the_server(pg, database):
    """A column that is not asked for is not computed."""
    database.sql("CREATE TABLE base AS SELECT 1 AS id; CREATE VIEW v AS SELECT id, 1 / (id - 1) AS bad FROM base")
    load(pg, '{"table": "v", "columns": ["id"]}')
    assert pg.table("t") == [(1,)]


def test_column_types(pg, database):
    database.sql("CREATE TABLE a AS SELECT g AS id, g::numeric AS n, g::float8 / 2 AS f FROM generate_series(1, 3) g")
    load(pg, '{"table": "a", "column_types": {"ID": "VARCHAR", "n": "decimal(10, 1)"}}')
    assert pg.sql("SELECT column_type FROM (DESCRIBE t)") == [("VARCHAR",), ("DECIMAL(10,1)",), ("DOUBLE",)]
    assert pg.sql("SELECT id FROM t ORDER BY id") == [("1",), ("2",), ("3",)]
    error = load(pg, '{"table": "a", "column_types": {"f": "INTEGER"}}', code=1)["error"]
    assert error["code"] == "SF0604" and "'f'" in error["message"]
    error = load(pg, '{"table": "a", "column_types": {"x": "INTEGER"}}', code=4)["error"]
    assert "'x'" in error["message"]
    error = load(pg, '{"table": "a", "sync_mode": "incremental", "cursor_field": "id", "primary_key": "id", '
                     '"column_types": {"id": "BIGINT"}}', code=4)["error"]
    assert "cursor" in error["message"]


def test_a_table_without_columns(pg, database):
    database.sql("CREATE TABLE a ()")
    assert "table public.a has no columns" in load(pg, '{"table": "a"}', code=1)["error"]["message"]
