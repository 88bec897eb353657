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
