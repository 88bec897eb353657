"""Every type with its extremes: exact on the way in and back, or an error that names the place."""
import pytest

# type, values (as PostgreSQL literals), DuckDB's type
TYPES = [
    ("boolean", ["true", "false"], "BOOLEAN"),
    ("smallint", ["-32768", "32767"], "SMALLINT"),
    ("integer", ["-2147483648", "2147483647"], "INTEGER"),
    ("bigint", ["-9223372036854775808", "9223372036854775807"], "BIGINT"),
    ("oid", ["0", "4294967295"], "BIGINT"),
    ("real", ["3.4028235e38", "1e-45", "'NaN'", "'-Infinity'", "0.1"], "FLOAT"),
    ("double precision", ["1.7976931348623157e308", "5e-324", "'NaN'", "'Infinity'", "0.1"], "DOUBLE"),
    ("numeric(4,2)", ["99.99", "-99.99", "0"], "DECIMAL(4,2)"),
    ("numeric(9,9)", ["0.999999999", "-0.000000001"], "DECIMAL(9,9)"),
    ("numeric(18,0)", ["999999999999999999"], "DECIMAL(18,0)"),
    ("numeric(38,10)", ["9999999999999999999999999999.9999999999", "-0.0000000001"], "DECIMAL(38,10)"),
    ("numeric(3,-2)", ["99900", "-99900"], "DECIMAL(5,0)"),
    ("numeric(2,5)", ["0.00099"], "DECIMAL(5,5)"),
    ("numeric", ["1e100", "-0.00000000000000000000000001", "'NaN'", "1.50"], "VARCHAR"),
    ("numeric(40,2)", ["12345678901234567890123456789012345678.25"], "VARCHAR"),
    ("text", ["''", "'häß 日本 😀'", "repeat('z', 100)"], "VARCHAR"),
    ("varchar(10)", ["'0123456789'", "'ü'"], "VARCHAR"),
    ("char(5)", ["'ab'"], "VARCHAR"),
    ("name", ["'some_name'"], "VARCHAR"),
    ("bytea", ["'\\x'", "'\\x00ff00'", "'\\xdeadbeefdeadbeefdeadbeefdeadbeef'"], "BLOB"),
    ("date", ["'4713-01-01 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'", "'1970-01-01'"], "DATE"),
    ("time", ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"], "TIME"),
    ("timetz", ["'00:00:00+15:59:59'", "'24:00:00-15:59:59'", "'12:00:00.5+05:30'"], "TIME WITH TIME ZONE"),
    ("timestamp", ["'4713-01-01 00:00:00 BC'", "'294246-12-31 23:59:59.999999'", "'infinity'",
                   "'-infinity'", "'1999-12-31 23:59:59.999999'"], "TIMESTAMP"),
    ("timestamptz", ["'4713-01-01 00:00:00+00 BC'", "'294246-12-31 23:59:59.999999+00'", "'infinity'",
                     "'2024-03-10 02:30:00-05'"], "TIMESTAMP WITH TIME ZONE"),
    ("interval", ["'178000000 years'", "'-178000000 years'", "'1 mon -1 day 00:00:00.000001'"], "INTERVAL"),
    ("uuid", ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"], "UUID"),
    ("json", ["'{\"a\" : 1, \"a\":2}'", "'null'"], "JSON"),
    ("jsonb", ["'{\"a\": [1, 2]}'", "'null'"], "JSON"),
    ("mood", ["'sad'", "'happy'"], "VARCHAR"),
    ("inet", ["'1.2.3.4'", "'1.2.3.4/24'", "'::1'", "'2001:db8::/32'"], "VARCHAR"),
    ("cidr", ["'10.0.0.0/8'", "'2001:db8::/32'", "'1.2.3.4/32'"], "VARCHAR"),
    ("macaddr", ["'08:00:2b:01:02:03'"], "VARCHAR"),
    ("macaddr8", ["'08:00:2b:01:02:03:04:05'"], "VARCHAR"),
    ("integer[]", ["'{1,NULL,3}'", "'{}'"], "INTEGER[]"),
    ("integer[][]", ["'{{1,2},{3,NULL}}'", "'{}'"], "INTEGER[][]"),
    ("text[]", ["'{a,\"b c\",NULL}'"], "VARCHAR[]"),
    ("numeric(10,2)[]", ["'{1.50,-99999999.99}'"], "DECIMAL(10,2)[]"),
    ("timestamptz[]", ["'{infinity,2020-01-01 00:00:00+00}'"], "TIMESTAMP WITH TIME ZONE[]"),
    ("mood[]", ["'{sad,NULL}'"], "VARCHAR[]"),
    ("uuid[]", ["'{ffffffff-ffff-ffff-ffff-ffffffffffff}'"], "UUID[]"),
    ("positive", ["1", "2147483647"], "INTEGER"),
    ("short_text", ["'abc'"], "VARCHAR"),
    ("point", ["'(1,2)'"], "VARCHAR"),
    ("int4range", ["'[1,10)'"], "VARCHAR"),
    ("bit(3)", ["B'101'"], "VARCHAR"),
    ("xml", ["'<a>1</a>'"], "VARCHAR"),
    ("tsvector", ["'fat cat'"], "VARCHAR"),
]


@pytest.fixture
def schema(database):
    database.sql("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
                 "CREATE DOMAIN short_text AS varchar(5)")


def test_round_trip_of_every_type(pg, database, schema):
    """All types in one table, each value in its own row, NULLs elsewhere; there and back again."""
    names = [f"c{i}" for i in range(len(TYPES))]
    columns = ", ".join(f"{n} {t}" for n, (t, _, _) in zip(names, TYPES))
    database.sql(f"CREATE TABLE a (k serial, {columns}); CREATE TABLE b (LIKE a)")
    database.sql("".join(f"INSERT INTO a ({n}) VALUES (CAST({v} AS {t}));"
                         for n, (t, values, _) in zip(names, TYPES) for v in values))
    document = pg.run('SOURCE s FROM \'pg\' OPTIONS {"table": "a"}; LOAD t FROM s; EXPORT t TO pg.b;')
    assert document["exports"][0]["status"] == "done"
    found = dict(pg.sql("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 't'"))
    assert [found[n] for n in names] == [duck for _, _, duck in TYPES]
    differences = database.sql(
        "SELECT a.k, a::text, b::text FROM a FULL JOIN b USING (k) WHERE a::text IS DISTINCT FROM b::text")
    assert differences == []
    warned = [w["message"] for w in document["warnings"] if w["code"] == "SF0808"]
    assert len(warned) == 1 and "point" in warned[0] and "tsvector" in warned[0]


def test_round_trip_into_a_new_table(pg, database, schema):
    """A table that the export makes has types that hold every value of the native ones."""
    native = [t for t in TYPES if t[2] not in ("VARCHAR", "VARCHAR[]") and t[0] not in ("jsonb",)]
    names = [f"c{i}" for i in range(len(native))]
    columns = ", ".join(f"{n} {t}" for n, (t, _, _) in zip(names, native))
    database.sql(f"CREATE TABLE a (k int, {columns})")
    database.sql("".join(f"INSERT INTO a (k, {n}) VALUES ({i}, CAST({v} AS {t}));"
                         for n, (t, values, _) in zip(names, native) for i, v in enumerate(values)))
    pg.run('SOURCE s FROM \'pg\' OPTIONS {"table": "a"}; LOAD t FROM s; EXPORT t TO pg.made;')
    lists = ", ".join(f"{n}::text" for n in names)
    assert database.sql(f"SELECT k, {lists} FROM a EXCEPT ALL SELECT k, {lists} FROM made") == []
    assert database.value("SELECT count(*) FROM made") == database.value("SELECT count(*) FROM a")


@pytest.mark.parametrize("kind, value, words", [
    ("numeric(5,2)", "'NaN'", ["column 'v'", "row 3", "NaN"]),
    ("timestamp", "'294276-12-31 23:59:59'", ["column 'v'", "row 3", "294247-01-10"]),
    ("timestamptz", "'294276-12-31 23:59:59+00'", ["column 'v'", "row 3"]),
    ("int[]", "'{{1,2},{3,4}}'", ["column 'v'", "row 3", "2 dimensions, 1 are declared"]),
    ("int[]", "'[0:1]={1,2}'", ["column 'v'", "row 3", "subscripts"]),
])
def test_values_without_counterpart(pg, database, kind, value, words):
    database.sql(f"CREATE TABLE bad (id int, v {kind}); INSERT INTO bad VALUES (1, NULL), (2, NULL), (3, {value})")
    error = pg.fail('SOURCE s FROM \'pg\' OPTIONS {"table": "bad"}; LOAD t FROM s;')
    assert error["code"] == "SF0805"
    for word in ["table public.bad", *words]:
        assert word in error["message"]
    assert not pg.has_table("t")


def test_bad_value_in_a_parallel_scan_names_its_blocks(pg, database):
    database.sql("CREATE TABLE big AS SELECT g AS id, repeat('x', 300) AS pad, 1::numeric(5,2) AS v FROM "
                 "generate_series(1, 100000) g; INSERT INTO big VALUES (0, '', 'NaN')")
    error = pg.fail('SOURCE s FROM \'pg\' OPTIONS {"table": "big"}; LOAD t FROM s;')
    assert "table public.big" in error["message"] and "column 'v'" in error["message"]


@pytest.mark.parametrize("numeric_as, kind", [("varchar", "VARCHAR"), ("double", "DOUBLE")])
def test_numeric_as(pg, database, numeric_as, kind):
    database.sql("CREATE TABLE n AS SELECT 1.25::numeric AS v")
    pg.run(f'SOURCE s FROM \'pg\' OPTIONS {{"table": "n", "numeric_as": "{numeric_as}"}}; LOAD t FROM s;')
    assert pg.sql("SELECT typeof(v), v::VARCHAR FROM t") == [(kind, "1.25")]


def test_numeric_as_error(pg, database):
    database.sql("CREATE TABLE n AS SELECT 1.25::numeric AS v")
    error = pg.fail('SOURCE s FROM \'pg\' OPTIONS {"table": "n", "numeric_as": "error"}; LOAD t FROM s;')
    assert "column 'v'" in error["message"] and "varchar" in error["hint"]


def test_invalid_text_of_a_database_without_encoding(pg, server, database):
    """Its server checks nothing when it stores, but does when it sends."""
    server.sql("CREATE DATABASE ascii ENCODING SQL_ASCII LOCALE 'C' TEMPLATE template0")
    try:
        server.sql("CREATE TABLE a AS SELECT 1 AS id, 'ok' AS v UNION ALL SELECT 2, E'\\xff\\xfe'", database="ascii")
        pg.connect(database, dbname="ascii")
        error = pg.fail('SOURCE s FROM \'pg\' OPTIONS {"table": "a"}; LOAD t FROM s;')
        assert error["code"] == "SF0805" and "table public.a" in error["message"] and "UTF8" in error["message"]
    finally:
        server.sql("DROP DATABASE ascii WITH (FORCE)")


def test_other_encodings_are_converted(pg, server, database):
    server.sql("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    try:
        server.sql("CREATE TABLE a AS SELECT 'äöü' AS v", database="latin")
        pg.connect(database, dbname="latin")
        pg.run('SOURCE s FROM \'pg\' OPTIONS {"table": "a"}; LOAD t FROM s;')
        assert pg.table("t") == [("äöü",)]
    finally:
        server.sql("DROP DATABASE latin WITH (FORCE)")
