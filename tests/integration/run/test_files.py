"""CSV, JSON and Parquet files: what DuckDB's readers would change in silence (behaviour.md, 8.1)."""
import datetime
import decimal
import gzip
import json
import os

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def source(kind="csv", **params):
    return f"SOURCE s TYPE {kind} PARAMS {json.dumps(params)};\nLOAD t FROM s;\n"


def parquet(project, name, **columns):
    path = project.write(name, "")
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize("hive", [{}, {"hive_partitioning": True}])
@pytest.mark.parametrize("kind, text", [("csv", "id,K\n1,7\n"), ("json", '{"id": 1, "K": 7}')])
def test_a_partition_that_the_file_has_too(project, kind, text, hive):
    project.write(f"in/k=3/a.{kind}", text)
    error = project.fail(source(kind, path="in", **hive))
    assert "'k'" in error["message"] and "hive_partitioning" in error["hint"]
    project.run(source(kind, path="in", hive_partitioning=False))
    assert project.table("t") == [(1, 7)]


def test_a_folder_name_that_not_all_files_have(project):
    project.write("in/k=3/a.csv", "id,k\n1,7\n")
    project.write("in/b.csv", "id,k\n2,8\n")
    project.run(source(path="in"))
    assert project.table("t") == [(1, 7), (2, 8)]


@pytest.mark.parametrize("kind", ["json", "parquet"])
@pytest.mark.parametrize("column, kind_of", [("a", "int"), ("d", "DATE"), ("n", "DECIMAL(5, 2)")])
def test_column_types_keep_the_value(project, kind, column, kind_of):
    if kind == "json":
        project.write("in/f.json", '{"a": 1.5, "d": "2020-01-01 10:00:00", "n": 1.555}')
    else:
        parquet(project, "in/f.parquet", a=[1.5], d=["2020-01-01 10:00:00"], n=[1.555])
    error = project.fail(source(kind, path="in", column_types={column: kind_of}))
    assert error["code"] == "SF0604" and f"'{column}'" in error["message"] and ", row" not in error["message"]


def test_column_types_of_json(project):
    project.write("in/f.json", '{"a": 2.0, "d": "2020-01-01", "n": 1.5, "s": {"x": 1}, "l": [1]}')
    types = {"a": "int", "d": "VARCHAR", "n": "DECIMAL(5, 2)", "s": "STRUCT(x VARCHAR)", "l": "DOUBLE[]"}
    project.run(source("json", path="in", column_types={k: v for k, v in types.items() if k != "s"}))
    assert [row[0] for row in project.sql("SELECT column_type FROM (DESCRIBE t)")] == [
        "INTEGER", "VARCHAR", "DECIMAL(5,2)", "STRUCT(x BIGINT)", "DOUBLE[]"]
    error = project.fail(source("json", path="in", column_types={"a": "INTT"}), code=4)
    assert "INTT" in error["message"] and error["column"] > 60


@pytest.mark.parametrize("first, second", [
    ([1], [1.5]), ([1.5], [2**53 + 1]), ([datetime.date(2020, 1, 1)], [datetime.datetime(2020, 1, 1, 5)]),
    ([decimal.Decimal("1.1")], [decimal.Decimal("1.12345")]), ([1], ["1.5"])])
def test_parquet_files_of_other_types(project, first, second):
    parquet(project, "in/a.parquet", x=first)
    parquet(project, "in/b.parquet", x=second)
    error = project.fail(source("parquet", path="in"))
    assert "'x'" in error["message"] and "in/b.parquet" in error["message"] and "combine_files" in error["hint"]


def packed(project, text, kind):
    if kind == "gz":
        return gzip.compress(text)
    project.write("in/plain", text)
    duckdb.sql(f"""COPY (FROM read_csv('{project.root}/in/plain', header = false, delim = chr(1), quote = '', columns = {{'c': 'VARCHAR'}},
        auto_detect = false)) TO '{project.root}/in/packed.zst' (FORMAT csv, HEADER false, DELIMITER '\x01', QUOTE '', COMPRESSION zstd)""")
    return project.path("in/packed.zst").read_bytes()


@pytest.mark.parametrize("kind", ["gz", "zst"])
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_compressed_file_that_was_cut_off(project, form, kind):
    line = "{},x{}\n" if form == "csv" else '{{"a": {}, "b": "x{}"}}\n'
    text = ("a,b\n" if form == "csv" else "") + "".join(line.format(i, i * 7919 % 1000) for i in range(3000))
    whole = packed(project, text.encode(), kind)
    project.write(f"data/f.{form}.{kind}", whole)
    pipeline = source(form, path=f"data/f.{form}.{kind}")
    project.run(pipeline)
    assert project.sql("SELECT count(*), sum(a) FROM t") == [(3000, 4498500)]
    for size in (len(whole) - 1, len(whole) - 9, len(whole) * 3 // 4, len(whole) // 2, 30):
        project.write(f"data/f.{form}.{kind}", whole[:size])
        error = project.fail(pipeline)
        assert error["code"] in ("SF0508", "SF0507") and f"data/f.{form}.{kind}" in error["message"]
    project.write(f"data/f.{form}.{kind}", whole + whole[:40])
    assert "not whole" in project.fail(pipeline)["message"]


LONG = decimal.Decimal("12345678901234567890123456789012345678901234.56")
SHORT = decimal.Decimal("123456789012345678901234.567890123457")


def test_parquet_numbers_that_duckdb_does_not_hold(project):
    parquet(project, "in/f.parquet", i=[1], x=pa.array([LONG], pa.decimal256(50, 2)), d=pa.array([SHORT], pa.decimal128(38, 12)))
    error = project.fail(source("parquet", path="in"))
    assert "'x' has numbers of 50 digits" in error["message"] and "in/f.parquet" in error["message"]
    for given in ({"columns": ["i", "d"]}, {"column_types": {"x": "DOUBLE"}}):
        project.run(source("parquet", path="in", **given))
        assert project.sql("SELECT i, d::VARCHAR FROM t") == [(1, str(SHORT))]
    parquet(project, "in/f.parquet", x=pa.array([[LONG]], pa.list_(pa.decimal256(50, 2))))
    assert "50 digits" in project.fail(source("parquet", path="in"))["message"]


def test_parquet_nanoseconds_that_duckdb_does_not_hold(project):
    parquet(project, "in/f.parquet", n=pa.array([1], pa.timestamp("ns")), z=pa.array([1001], pa.timestamp("ns", "UTC")),
            t=pa.array([1001], pa.time64("ns")), m=pa.array([1], pa.timestamp("us", "UTC")))
    told = project.run(source("parquet", path="in"))["warnings"]
    assert [(w["code"], w["message"].split("'")[1]) for w in told] == [("SF0517", "t"), ("SF0517", "z")]
    types = {"z": "TIMESTAMPTZ", "t": "TIME"}
    assert project.run(source("parquet", path="in", column_types=types))["warnings"] == []
    assert project.sql("SELECT n::VARCHAR, z::VARCHAR, t::VARCHAR FROM t") == [
        ("1970-01-01 00:00:00.000000001", "1970-01-01 00:00:00.000001+00", "00:00:00.000001")]


def test_parquet_files_of_types_that_fit(project):
    parquet(project, "in/a.parquet", i=pa.array([1], pa.int32()), f=[0.5], s=["a"], d=[datetime.datetime(2020, 1, 1)])
    parquet(project, "in/b.parquet", s=[2], i=[2], f=pa.array([1.5], pa.float32()), d=[datetime.date(2020, 1, 2)])
    project.run(source("parquet", path="in"))
    assert project.table("t") == [(1, 0.5, "a", datetime.datetime(2020, 1, 1)),
                                  (2, 1.5, "2", datetime.datetime(2020, 1, 2))]


@pytest.mark.parametrize("extra", [{}, {"sync_mode": "incremental"}])
def test_long_numbers_of_json(project, extra):
    project.write("in/f.json", '[{"a": 184467440737095516150}, {"a": 7}]')
    project.run(source("json", path="in", **extra))
    assert project.sql("SELECT a, typeof(a) FROM t ORDER BY a") == \
        [(7, "HUGEINT"), (184467440737095516150, "HUGEINT")]
    project.write("in/g.json", '[{"a": 9007199254740993}, {"a": 0.5}]')
    error = project.fail(source("json", path="in/g.json"))
    assert error["code"] == "SF0508" and "column_types" in error["hint"]
    for part in ("in/g.json", "column 'a'", "9007199254740993"):
        assert part in error["message"]


def test_a_view_on_long_numbers_of_json(project):
    project.write("in/f.json", '[{"a": 9007199254740993}, {"a": 0.5}]')
    text = 'SOURCE s TYPE json PARAMS {"path": "in/f.json"};\nCREATE TABLE u AS SELECT * FROM s;\n'
    assert "9007199254740993" in project.fail(text)["message"]


def test_validate_warns_of_a_source_that_nothing_reads_and_that_is_not_there(project):
    project.pipeline('SOURCE a TYPE csv PARAMS {"path": "in/gone.csv"}; CREATE TABLE t AS SELECT 1 AS n;')
    [diagnostic] = project.sf("pipeline", "validate", "p", "--format", "json").doc["pipelines"][0]["diagnostics"]
    assert (diagnostic["severity"], diagnostic["code"]) == ("warning", "SF0506")
    assert "'a'" in diagnostic["message"] and "in/gone.csv" in diagnostic["message"]
    assert project.run()["warnings"] == []


@pytest.mark.parametrize("to", ["'out/t' TYPE json", "'s3://b/t/' TYPE json"])
def test_json_into_folders_is_refused_before_the_run(project, to):
    error = project.fail(f'CREATE TABLE t AS SELECT 1 AS id; EXPORT t TO {to} OPTIONS {{"partition_by": ["id"]}};', code=4)
    assert "not for JSON" in error["message"]


@pytest.mark.parametrize("what", ["t", "(SELECT * FROM t)"])
def test_partition_columns_are_looked_for_before_the_run(project, what):
    project.pipeline(f"CREATE TABLE t AS SELECT 1 AS id; EXPORT {what} TO 'out/t' TYPE csv OPTIONS {{partition_by: 'idd'}};")
    result = project.sf("pipeline", "validate", "p", code=4)
    assert "partition_by names 'idd'" in result.out + result.err and "did you mean 'id'" in result.out + result.err


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_types_of_partition_columns(project, kind):
    """Text in folder names stays text, leading zeros and all."""
    project.run(f"""CREATE TABLE t AS SELECT i AS id, '00' || i AS code, i % 2 AS odd FROM range(3) r(i);
                    EXPORT t TO 'out/t' TYPE {kind} OPTIONS {{"partition_by": ["code", "odd"]}};""")
    project.run(f"""SOURCE s TYPE {kind} PARAMS {{"path": "out/t", "column_types": {{"Code": "VARCHAR", "odd": "UTINYINT"}}}};
                    LOAD back FROM s;""")
    assert project.sql("SELECT id, code, odd, typeof(odd) FROM back ORDER BY id") == \
        [(i, f"00{i}", i % 2, "UTINYINT") for i in range(3)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("codes, back", [(["007", "010"], "VARCHAR"), (["+7", "8"], "VARCHAR"), (["7", "0"], "BIGINT")])
def test_codes_in_folder_names_keep_their_zeros(project, kind, codes, back):
    rows = ", ".join(f"('{code}', {i})" for i, code in enumerate(codes))
    project.run(f"""CREATE TABLE t AS SELECT * FROM (VALUES {rows}) v(code, id);
                    EXPORT t TO 'out/t' TYPE {kind} OPTIONS {{"partition_by": ["code"]}};""")
    project.run(f"""SOURCE s TYPE {kind} PARAMS {{"path": "out/t"}}; LOAD back FROM s;""")
    assert project.sql("SELECT code::VARCHAR, typeof(code) FROM back ORDER BY id") == [(c, back) for c in codes]


def test_a_text_with_the_name_of_nulls_folder(project):
    error = project.fail("""CREATE TABLE t AS SELECT * FROM (VALUES (1, NULL), (2, '__HIVE_DEFAULT_PARTITION__')) v(id, k);
                            EXPORT t TO 'out/t' TYPE csv OPTIONS {"partition_by": ["k"]};""")
    assert "the folder of NULL" in error["message"] and "out/t" not in project.files()


@pytest.mark.parametrize("to, options, words", [
    ("s3a://bucket/x.csv", "", "no connector writes to s3a://"), ("https://host/x.csv", "", "no connector writes to https://"),
    ("file:///tmp/x.csv", "", "no connector writes to file://"), ("out/a.csv", '"path": "out/b.csv"', "is 'out/a.csv' already"),
    ("s3://b/a.csv", '"key": "b.csv"', "is 's3://b/a.csv' already"), ("s3://b/a.csv", '"bucket": "c"', "is 's3://b/a.csv' already")])
def test_a_destination_stands_in_one_place(project, to, options, words):
    text = f"CREATE TABLE t AS SELECT 1 AS id; EXPORT t TO '{to}' OPTIONS {{{options}}};"
    assert words in project.fail(text, code=4)["message"]


def test_a_destination_may_be_said_twice(project):
    project.run("""CREATE TABLE t AS SELECT 1 AS id; EXPORT t TO 'out/a.csv' OPTIONS {"path": "out/a.csv"};""")
    assert project.read("out/a.csv") == "id\n1\n"


def test_a_pipe_is_no_file(project):
    """Nobody need be at its other end, and Ctrl-C would not end the wait."""
    os.mkfifo(project.path("in/p.csv"))
    error = project.fail(source(path="in/p.csv"), code=4)
    assert "in/p.csv is no regular file" in error["message"] and error["line"] == 1
    project.sf("pipeline", "validate", "p", code=4)
