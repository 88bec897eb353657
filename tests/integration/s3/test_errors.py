"""What can be wrong with S3: each its own error with exit 3, and only some are tried again."""
import io
import signal
import time
from email.utils import formatdate

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import finish, wait_until
from s3server import KEY, SECRET

SOURCE = 'SOURCE src FROM \'lake\' OPTIONS {"key": "a.csv"};\nLOAD t FROM src;\n'
SLOW_DOWN = (503, {"Retry-After": "2", "Content-Type": "application/xml"},
             b"<Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>")


def requests(proxy, method):
    return [r for r in proxy.requests if r.method == method]


def test_missing_key(s3, bucket):
    bucket.put("sub/orders.csv", "id\n1\n")
    error = s3.fail(SOURCE.replace("a.csv", "sub/order.csv"), code=3)
    assert f"no object s3://{bucket.name}/sub/order.csv" in error["message"]
    assert "did you mean sub/orders.csv" in error["hint"]


def test_missing_bucket(s3, server):
    s3.connections = ""
    s3.connect("lake", server.url, "nowhere")
    for text in (SOURCE, SOURCE.replace('"key": "a.csv"',
                                        '"path_prefix": "x/", "file_format": "csv"')):
        assert "no bucket 'nowhere'" in s3.fail(text, code=3)["message"]
    error = s3.fail("CREATE TABLE t AS SELECT 1 AS x; EXPORT t TO 's3://nowhere/a.csv';", code=3)
    assert "no bucket 'nowhere'" in error["message"]


@pytest.mark.parametrize("options, words", [
    ('"uri": "s3://b/a.csv", "key": "b.csv"', "uri and key"),
    ('"uri": "s3://b/a.csv", "path_prefix": "p/"', "uri and path_prefix"),
    ('"key": "a.csv", "path_prefix": "p/"', "key and path_prefix")])
def test_two_places_are_one_too_many(s3, options, words):
    s3.pipeline(SOURCE.replace('"key": "a.csv"', options))
    assert f"{words} exclude each other" in s3.sf("run", "p", code=4).err


def test_no_object_below_a_prefix(s3):
    for sync in ("full_refresh", "incremental"):
        options = f'"path_prefix": "x/", "file_format": "csv", "sync_mode": "{sync}"'
        error = s3.fail(SOURCE.replace('"key": "a.csv"', options), code=3)
        assert "no object fits" in error["message"]
    s3.run(SOURCE.replace('"key": "a.csv"', '"path_prefix": "x/", "file_format": "csv", '
                          '"allow_empty": true, "column_types": {"id": "INTEGER"}'))


@pytest.mark.parametrize("key, secret, word", [
    (KEY, "not-the-Secret/Value+9", "SignatureDoesNotMatch"),
    ("AKNOBODY9", SECRET, "InvalidAccessKeyId")])
def test_wrong_credentials(s3, server, bucket, key, secret, word):
    bucket.put("p/a.csv", "id\n1\n")
    s3.connections = ""
    s3.connect("lake", server.url, bucket.name, key="${K}", secret="${S}")
    env = {"K": key, "S": secret}
    text = SOURCE.replace('"key": "a.csv"', '"path_prefix": "p/", "file_format": "csv"')
    result = s3.run(text, code=3, env=env)
    assert word in result["error"]["message"] and "refused the credentials" in \
        result["error"]["message"]
    said = str(result) + repr(s3.sf("run", "p", code=3, env=env)) + \
        repr(s3.sf("connect", "test", "lake", code=3, env=env))
    assert secret not in said and "*** " not in s3.read("pipelines/p.sf")
    for file in s3.files("."):
        if not file.startswith((".env", "profiles")):
            assert secret.encode() not in s3.path(file).read_bytes(), file


def test_denied(s3_by_proxy, proxy, bucket):
    proxy.fault = lambda method, path: (403, {}, b"")
    error = s3_by_proxy.fail(SOURCE, code=3)
    assert "denies access" in error["message"]
    assert len(requests(proxy, "HEAD")) <= 1, "a refusal was tried again"


def test_nobody_listens(s3, bucket):
    s3.connections = ""
    s3.connect("lake", "http://127.0.0.1:1", bucket.name, max_retries=1)
    error = s3.fail(SOURCE, code=3)
    assert "after 2 attempts" in error["message"] and "127.0.0.1:1" in error["message"]


def test_hanging_endpoint(s3, proxy, bucket):
    s3.connections = ""
    s3.connect("lake", proxy.url, bucket.name, timeout_seconds=1, max_retries=1)
    proxy.fault = lambda method, path: "hang"
    start = time.monotonic()
    error = s3.fail(SOURCE, code=3)
    assert "did not answer within timeout_seconds (1)" in error["message"]
    assert 2 <= time.monotonic() - start < 15
    assert len(proxy.requests) >= 2


@pytest.mark.parametrize("pipeline, status", [
    (SOURCE, "interrupted"),
    ("CREATE TABLE t AS SELECT 1 AS v; EXPORT t TO 's3://{b}/t.csv';", "pending")])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, "timeout"])
def test_a_hanging_endpoint_does_not_keep_a_stopped_run(s3_by_proxy, proxy, bucket, pipeline, status, how):
    """httpfs would wait for timeout_seconds, which are 20 here."""
    proxy.fault = lambda method, path: "hang"
    s3_by_proxy.pipeline(pipeline.replace("{b}", bucket.name))
    process = s3_by_proxy.start("run", "p", "--format", "json", *(["--timeout", "2"] if how == "timeout" else []))
    wait_until(lambda: proxy.requests, "the first request", process)
    start = time.monotonic()
    if how != "timeout":
        process.send_signal(how)
    result = finish(process)
    assert time.monotonic() - start < 8
    assert result.code == (7 if how == "timeout" else 130)
    assert result.doc["status"] == ("failed" if (how, status) == ("timeout", "interrupted") else status)
    proxy.fault = None
    if status == "pending":
        s3_by_proxy.run()
        assert bucket.text("t.csv") == "v\n1\n"


def first(count, fault):
    """A fault for the first requests, then none."""
    left = [count]

    def decide(method, path):
        left[0] -= 1
        return fault if left[0] >= 0 else None
    return decide


@pytest.mark.parametrize("fault", [(500, {}, b""), (429, {}, b""), (504, {}, b""), "cut"])
def test_passing_faults_are_tried_again(s3_by_proxy, proxy, bucket, fault):
    bucket.put("a.csv", "id\n1\n")
    proxy.fault = first(2, fault)
    doc = s3_by_proxy.run(SOURCE)
    assert s3_by_proxy.table("t") == [(1,)]
    assert doc["steps"][-1]["retries"] == 2


def test_retries_and_breakers_are_told(s3_by_proxy, proxy, bucket):
    text = f"CREATE TABLE t AS SELECT 1 AS x; EXPORT t TO 's3://{bucket.name}/o.csv';"
    s3_by_proxy.pipeline(text)
    proxy.fault = first(2, (500, {}, b""))
    assert s3_by_proxy.sf("run", "p").out.splitlines()[-1].startswith("committed · published 1 export · 1 retry · ")
    proxy.fault = lambda method, path: (500, {}, b"")
    s3_by_proxy.pipeline(SOURCE.replace('"a.csv"', '"a.csv", "max_retries": 9'))
    last = s3_by_proxy.sf("run", "p", code=3).out.splitlines()[-1]
    assert "SF0806" in last and " · 5 retries · circuit breaker opened 1 × · " in last
    doc = s3_by_proxy.run(code=3)
    assert (doc["retries"], doc["breaker_openings"]) == (5, 1)


@pytest.mark.parametrize("after", ["2", "date"])
@pytest.mark.parametrize("method, faults", [("HEAD", 1), ("GET", 2)])  # httpfs tries a GET twice
def test_retry_after_is_obeyed(s3_by_proxy, proxy, bucket, method, faults, after):
    bucket.put("a.csv", "id\n1\n")
    left = [faults]

    def fault(asked, path):
        left[0] -= asked == method
        date = formatdate(time.time() + 2, usegmt=True)
        return (503, {"Retry-After": date if after == "date" else after}, b"") \
            if asked == method and left[0] >= 0 else None
    proxy.fault = fault
    doc = s3_by_proxy.run(SOURCE.replace('"a.csv"', '"a.csv", "max_retries": 1'))
    times = [r.at for r in proxy.requests]
    assert max(b - a for a, b in zip(times, times[1:])) >= (0.9 if after == "date" else 1.9)
    assert s3_by_proxy.table("t") == [(1,)] and doc["steps"][-1]["retries"] == 1


@pytest.mark.parametrize("commit", ["run", "step"])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("step", [
    "CREATE TABLE t AS SELECT * FROM src;", "LOAD t FROM (SELECT * FROM src);",
    "CREATE TABLE t (id BIGINT); INSERT INTO t SELECT id FROM src;"])
def test_a_source_in_a_query_is_tried_again(s3_by_proxy, proxy, bucket, method, step, commit):
    bucket.put("a.csv", "id\n1\n")
    left = [2 if method == "GET" else 1]

    def fault(asked, path):
        left[0] -= asked == method
        return (503, {}, b"") if asked == method and left[0] >= 0 else None
    proxy.fault = fault
    text = SOURCE.replace('"a.csv"', '"a.csv", "max_retries": 1').replace("LOAD t FROM src;", step)
    doc = s3_by_proxy.run(text, "--commit", commit)
    assert s3_by_proxy.table("t") == [(1,)] and doc["steps"][-1]["retries"] == 1


@pytest.mark.parametrize("options", ['"key": "k=1/a.csv"', '"path_prefix": "d"'])
@pytest.mark.parametrize("fault, code", [((503, {}, b""), "SF0801"), ((404, {}, b""), "SF0803")])
def test_what_fails_while_objects_are_looked_at_is_told(s3_by_proxy, proxy, bucket, options, fault, code):
    """Not that the transaction is aborted, which the next statement says."""
    for key in ("k=1/a.csv", "d/a.csv", "d/b.csv", "d/c.csv"):
        bucket.put(key, "id\n1\n2\n")
    text = SOURCE.replace('"key": "a.csv"', options + ', "max_retries": 0')
    s3_by_proxy.run(text)
    for begin in range(1, min(len(proxy.requests), 8)):
        proxy.requests.clear()
        proxy.fault = lambda method, path: fault if len(proxy.requests) >= begin else None
        assert s3_by_proxy.fail(text, code=3)["code"] == code, begin


@pytest.mark.parametrize("fault", ["half", (503, {}, b"")])
def test_a_read_that_breaks_off_leaves_rows_once(s3_by_proxy, proxy, bucket, fault):
    bucket.put("a.csv", "id\n" + "".join(f"{i}\n" for i in range(3000)))
    seen = []

    def fail_data(method, path):
        if method == "GET" and "a.csv" in path:
            seen.append(path)
            return fault if len(seen) <= 2 else None
        return None
    proxy.fault = fail_data
    s3_by_proxy.run(SOURCE)
    assert s3_by_proxy.sql("SELECT count(*), count(DISTINCT id) FROM t") == [(3000, 3000)]


@pytest.mark.parametrize("retries", [0, 3])
def test_an_object_that_is_replaced_while_it_is_read(s3_by_proxy, proxy, bucket, retries):
    """Rows of the one or of the other, never of both: by the ETag of each part."""
    def put(value):
        out = io.BytesIO()
        rows = pa.table({"id": list(range(60000)), "v": [value * 20] * 60000})
        pq.write_table(rows, out, compression="none", use_dictionary=False, row_group_size=10000)
        bucket.put("a.parquet", out.getvalue())

    def replace_behind_the_footer(method, path):
        if method == "GET" and len(requests(proxy, "GET")) == 1:
            put("new")

    put("old")
    proxy.fault = replace_behind_the_footer
    text = ('SOURCE s FROM \'lake\' OPTIONS {"key": "a.parquet", "max_retries": %d}; '
            'LOAD t FROM s;' % retries)
    if retries:
        s3_by_proxy.run(text)
        assert s3_by_proxy.sql("SELECT v, count(*) FROM t GROUP BY v") == [("new" * 20, 60000)]
        return
    error = s3_by_proxy.fail(text, code=3)
    assert error["message"] == f"s3://{bucket.name}/a.parquet was replaced while it was read"
    assert "unsafe" not in str(error)


def test_export_obeys_retry_after_and_writes_once(s3_by_proxy, proxy, bucket):
    puts = []

    def fault(method, path):
        if method == "GET" or puts:
            return None
        if method == "HEAD":
            return SLOW_DOWN
        puts.append(time.monotonic())
        return SLOW_DOWN
    proxy.fault = fault
    s3_by_proxy.run(f"CREATE TABLE t AS SELECT 1 AS x; EXPORT t TO 's3://{bucket.name}/r.csv';")
    assert bucket.text("r.csv") == "x\n1\n"


def test_checks_before_anything_is_asked(s3, server):
    cases = [
        ('"key": "a*.csv"', "must not hold"),
        ('"key": "a?.csv"', "must not hold"),
        ('"key": "a[1].csv"', "must not hold"),
        ('"key": "a"', "which format"),
        ('"uri": "http://x/y.csv"', "must begin with s3://"),
        ('"key": "a.csv", "access_key_id": "x", "aws_profile": "y"', "exclude"),
        ('"key": "a.csv", "endpoint_url": "http://minio:9000"', "unencrypted"),
        ('"key": "a.csv", "compression": "snappy"', "compression"),
        ('"key": "a.csv", "bukket": "x"', "did you mean 'bucket'"),
    ]
    for options, word in cases:
        s3.pipeline(f"SOURCE src FROM \'lake\' OPTIONS {{{options}}}; LOAD t FROM src;")
        result = s3.sf("pipeline", "validate", "p", code=None)
        assert result.code == 4 and word in result.out + result.err, (options, result)
    s3.pipeline('SOURCE src FROM \'lake\' OPTIONS {"key": "a.csv", "use_ssl": false, '
                '"endpoint_url": "http://minio:9000"}; LOAD t FROM src;')
    s3.sf("pipeline", "validate", "p")
    s3.pipeline('SOURCE src FROM \'lake\' OPTIONS {"key": "a.parquet", "delimiter": ";"}; '
                'LOAD t FROM src;')
    result = s3.sf("pipeline", "validate", "p")
    assert "means nothing for parquet" in result.out + result.err


def test_export_checks(s3, bucket):
    for destination, word in (("a", "which format"), ("a[1].csv", "must not hold")):
        s3.pipeline(f"CREATE TABLE t AS SELECT 1 AS x; EXPORT t TO "
                    f"'s3://{bucket.name}/{destination}';")
        result = s3.sf("pipeline", "validate", "p", code=4)
        assert word in result.out + result.err


def test_connect(s3, server, proxy, bucket):
    bucket.put("a.csv", "id\n1\n")
    stages = s3.sf("connect", "test", "lake", "--write", "--format", "json").doc["stages"]
    assert [s["name"] for s in stages] == ["resolve", "connect", "authenticate", "list", "read",
                                           "write"]
    assert all(s["ok"] for s in stages)
    assert bucket.keys() == ["a.csv"], "the test left something behind"
    objects = s3.sf("connect", "discover", "lake", "--format", "json").doc["objects"]
    assert [(o["name"], o["bytes"]) for o in objects] == [(f"s3://{bucket.name}/a.csv", 5)]
    assert "key_pattern" in s3.sf("connect", "types", "s3").out
    s3.connect("down", "http://127.0.0.1:1", bucket.name)
    s3.connect("wrong", server.url, bucket.name, secret="wrongSecretValue")
    s3.connect("gone", server.url, "gone")
    for name, stage in (("down", "connect"), ("wrong", "authenticate"), ("gone", "list")):
        doc = s3.sf("connect", "test", name, "--format", "json", code=3).doc
        assert [s["name"] for s in doc["stages"] if not s["ok"]] == [stage], doc


def test_live_validation(s3, bucket):
    bucket.put("a.csv", "id,name\n1,x\n")
    s3.pipeline(SOURCE + "CREATE TABLE u AS SELECT id, nam FROM t;")
    s3.sf("pipeline", "validate", "p")
    result = s3.sf("pipeline", "validate", "p", "--live", code=None)
    assert result.code != 0 and "nam" in result.out + result.err
