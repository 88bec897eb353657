"""Exports: one transaction, by name, into what is there; never twice, never half."""
import json

import pytest
from harness import wait_until

ROWS = "CREATE TABLE t AS SELECT i AS id, 'n' || i AS name FROM range(5) r(i);"


def export(pg, options="", source=ROWS, to="pg.out", code=0):
    return pg.run(f"{source}\nEXPORT t TO {to}{' OPTIONS ' + json.dumps(options) if options else ''};", code=code)


def test_creates_the_table(pg, database):
    document = export(pg)
    assert database.sql("SELECT * FROM out ORDER BY 1") == [[str(i), f"n{i}"] for i in range(5)]
    [[export_id, pipeline, run_id, rows, when]] = database.sql(
        "SELECT export_id, pipeline, run_id, rows, published_at > now() - interval '1 min' FROM _sqlflow_exports")
    assert (pipeline, run_id, rows, when) == ("p", document["run_id"], "5", "t")
    assert (document["exports"][0]["rows"], document["exports"][0]["status"]) == (5, "done")


def test_replace_keeps_what_hangs_on_the_table(pg, database):
    database.sql("CREATE ROLE reader_p; CREATE TABLE out (id bigint PRIMARY KEY, name text, extra int DEFAULT 7);"
                 "CREATE VIEW above AS SELECT * FROM out; GRANT SELECT ON out TO reader_p;"
                 "CREATE INDEX by_name ON out (name); INSERT INTO out VALUES (99, 'old')")
    try:
        oid = database.value("SELECT 'out'::regclass::oid")
        export(pg)
        assert database.value("SELECT 'out'::regclass::oid") == oid
        assert database.sql("SELECT id, name, extra FROM above ORDER BY 1") == \
            [[str(i), f"n{i}", "7"] for i in range(5)]
        assert database.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'out'") == "2"
        assert database.value("SELECT has_table_privilege('reader_p', 'out', 'SELECT')") == "t"
    finally:
        database.sql("DROP OWNED BY reader_p; DROP ROLE reader_p")


def test_readers_keep_their_snapshot(pg, database):
    database.sql("CREATE TABLE out (id bigint, name text); INSERT INTO out VALUES (1, 'old')")
    with database.session() as reader:
        reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM out")
        export(pg)
        assert reader.run("SELECT name FROM out") == ["old"]
        reader.run("COMMIT")
        assert reader.run("SELECT count(*) FROM out") == ["5"]


def test_append(pg, database):
    database.sql("CREATE TABLE out (name varchar(20), id int)")
    export(pg, {"mode": "append"})
    export(pg, {"mode": "append"})
    assert database.sql("SELECT count(*), count(DISTINCT id) FROM out") == [["10", "5"]]


@pytest.mark.parametrize("ddl", ["CREATE TABLE out (id int, name text, kept text)",
                                 "CREATE TABLE out (id int PRIMARY KEY, name text, kept text)"])
def test_upsert_keeps_other_columns(pg, database, ddl):
    database.sql(f"{ddl}; INSERT INTO out VALUES (1, 'old', 'k1'), (77, 'mine', 'k77')")
    export(pg, {"mode": "upsert", "upsert_keys": ["ID"]})
    assert database.sql("SELECT * FROM out WHERE id IN (0, 1, 77) ORDER BY id") == \
        [["0", "n0", None], ["1", "n1", "k1"], ["77", "mine", "k77"]]
    assert database.value("SELECT count(*) FROM out") == "6"


def test_upsert_on_two_keys(pg, database):
    database.sql("CREATE TABLE out (a int, b text, v int); INSERT INTO out VALUES (1, 'x', 0), (1, 'y', 0)")
    export(pg, {"mode": "upsert", "upsert_keys": ["a", "b"]},
           source="CREATE TABLE t AS SELECT * FROM (VALUES (1, 'x', 5), (2, 'x', 6)) v(a, b, v);")
    assert database.sql("SELECT * FROM out ORDER BY 1, 2") == [["1", "x", "5"], ["1", "y", "0"], ["2", "x", "6"]]


@pytest.mark.parametrize("rows, words", [("(NULL, 1), (2, 2)", "NULL in the upsert key"),
                                         ("(2, 1), (2, 2)", "more than one exported row")])
def test_upsert_keys_must_be_keys(pg, database, rows, words):
    database.sql("CREATE TABLE out (id int, v int); INSERT INTO out VALUES (5, 5)")
    document = export(pg, {"mode": "upsert", "upsert_keys": ["id"]},
                      source=f"CREATE TABLE t AS SELECT * FROM (VALUES {rows}) v(id, v);", code=1)
    assert words in document["error"]["message"]
    assert database.sql("SELECT * FROM out") == [["5", "5"]]


@pytest.mark.parametrize("kind, keys", [("int", "('1'), ('01')"), ("char(3)", "('a'), ('a ')"), ("uuid", """
    ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')""")])
def test_upsert_keys_are_compared_as_the_table_stores_them(pg, database, kind, keys):
    database.sql(f"CREATE TABLE out (id {kind})")
    document = export(pg, {"mode": "upsert", "upsert_keys": ["id"]},
                      source=f"CREATE TABLE t AS SELECT * FROM (VALUES {keys}) v(id);", code=1)
    assert "more than one exported row" in document["error"]["message"]
    assert database.sql("SELECT * FROM out") == []


@pytest.mark.parametrize("keys, error", [
    ("", "mode upsert needs 'upsert_keys'"), (', "upsert_keys": []', "a name or a list of names, not an empty list"),
    (', "upsert_keys": 5', "a name or a list of names, not 5"), (', "upsert_keys": "idd"', "'idd', which is no column")])
def test_upsert_without_keys_is_found_before_the_run(pg, database, keys, error):
    pg.pipeline(ROWS + 'EXPORT t TO pg.out OPTIONS {"mode": "upsert"%s};' % keys)
    result = pg.sf("run", "p", code=4)
    assert error in result.err
    assert database.value("SELECT to_regclass('out')") is None


@pytest.mark.parametrize("kind, value, wrong", [
    ("int", "1.5", "1.5"), ("int", "3000000000", "public.out, column 'v': "), ("date", "TIMESTAMP '2020-01-01 10:00:00'", "10:00:00"),
    ("numeric(5,1)", "1.25", "1.25"), ("varchar(3)", "'toolong'", "public.out, column 'v', row 1: a text of 7"), ("real", "0.1::DOUBLE", "0.1"),
    ("timestamp(0)", "TIMESTAMP '2020-01-01 00:00:00.5'", "00.5"), ("int", "'x'", "column 'v': "), ("char(2)", "'abc'", "3 characters"),
    ("timestamp", "'2026-01-01T10:00:00+02:00'", "+02:00"), ("time", "'10:00:00.1234567'", ".1234567"), ("date", "'2026-01-01 00+02'", "+02"),
    ("double precision", "'9007199254740993'", "993"), ("real[]", "['0.123456789']", "456789"), ("bit(3)", "'10111'", "10111"),
    ("name", "repeat('x', 64)", "xxx"), ('"char"', "'ab'", "ab"),
])
def test_values_that_would_change_are_refused(pg, database, kind, value, wrong):
    database.sql(f"CREATE TABLE out (id int, v {kind}); INSERT INTO out VALUES (-1, NULL)")
    document = export(pg, source=f"CREATE TABLE t AS SELECT 1 AS id, {value} AS v;", code=1)
    assert wrong in document["error"]["message"]
    assert document["exports"][0]["status"] == "pending"
    assert database.sql("SELECT id FROM out") == [["-1"]]
    assert database.value("SELECT to_regclass('_sqlflow_exports')") is None


@pytest.mark.parametrize("kind, value, text", [
    ("bigint", "5::SMALLINT", "5"), ("numeric", "1.50::DECIMAL(5,2)", "1.50"), ("numeric(9,3)", "1.50::DECIMAL(5,2)", "1.500"),
    ("double precision", "1.5::FLOAT", "1.5"), ("int", "5::BIGINT", "5"), ("int", "'07'", "7"), ("text", "42", "42"),
    ("jsonb", "{'b': 1, 'a': [1]}", '{"a": [1], "b": 1}'), ("date", "'2020-02-29'", "2020-02-29"), ("boolean", "'yes'", "t"),
    ("timestamptz", "TIMESTAMP '2020-01-01 00:00:00'", "2020-01-01 00:00:00+00"), ("smallint[]", "[1, 2]", "{1,2}"),
    ("text[]", "['a', NULL]", "{a,NULL}"), ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("inet", "'10.0.0.1'", "10.0.0.1"), ("numeric(20,0)", "18446744073709551615::UBIGINT", "18446744073709551615"),
    ("numeric", "170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
    ("char(5)", "'ab'", "ab   "), ("varchar(3)", "'äöü'", "äöü"), ("int[][]", "[[1, 2], [3, 4]]", "{{1,2},{3,4}}"),
    ("numeric", "0.30000000000000004::DOUBLE", "0.30000000000000004"), ("numeric[]", "[0.1::FLOAT]", "{0.1}"),
    ("double precision", "12345678901234.56::DECIMAL(18,2)", "12345678901234.56"), ("char(3)[]", "['a  ']", '{"a  "}'),
    ("interval", "INTERVAL '1 day'", "1 day"), ("bytea", "'\\x00A'::BLOB", "\\x0041"),
])
def test_casts_to_the_columns_type(pg, database, kind, value, text):
    database.sql(f"CREATE TABLE out (v {kind})")
    export(pg, source=f"CREATE TABLE t AS SELECT {value} AS v;")
    assert database.sql("SELECT v FROM out") == [[text]]


def test_unknown_column(pg, database):
    database.sql("CREATE TABLE out (id int, nam text)")
    document = export(pg, code=3)
    assert "no column 'name' (did you mean 'nam'?)" in document["error"]["message"]


def test_a_pending_export_tells_how_to_give_it_up(pg, database):
    database.sql("CREATE TABLE out (id int, nam text)")
    export(pg, code=3)
    hint = pg.fail("CREATE TABLE other AS SELECT 1 AS x;", name="q", code=3)["hint"]
    assert "its columns are: id, nam; " in hint
    pg.sf("state", "discard", hint.split()[-1])
    pg.run(name="q")


def test_a_connection_in_quotes_is_told(pg, database):
    error = pg.fail(ROWS + "EXPORT t TO 'pg.public.out';", code=4)
    assert "without quotes: TO pg.public.out" in error["hint"]


def test_create_table_false(pg, database):
    document = export(pg, {"create_table": False}, code=3)
    assert "no table" in document["error"]["message"]
    assert document["status"] == "pending"


def test_missing_schema(pg, database):
    document = export(pg, to="pg.nowhere.out", code=3)
    assert "no schema nowhere" in document["error"]["message"]


def test_schema_option_and_odd_names(pg, database):
    database.sql('CREATE SCHEMA "My Schema"')
    export(pg, to='pg."My Schema"."a ""b"""')
    assert database.value('SELECT count(*) FROM "My Schema"."a ""b"""') == "5"
    assert database.value('SELECT count(*) FROM "My Schema"._sqlflow_exports') == "1"


def test_pending_export_is_published_by_the_next_run(pg, database):
    database.sql("CREATE TABLE out (id int CHECK (id < 3), name text)")
    document = export(pg, code=1)
    assert document["status"] == "pending" and "check constraint" in document["error"]["message"]
    assert database.sql("SELECT * FROM out") == []
    assert "state discard" in pg.fail("CREATE TABLE other AS SELECT 1 AS x;", name="q")["hint"]
    database.sql("ALTER TABLE out DROP CONSTRAINT out_id_check")
    pg.run("CREATE TABLE other AS SELECT 1 AS x;", name="q")
    assert database.value("SELECT count(*) FROM out") == "5"
    assert database.value("SELECT count(*) FROM _sqlflow_exports") == "1"


TABLE = "CREATE TABLE out (id bigint PRIMARY KEY, name text);"
REFER = "CREATE TABLE notes (id bigint REFERENCES {} ON DELETE {});"


@pytest.mark.parametrize("tables", [
    TABLE + REFER.format("out", "CASCADE"), TABLE + REFER.format("out", "SET NULL"),
    TABLE + "CREATE TABLE notes () INHERITS (out);",
    "CREATE TABLE base (id bigint PRIMARY KEY, name text); CREATE VIEW out AS TABLE base;" + REFER.format("base", "CASCADE"),
    "CREATE TABLE out (id bigint PRIMARY KEY, name text) PARTITION BY LIST (id);"
    "CREATE TABLE part PARTITION OF out DEFAULT;" + REFER.format("part", "CASCADE"),
])
def test_replace_takes_no_rows_of_other_tables_away(pg, database, tables):
    database.sql(f"{tables} INSERT INTO out VALUES (1, 'old')")
    export(pg)
    database.sql("INSERT INTO notes VALUES (1)")
    error = export(pg, code=1)["error"]
    assert "public.notes" in error["message"] and "mode upsert" in error["hint"]
    assert database.sql("SELECT id FROM notes") == [["1"]]
    pg.sf("state", "discard", *pg.sql("SELECT export_id FROM _sqlflow.exports WHERE status = 'pending'")[0])
    export(pg, {"mode": "upsert", "upsert_keys": ["id"]})
    assert database.sql("SELECT id FROM notes") == [["1"]]


def test_replace_of_rows_that_the_server_keeps(pg, database):
    database.sql(TABLE + """INSERT INTO out VALUES (9, 'kept');
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER keep BEFORE DELETE ON out FOR EACH ROW EXECUTE FUNCTION keep()""")
    error = export(pg, code=1)["error"]
    assert "the server keeps rows" in error["message"] and "triggers" in error["hint"]
    assert database.sql("SELECT * FROM out") == [["9", "kept"]]


@pytest.mark.parametrize("to, source", [("pg." + "t" * 64, ROWS),
                                        ("pg.out", f"CREATE TABLE t AS SELECT 1 AS {'ü' * 32};")])
def test_names_that_the_server_would_cut(pg, database, to, source):
    document = export(pg, to=to, source=source, code=1)
    assert "has 64 bytes, more than PostgreSQL's 63" in document["error"]["message"]
    assert database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


@pytest.mark.parametrize("options, code", [({"table": "other"}, 4), ({"table": "out"}, 0), ({"table": "public.out"}, 0)])
def test_a_table_that_is_named_twice(pg, database, options, code):
    pg.pipeline(f"{ROWS}\nEXPORT t TO pg.out OPTIONS {json.dumps(options)};")
    result = pg.sf("run", "p", code=code)
    assert ("names the table 'out' already" in result.err) == (code > 0)


def test_triggers_rules_views_and_partitions(pg, database):
    database.sql("""
        CREATE TABLE base (id int, name text, seen bool DEFAULT false);
        CREATE VIEW out AS SELECT id, name FROM base WHERE id >= 0;
        CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN NEW.seen := true; RETURN NEW; END';
        CREATE TRIGGER mark BEFORE INSERT ON base FOR EACH ROW EXECUTE FUNCTION mark();
        CREATE TABLE parts (id int, name text) PARTITION BY LIST (id);
        CREATE TABLE p1 PARTITION OF parts FOR VALUES IN (0, 1);
        CREATE TABLE p2 PARTITION OF parts DEFAULT""")
    export(pg)
    assert database.sql("SELECT count(*), bool_and(seen) FROM base") == [["5", "t"]]
    export(pg, to="pg.parts")
    assert database.sql("SELECT (SELECT count(*) FROM p1), (SELECT count(*) FROM p2)") == [["2", "3"]]


DROP_ROW = """CREATE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS
                  'BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END';
              CREATE TRIGGER drop_row BEFORE {} ON out FOR EACH ROW EXECUTE FUNCTION drop_row();
              INSERT INTO out VALUES (7, 'old')"""


@pytest.mark.parametrize("kind", ["bigint", "int"])  # COPY into the table, or through a stage
@pytest.mark.parametrize("mode", ["replace", "append", "upsert"])
def test_rows_that_a_trigger_drops(pg, database, kind, mode):
    database.sql(f"CREATE TABLE out (id {kind}, name text); {DROP_ROW.format('INSERT')}")
    options = {"mode": mode, **({"upsert_keys": ["id"]} if mode == "upsert" else {})}
    error = export(pg, options, code=1)["error"]
    assert "wrote 4 of 5 rows" in error["message"] and "triggers" in error["hint"]
    assert database.sql("SELECT * FROM out") == [["7", "old"]]
    assert database.value("SELECT to_regclass('_sqlflow_exports')") is None


def test_updates_that_a_trigger_drops(pg, database):
    database.sql(f"CREATE TABLE out (id int, name text); {DROP_ROW.format('UPDATE')}, (2, 'two')")
    error = export(pg, {"mode": "upsert", "upsert_keys": ["id"]}, code=1)["error"]
    assert "wrote 4 of 5 rows" in error["message"]
    assert database.value("SELECT count(*) FROM out") == "2"


def test_upsert_of_keys_alone(pg, database):
    database.sql("CREATE TABLE out (id int); INSERT INTO out VALUES (1), (77)")
    export(pg, {"mode": "upsert", "upsert_keys": ["id"]}, source="CREATE TABLE t AS SELECT i AS id FROM range(3) r(i);")
    assert database.sql("SELECT id FROM out ORDER BY 1") == [["0"], ["1"], ["2"], ["77"]]


def test_identity_and_generated_columns(pg, database):
    database.sql("CREATE TABLE out (id int GENERATED ALWAYS AS IDENTITY, name text, "
                 "loud text GENERATED ALWAYS AS (upper(name)) STORED)")
    export(pg)
    assert database.sql("SELECT * FROM out WHERE id = 3") == [["3", "n3", "N3"]]


def test_empty_result(pg, database):
    export(pg, source="CREATE TABLE t AS SELECT 1 AS id WHERE false;")
    assert database.value("SELECT count(*) FROM out") == "0"
    database.sql("INSERT INTO out VALUES (1)")
    export(pg, source="CREATE TABLE t AS SELECT 1 AS id WHERE false;")
    assert database.value("SELECT count(*) FROM out") == "0"


def test_many_rows(pg, database):
    export(pg, source="CREATE TABLE t AS SELECT i AS id, repeat('x', i % 50) AS name, i / 7.0 AS f, "
                      "CASE WHEN i % 3 > 0 THEN i END AS gap FROM range(200000) r(i);")
    assert database.sql("SELECT count(*), sum(id), sum(length(name)), count(gap) FROM out") == \
        [["200000", "19999900000", str(sum(i % 50 for i in range(200000))), "133333"]]


def waits_for_lock(database, process, which=""):
    wait_until(lambda: database.sql("SELECT 1 FROM pg_locks WHERE NOT granted" + which), "waits for a lock", process)


def test_two_exports_replace_at_once(pg, database):
    """Writers lock each other out: the last one's rows are there, once."""
    export(pg)
    with database.session() as writer:
        writer.run("BEGIN; LOCK TABLE out IN SHARE ROW EXCLUSIVE MODE")
        pg.pipeline(ROWS + "EXPORT t TO pg.out;")
        process = pg.start("run", "p")
        waits_for_lock(database, process, " AND relation = 'out'::regclass")
        writer.run("DELETE FROM out; INSERT INTO out SELECT g, 'w' FROM generate_series(1, 3) g; COMMIT")
        assert process.wait() == 0
    assert database.sql("SELECT count(*), count(DISTINCT id) FROM out") == [["5", "5"]]


def test_two_exports_make_one_table_at_once(pg, database):
    """The second waits for the first to have made it, and does not fail on it."""
    database.sql("CREATE TABLE _sqlflow_exports (export_id text PRIMARY KEY, pipeline text, run_id text, rows bigint, "
                 "published_at timestamptz NOT NULL)")
    with database.session() as other:
        other.run("BEGIN; SELECT pg_advisory_xact_lock(hashtext('sqlflow table public.out')); "
                  "CREATE TABLE out (id bigint, name text)")
        pg.pipeline(ROWS + 'EXPORT t TO pg.out OPTIONS {"max_retries": 0};')
        process = pg.start("run", "p")
        waits_for_lock(database, process)
        other.run("COMMIT")
        assert process.wait() == 0
    assert database.value("SELECT count(*) FROM out") == "5"


def test_without_permission_to_record(pg, server, database):
    database.sql("CREATE ROLE writer_w LOGIN PASSWORD 'w'; CREATE TABLE out (id int, name text); "
                 "GRANT SELECT, INSERT, DELETE ON out TO writer_w")
    try:
        pg.connect(database, user="writer_w", password="w")
        document = export(pg, code=3)
        assert "permission denied for schema public" in document["error"]["message"]
        assert "_sqlflow_exports" in document["error"]["hint"]
    finally:
        database.sql("DROP OWNED BY writer_w; DROP ROLE writer_w")
