"""Sources in S3: places, formats, partitions, what is fetched, several accounts."""
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import persistent
from s3server import KEY, OTHER_KEY, OTHER_SECRET, SECRET


def parquet(**columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def source(options, name="t"):
    return f"SOURCE src FROM \'lake\' OPTIONS {{{options}}};\nLOAD {name} FROM src;\n"


def test_one_object_of_each_format(s3, bucket):
    bucket.put("a/one.csv", "id,name\n1,ann\n2,bob\n")
    bucket.put("a/two.json", '[{"id": 3, "name": "cid"}]')
    bucket.put("a/three.parquet", parquet(id=[4], name=["dan"]))
    bucket.put("a/four.tsv", "id\tname\n5\teve\n")
    bucket.put("a/five.jsonl", '{"id": 6, "name": "fay"}\n')
    keys = ["a/one.csv", "a/two.json", "a/three.parquet", "a/four.tsv", "a/five.jsonl"]
    s3.run("".join(f'SOURCE s{i} FROM \'lake\' OPTIONS {{"key": "{key}"}};\nLOAD t{i} FROM s{i};\n'
                   for i, key in enumerate(keys)))
    assert [s3.table(f"t{i}") for i in range(5)] == [
        [(1, "ann"), (2, "bob")], [(3, "cid")], [(4, "dan")], [(5, "eve")], [(6, "fay")]]


def test_json_of_long_numbers_behind_a_mark(s3, bucket):
    bucket.put("a.json", b'\xef\xbb\xbf[{"id": 184467440737095516150}, {"id": 7}]')
    s3.run(source('"key": "a.json"'))
    assert s3.table("t") == [(7,), (184467440737095516150,)]
    bucket.put("b.json", '{"id": 9007199254740993}\n{"id": 0.5}\n')
    error = s3.fail(source('"key": "b.json"'))
    assert "b.json" in error["message"] and "9007199254740993" in error["message"]


def test_type_s3_with_everything_in_params(s3, server, bucket):
    bucket.put("x.csv", "a;b\n1;x\n")
    s3.run(f'''SOURCE src TYPE S3 PARAMS {{"bucket": "{bucket.name}", "key": "x.csv",
        "format": "csv", "access_key": "{KEY}", "secret_key": "{SECRET}",
        "endpoint_url": "{server.url}", "csv_delimiter": ";", "csv_header": true}};
        LOAD t FROM src;''')
    assert s3.table("t") == [(1, "x")]


@pytest.mark.parametrize("options, rows", [
    ('"path_prefix": "d/"', [1, 2, 3]),
    ('"prefix": "d"', [1, 2, 3]),
    ('"key_pattern": "d/*.csv"', [1, 2]),
    ('"path_prefix": "d/", "key_pattern": "*/x*.csv"', [3]),
    ('"uri": "s3://BUCKET/d/b.csv"', [2]),
    ('"uri": "s3://BUCKET/d/"', [1, 2, 3]),
    ('"uri": "s3://BUCKET/d/[ab].csv"', [1, 2]),
])
def test_places(s3, bucket, options, rows):
    for key, value in {"d/a.csv": 1, "d/b.csv": 2, "d/sub/x.csv": 3, "dd/c.csv": 9}.items():
        bucket.put(key, f"id\n{value}\n")
    bucket.put("d/_SUCCESS", "")
    bucket.put("d/notes.txt", "no data")
    bucket.put("d/_temporary/z.csv", "id\n8\n")
    s3.run(source(options.replace("BUCKET", bucket.name) + ', "file_format": "csv"'))
    assert s3.table("t") == [(r,) for r in rows]


@pytest.mark.parametrize("options", ['"path_prefix": "d"', '"uri": "s3://BUCKET/d/"', '"key_pattern": "d/part*"'])
@pytest.mark.parametrize("sync", ["full_refresh", "incremental"])
def test_objects_tell_their_format(s3, bucket, options, sync):
    for key, value in {"d/part1.jsonl": 1, "d/part2.jsonl": 2}.items():
        bucket.put(key, '{"id": %d}' % value)
    bucket.put("d/notes.txt", "no data")
    s3.run(source(options.replace("BUCKET", bucket.name) + f', "sync_mode": "{sync}"'))
    assert s3.sql("SELECT id FROM t ORDER BY 1") == [(1,), (2,)]
    bucket.put("d/part3.csv", "id\n3\n")
    error = s3.fail(code=1)
    assert "has json and csv objects" in error["message"] and "file_format" in error["hint"]


def test_objects_of_no_known_format(s3, bucket):
    bucket.put("d/notes.txt", "no data")
    assert "no object of a known format" in s3.fail(source('"path_prefix": "d"'), code=3)["message"]
    assert "nothing says which format" in s3.fail(source('"key_pattern": "d/*"'), code=4)["message"]
    s3.run(source('"path_prefix": "e", "allow_empty": true, "column_types": {"id": "INTEGER"}'))
    assert s3.table("t") == []


def test_objects_with_fewer_columns_are_told(s3, bucket):
    bucket.put("d/a.csv", "id,n\n1,x\n")
    bucket.put("d/b.csv", "id\n2\n")
    error = s3.fail(source('"path_prefix": "d"'))
    assert error["code"] == "SF0508" and "combine_files" in error["hint"] and "Potential" not in error["message"]
    s3.run(source('"path_prefix": "d", "combine_files": true'))
    assert s3.table("t") == [(1, "x"), (2, None)]


@pytest.mark.parametrize("key", ["sp ace.csv", "plus+.csv", "ümlaut.csv", "per%20cent.csv",
                                 "a&b=c.csv", "ha#sh.csv", "quo'te.csv"])
def test_odd_keys(s3, bucket, key):
    bucket.put(key, "id\n7\n")
    s3.run(source(f'"key": "{key}"'))
    assert s3.table("t") == [(7,)]


def test_a_key_that_cannot_be_read(s3, bucket):
    bucket.put("d/a?b.csv", "id\n7\n")
    for options in ('"path_prefix": "d"', '"key_pattern": "d/*.csv"', '"path_prefix": "d", "sync_mode": "incremental"'):
        assert f"s3://{bucket.name}/d/a?b.csv has a '?'" in s3.fail(source(options), code=4)["message"]


@pytest.mark.parametrize("form, kind", [("csv", "gz"), ("csv", "zst"), ("jsonl", "gz")])
def test_a_compressed_object_that_was_cut_off(s3, bucket, form, kind):
    key = f"f.{form}.{kind}"
    line = "{},x{}\n" if form == "csv" else '{{"a": {}, "b": "x{}"}}\n'
    text = ("a,b\n" if form == "csv" else "") + "".join(line.format(i, i * 7919 % 1000) for i in range(3000))
    whole = pa.compress(text.encode(), codec={"gz": "gzip", "zst": "zstd"}[kind], asbytes=True)
    pipeline = source(f'"key": "{key}"')
    bucket.put(key, whole)
    s3.run(pipeline)
    assert s3.sql("SELECT count(*), sum(a) FROM t") == [(3000, 4498500)]
    for size in (len(whole) - 1, len(whole) // 2):
        bucket.put(key, whole[:size])
        error = s3.fail(pipeline)
        assert (error["code"], error["message"]) == ("SF0508", f"s3://{bucket.name}/{key} is damaged or not whole")


def test_a_bucket_whose_name_begins_another(tmp_path, server, s3, bucket):
    """Secrets are scoped to the bucket, not to what begins like it."""
    server.s3.create_bucket(Bucket=bucket.name + "house")
    server.s3.put_object(Bucket=bucket.name + "house", Key="h.csv", Body=b"id\n2\n")
    bucket.put("h.csv", "id\n1\n")
    s3.connect("house", server.url, bucket.name + "house")
    s3.run('SOURCE a FROM \'lake\' OPTIONS {"key": "h.csv"}; SOURCE b FROM \'house\' OPTIONS '
           '{"key": "h.csv"}; LOAD ta FROM a; LOAD tb FROM b; LOAD ta2 FROM a;')
    assert (s3.table("ta"), s3.table("tb"), s3.table("ta2")) == ([(1,)], [(2,)], [(1,)])


def test_two_accounts_in_one_pipeline(s3, server, bucket):
    server.s3.create_bucket(Bucket="other")
    server.s3.put_object(Bucket="other", Key="o.csv", Body=b"id\n5\n")
    bucket.put("o.csv", "id\n6\n")
    s3.connect("second", server.url, "other", key=OTHER_KEY, secret=OTHER_SECRET)
    s3.run('SOURCE a FROM \'lake\' OPTIONS {"key": "o.csv"}; LOAD t FROM a;'
           'SOURCE b FROM \'second\' OPTIONS {"key": "o.csv"}; LOAD u FROM b;'
           'EXPORT SELECT * FROM t TO \'s3://other/out.csv\';')
    assert (s3.table("t"), s3.table("u")) == ([(6,)], [(5,)])
    assert server.s3.get_object(Bucket="other", Key="out.csv")["Body"].read() == b"id\n6\n"
    error = s3.fail(f'SOURCE b FROM \'second\' OPTIONS {{"uri": "s3://{bucket.name}/o.csv"}};'
                    'LOAD v FROM b;', code=3)
    assert "denies access" in error["message"]


def test_partitions(s3, bucket):
    bucket.put("p/year=2023/a.parquet", parquet(id=[1]))
    bucket.put("p/year=2024/a.parquet", parquet(id=[2]))
    s3.run(source('"path_prefix": "p/", "file_format": "parquet"'))
    assert s3.table("t") == [(1, 2023), (2, 2024)]
    s3.run(source('"path_prefix": "p/", "file_format": "parquet", "hive_partitioning": false'))
    assert s3.table("t") == [(1,), (2,)]


@pytest.mark.parametrize("hive", ["", ', "hive_partitioning": true'])
def test_a_partition_that_the_file_has_too(s3, bucket, hive):
    bucket.put("p/k=3/a.parquet", parquet(id=[1], k=[7]))
    place = '"path_prefix": "p/", "file_format": "parquet"'
    error = s3.fail(source(place + hive))
    assert "'k'" in error["message"] and "hive_partitioning" in error["hint"]
    s3.run(source(place + ', "hive_partitioning": false'))
    assert s3.table("t") == [(1, 7)]


def test_one_column_of_twenty_is_fetched_alone(s3_by_proxy, proxy, bucket):
    table = pa.table({f"c{i}": pa.array(range(i, 600000 * 7 + i, 7)) for i in range(20)})
    out = io.BytesIO()
    pq.write_table(table, out, compression="none", use_dictionary=False, row_group_size=100000)
    bucket.put("wide.parquet", out.getvalue())
    meta = pq.ParquetFile(out).metadata
    wanted = sum(meta.row_group(g).column(7).total_compressed_size
                 for g in range(meta.num_row_groups))
    s3_by_proxy.run(source('"key": "wide.parquet", "columns": ["c7"]'))
    fetched = proxy.fetched("wide.parquet")
    assert s3_by_proxy.sql("SELECT count(*), sum(c7)::VARCHAR FROM t") == [
        (600000, str(sum(range(7, 600000 * 7 + 7, 7))))]
    print(f"fetched {fetched} bytes for a column of {wanted}")
    assert wanted <= fetched <= 1.1 * wanted


def test_a_bound_skips_row_groups(s3_by_proxy, proxy, bucket):
    def put(key, start):
        out = io.BytesIO()
        pq.write_table(pa.table({"id": list(range(start, start + 200000))}), out,
                       compression="none", use_dictionary=False, row_group_size=20000)
        bucket.put(key, out.getvalue())
        return len(out.getvalue())
    text = ('SOURCE src FROM \'lake\' OPTIONS {"path_prefix": "inc/", "file_format": "parquet", '
            '"sync_mode": "incremental", "cursor_field": "id", "primary_key": "id"};'
            'LOAD t FROM src;')
    size = put("inc/a.parquet", 0)
    s3_by_proxy.run(text)
    proxy.requests.clear()
    put("inc/b.parquet", 200000)
    s3_by_proxy.run(text)
    assert s3_by_proxy.sql("SELECT count(*), max(id) FROM t") == [(400000, 399999)]
    assert proxy.fetched("a.parquet") < size / 2, "the old row groups were fetched again"


def test_by_file(s3, bucket):
    text = ('SOURCE src FROM \'lake\' OPTIONS {"path_prefix": "f/", "file_format": "csv", '
            '"sync_mode": "incremental"}; LOAD t FROM src MODE APPEND;')
    bucket.put("f/a.csv", "id\n1\n")
    s3.run(text)
    bucket.put("f/b.csv", "id\n2\n")
    assert s3.run(text)["steps"][-1]["rows_inserted"] == 1
    assert s3.run(text)["steps"][-1]["rows_inserted"] == 0
    bucket.put("f/a.csv", "id\n10\n11\n")
    s3.run(text)
    assert s3.sql("SELECT id FROM t ORDER BY id") == [(2,), (10,), (11,)]
    assert s3.sql("SELECT path, size, mtime IS NOT NULL FROM _sqlflow.files ORDER BY 1") == [
        (f"s3://{bucket.name}/f/a.csv", 9, True), (f"s3://{bucket.name}/f/b.csv", 5, True)]


def test_overwritten_at_once_by_as_many_bytes(s3, bucket):
    """Times are whole seconds: only a listing that waits for the next one can tell them apart."""
    text = ('SOURCE src FROM \'lake\' OPTIONS {"path_prefix": "f/", "file_format": "csv", '
            '"sync_mode": "incremental"}; LOAD t FROM src MODE APPEND;')
    for value in "123":
        bucket.put("f/a.csv", f"id\n{value}\n")
        s3.run(text)
        assert s3.sql("SELECT id FROM t") == [(int(value),)]


def test_more_files_than_max_files_per_run(s3, bucket):
    for name in "abc":
        bucket.put(f"m/{name}.csv", "id\n1\n")
    place = '"path_prefix": "m/", "file_format": "csv"'
    error = s3.fail(source(place + ', "max_files_per_run": 2'), code=4)
    assert "3 files" in error["message"]
    s3.run(source(place + ', "max_files_per_run": 3'))
    assert s3.table("t") == [(1,)] * 3


def test_the_aws_chain(s3, tmp_path, server, bucket):
    bucket.put("c.csv", "id\n1\n")
    s3.write("profiles/dev.yml", persistent() + f'connections:\n  lake: {{ type: s3, bucket: '
             f'"{bucket.name}", endpoint_url: "{server.url}" }}\n  named: {{ type: s3, bucket: '
             f'"{bucket.name}", endpoint_url: "{server.url}", aws_profile: mine }}\n')
    text = source('"key": "c.csv"')
    error = s3.fail(text, code=3)
    assert "no AWS credentials" in error["message"], error
    s3.run(text, env={"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET})
    assert s3.table("t") == [(1,)]
    s3.write(".aws/credentials", f"[mine]\naws_access_key_id = {KEY}\n"
                                 f"aws_secret_access_key = {SECRET}\n")
    s3.run(text.replace("'lake'", "'named'"))
    s3.write(".aws/credentials", "")
    error = s3.fail(text.replace("'lake'", "'named'"), code=3)
    assert "'mine'" in error["message"]


def test_csv_options_and_rejected_lines(s3, bucket):
    bucket.put("r.csv", "id;v\n1;2\nx;3\n4;NA\n")
    doc = s3.run(source('"key": "r.csv", "delimiter": ";", "null_values": ["NA"], '
                        '"ignore_errors": true, "column_types": {"id": "INTEGER"}'))
    assert s3.table("t") == [(1, 2), (4, None)]
    assert any("could not be read" in w["message"] for w in doc["warnings"])


def test_an_empty_object(s3, bucket):
    bucket.put("e/a.csv", "")
    bucket.put("e/b.csv", "id\n1\n")
    place = '"path_prefix": "e/", "file_format": "csv"'
    assert "is empty" in s3.fail(source(place), code=1)["message"]
    s3.run(source(place + ', "allow_empty": true'))
    assert s3.table("t") == [(1,)]
