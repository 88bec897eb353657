"""connect test, stage by stage, and connect discover."""
import json
import socket
import time

from pgserver import Database


def stages(result):
    return [line.split()[1] for line in result.out.splitlines() if line[:1] in "✓✗"]


def test_stages_of_a_good_connection(pg, database):
    result = pg.sf("connect", "test", "pg", "--write")
    assert stages(result) == ["connect", "tls", "authenticate", "database", "schema", "read", "write"]
    assert database.sql("SELECT relname FROM pg_class WHERE relname LIKE '%sqlflow%'") == []
    pg.connect(database, host="localhost")
    assert stages(pg.sf("connect", "test", "pg"))[0] == "resolve"


def test_stage_that_fails(pg, database):
    for options, stage in [({"password": "wrong-one"}, "authenticate"), ({"dbname": "gone"}, "database"),
                           ({"schema": "gone"}, "schema"), ({"port": 1}, "connect"),
                           ({"sslmode": "require"}, "tls"),
                           ({"host": "no-such-host.invalid", "connect_timeout": 5}, "resolve")]:
        pg.connect(database, **options)
        result = pg.sf("connect", "test", "pg", code=3)
        assert stages(result)[-1] == stage, (options, result)


def test_a_statements_connection_string_wins(pg, server, database):
    other = Database(server)
    try:
        database.sql("CREATE TABLE place AS SELECT 'here' AS name")
        other.sql("CREATE TABLE place AS SELECT 'there' AS name")
        source = "SOURCE s FROM 'pg' OPTIONS {table: 'place', %s}; LOAD t FROM s;"
        url = f"connection_string: 'postgresql://127.0.0.1:{server.port}/{other.name}'"
        pg.run(source % url)  # the user and the password are still the connection's
        assert pg.table("t") == [("there",)]
        pg.run(source % f"{url}, database: '{database.name}'")
        assert pg.table("t") == [("here",)]
    finally:
        server.sql(f"DROP DATABASE {other.name} WITH (FORCE)")


def test_timeout_seconds_bounds_the_login_too(pg, database):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pg.connect(database, port=silent.getsockname()[1], timeout_seconds=0.5)
        start = time.monotonic()
        pg.sf("connect", "test", "pg", code=3)
        assert time.monotonic() - start < 5


def test_write_without_permission(pg, database):
    database.sql("CREATE ROLE looker_l LOGIN PASSWORD 'x'")
    try:
        pg.connect(database, user="looker_l", password="x")
        pg.sf("connect", "test", "pg")
        result = pg.sf("connect", "test", "pg", "--write", code=3)
        assert stages(result)[-1] == "write" and "permission denied" in result.out + result.err
    finally:
        database.sql("DROP ROLE looker_l")


def test_discover(pg, database):
    database.sql("CREATE SCHEMA s; CREATE TABLE s.orders (id int PRIMARY KEY, total numeric(10,2), tags text[]); "
                 "INSERT INTO s.orders SELECT g, g, '{}' FROM generate_series(1, 500) g; ANALYZE s.orders; "
                 "CREATE VIEW s.recent AS SELECT id FROM s.orders; CREATE TABLE p (id int) PARTITION BY LIST (id); "
                 "CREATE TABLE p1 PARTITION OF p DEFAULT")
    text = pg.sf("connect", "discover", "pg").out
    for word in ("public.p", "s.orders", "500", "s.recent", "id INTEGER", "total DECIMAL(10,2)", "tags VARCHAR[]"):
        assert word in text
    assert "p1" not in text and "pg_class" not in text
    names = json.dumps(json.loads(pg.sf("connect", "discover", "pg", "--format", "json").out))
    assert "s.orders" in names
    database.sql("CREATE SCHEMA hollow")
    for schema, code in (("hollow", 0), ("hallow", 3)):
        pg.connect(database, schema=schema)
        assert ("no schema hallow" in pg.sf("connect", "discover", "pg", code=code).err) == (code == 3)


def test_a_port_that_is_none(pg, database):
    for options in ({"port": 99999}, {"host": None, "connection_string": "postgresql://h:port/x", "port": None}):
        pg.write("profiles/dev.yml", "connections:\n  pg: " + json.dumps(
            {"type": "postgres", "host": "127.0.0.1", **{k: v for k, v in options.items() if v}}))
        result = pg.sf("connect", "test", "pg", code=4)
        assert "is no port" in result.err and "profiles/dev.yml:2:" in result.err
