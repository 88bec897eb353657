"""Exports to S3: formats, prefixes, what is replaced, pending ones."""
import io

import pyarrow.parquet as pq
import pytest

from s3server import KEY, SECRET

ROWS = "CREATE TABLE t AS SELECT i AS id, 'n' || i AS name, i % 2 AS k FROM range(1, 5) r(i);\n"


def test_formats(s3, bucket):
    b = bucket.name
    s3.run(ROWS + f"""
EXPORT SELECT id, name FROM t ORDER BY id TO 's3://{b}/o/a.csv';
EXPORT SELECT id, name FROM t ORDER BY id TO 's3://{b}/o/b.csv' OPTIONS {{"delimiter": ";", "header": false}};
EXPORT SELECT id FROM t ORDER BY id TO 's3://{b}/o/c.json';
EXPORT SELECT id FROM t ORDER BY id TO 's3://{b}/o/d.jsonl';
EXPORT SELECT id, name FROM t ORDER BY id TO 's3://{b}/o/e.parquet' TYPE S3
  OPTIONS {{"file_format": "parquet", "compression": "snappy"}};
EXPORT SELECT id, name FROM t ORDER BY id TO 's3://{b}/o/f' TYPE S3 OPTIONS {{"file_format": "tsv"}};
EXPORT SELECT id FROM t ORDER BY id TO 's3://{b}/o/g/' TYPE S3 OPTIONS {{"file_format": "csv"}};
EXPORT SELECT id FROM t WHERE false TO 's3://{b}/o/empty.csv';
""")
    assert bucket.text("o/a.csv") == "id,name\n1,n1\n2,n2\n3,n3\n4,n4\n"
    assert bucket.text("o/b.csv") == "1;n1\n2;n2\n3;n3\n4;n4\n"
    assert bucket.text("o/c.json").split() == ["[", '{"id":1},', '{"id":2},', '{"id":3},',
                                               '{"id":4}', "]"]
    assert bucket.text("o/d.jsonl") == '{"id":1}\n{"id":2}\n{"id":3}\n{"id":4}\n'
    file = pq.ParquetFile(io.BytesIO(bucket.get("o/e.parquet")))
    assert file.read().to_pydict()["id"] == [1, 2, 3, 4]
    assert file.metadata.row_group(0).column(0).compression == "SNAPPY"
    assert bucket.text("o/f").splitlines()[1] == "1\tn1"
    assert bucket.text("o/g/data.csv") == "id\n1\n2\n3\n4\n"
    assert bucket.text("o/empty.csv") == "id\n"


def test_json_that_cannot_hold_a_value_fails_before_the_commit(s3, bucket):
    export = f"CREATE TABLE t AS SELECT {{}}::DOUBLE AS v; EXPORT t TO 's3://{bucket.name}/n/a.json';"
    error = s3.fail(export.format("'nan'"))
    assert error["code"] == "SF0617" and "NaN" in error["message"]
    assert not s3.has_table("t")
    s3.run(export.format("1.5"))
    assert bucket.text("n/a.json").split() == ["[", '{"v":1.5}', "]"]


def test_to_a_connection(s3, bucket):
    s3.run(ROWS + 'EXPORT t TO lake OPTIONS {"key": "c/t.csv"};')
    assert bucket.text("c/t.csv").count("\n") == 5
    (done,) = s3.sql("SELECT status, rows, bytes FROM _sqlflow.exports")
    assert done == ("done", 4, len(bucket.get("c/t.csv")))


@pytest.mark.parametrize("by", ['"k"', '["k"]', '"k,id"'])
def test_partitions_replace_the_former_export(s3, bucket, by):
    def text(where):
        return ROWS + (f"EXPORT SELECT * FROM t WHERE {where} TO 's3://{bucket.name}/p/out/' "
                       f'TYPE S3 OPTIONS {{"file_format": "csv", "partition_by": {by}}};')
    bucket.put("p/other.csv", "stays")
    s3.run(text("true"))
    before = bucket.keys("p/out/")
    assert [k for k in before if "/k=0/" in k] and [k for k in before if "/k=1/" in k]
    s3.run(text("k = 1"))
    assert bucket.keys("p/out/") == [k for k in before if "/k=1/" in k]
    s3.run(f'SOURCE b FROM \'lake\' OPTIONS {{"path_prefix": "p/out/", "file_format": "csv"}};'
           'LOAD back FROM b;', name="back")
    assert s3.sql("SELECT id, name, k FROM back ORDER BY id") == [(1, "n1", 1), (3, "n3", 1)]
    assert bucket.text("p/other.csv") == "stays"


def test_a_prefix_with_other_objects_is_left_alone(s3, bucket):
    bucket.put("q/precious.csv", "id\n1\n")
    error = s3.fail(ROWS + f"EXPORT t TO 's3://{bucket.name}/q/' TYPE S3 OPTIONS "
                    '{"file_format": "csv", "partition_by": "k"};')
    assert "precious.csv" in error["message"]
    assert bucket.text("q/precious.csv") == "id\n1\n"


def test_a_large_object_in_parts(s3_by_proxy, proxy, bucket):
    s3_by_proxy.run("CREATE TABLE t AS SELECT i, hash(i) AS h, sha256(i::VARCHAR) AS s "
                    "FROM range(700000) r(i);"
                    f"EXPORT t TO 's3://{bucket.name}/big.csv';", timeout=240)
    data = bucket.get("big.csv")
    assert data.count(b"\n") == 700001
    assert s3_by_proxy.sql("SELECT bytes FROM _sqlflow.exports") == [(len(data),)]
    parts = [r for r in proxy.requests if r.method == "PUT" and "partNumber=" in r.path]
    assert len(parts) > 2, "it went in one request, so nothing was tested"


def test_a_part_that_fails_shows_no_object(s3_by_proxy, proxy, bucket):
    proxy.fault = lambda method, path: (500, {}, b"") if "partNumber=2" in path else None
    error = s3_by_proxy.run("CREATE TABLE t AS SELECT i, sha256(i::VARCHAR) AS s "
                            "FROM range(700000) r(i);"
                            f"EXPORT t TO 's3://{bucket.name}/big.csv' TYPE S3 OPTIONS "
                            '{"max_retries": 0};', code=3, timeout=240)["error"]
    assert "cannot serve" in error["message"] and bucket.keys() == []


def test_nothing_of_a_failed_run(s3, bucket):
    s3.fail(ROWS + f"EXPORT t TO 's3://{bucket.name}/n.csv';\n"
            "CREATE TABLE u AS SELECT error('no');")
    assert bucket.keys() == []


def test_pending_until_the_server_is_back(s3_by_proxy, proxy, bucket, server):
    s3, text = s3_by_proxy, ROWS + f"EXPORT t TO 's3://{bucket.name}/w.csv';"
    proxy.fault = lambda method, path: (503, {}, b"") if method in ("PUT", "POST") else None
    error = s3.run(text, code=3)["error"]
    assert "cannot serve" in error["message"]
    assert s3.table("t")[0] == (1, "n1", 1) and bucket.keys() == []
    assert s3.sql("SELECT status FROM _sqlflow.exports") == [("pending",)]
    proxy.fault = None
    s3.run("CREATE TABLE later AS SELECT 1 AS x;", name="later")
    assert bucket.text("w.csv").count("\n") == 5
    assert s3.sql("SELECT status FROM _sqlflow.exports") == [("done",)]


def test_an_answer_that_got_lost_writes_no_second_object(s3_by_proxy, proxy, bucket):
    puts = []

    def lose_first(method, path):
        if method != "PUT":
            return None
        puts.append(path)
        return "lost" if len(puts) == 1 else None
    proxy.fault = lose_first
    s3_by_proxy.run(ROWS + f"EXPORT t TO 's3://{bucket.name}/l.csv';")
    assert len(puts) >= 2 and bucket.keys() == ["l.csv"]
    assert bucket.text("l.csv").count("\n") == 5


def test_older_names(s3, server, bucket):
    s3.write("profiles/dev.yml", f"""engines:
  duckdb: {{ mode: persistent, path: data/warehouse.duckdb }}
connectors:
  s3:
    type: S3
    params: {{ endpoint_url: "{server.url}", access_key_id: "{KEY}", secret_access_key: "{SECRET}",
              region: us-east-1, bucket: "{bucket.name}", use_ssl: false }}
""")
    s3.run(ROWS + f"EXPORT t TO 's3://{bucket.name}/x/t.parquet' TYPE S3 OPTIONS "
           '{ "file_format": "parquet", "compression": "snappy" };')
    s3.run(f'''SOURCE legacy TYPE S3 PARAMS {{
        "bucket": "{bucket.name}", "prefix": "x/", "format": "parquet", "access_key": "{KEY}",
        "secret_key": "{SECRET}", "endpoint_url": "{server.url}", "cost_limit_usd": 2.0,
        "dev_sampling": 0.15, "mock_mode": false, "max_files_per_run": 100}};
        LOAD back FROM legacy;''', name="legacy")
    assert len(s3.table("back")) == 4
    said = s3.sf("pipeline", "validate", "legacy")
    assert (said.out + said.err).count("older pipelines") == 3
