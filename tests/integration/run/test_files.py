"""CSV, JSON and Parquet files: what DuckDB's readers would change in silence (behaviour.md, 8.1)."""
import json

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
