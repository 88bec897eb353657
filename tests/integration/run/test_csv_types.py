"""Types come from a sample: what is behind it is read as it is, or refused (behaviour.md, 1)."""
import gzip

import pytest

HEAD = 800_000  # lines: more than what is looked at as a whole
SOURCE = 'SOURCE s TYPE csv PARAMS {{"path": "data/s.csv"{extra}}};\n'
LOAD = SOURCE + "LOAD t FROM s{mode};\n"
BIG = 9223372036854775807


def write(project, tail):
    head = "".join(f"{i % 1000},x\n" for i in range(HEAD))
    project.write("data/s.csv", f"a,b\n{head}{tail}")


def test_fraction_is_refused(project):
    write(project, "1.5,x\n")
    error = project.fail(LOAD.format(extra="", mode=""))
    assert error["code"] == "SF0604"
    for part in ("data/s.csv", "column 'a'", "'1.5'", "20,480"):
        assert part in error["message"]
    assert '"a": "DOUBLE"' in error["hint"] and "sample_size" in error["hint"]
    for extra in (', "column_types": {"a": "DOUBLE"}', ', "sample_size": 0'):
        project.run(LOAD.format(extra=extra, mode=""))
        assert project.sql("SELECT typeof(a) FROM t WHERE a = 1.5") == [("DOUBLE",)]


def write_times(project, kind, last):
    head = "".join(f"{i},2024-01-05{' ' if i % 2 else 'T'}10:00:{i % 60:02d}{kind}\n" for i in range(200_000))
    project.write("data/s.csv", f"a,b\n{head}-1,{last}\n")


@pytest.mark.parametrize("kind, last, value", [
    ("", "2024-02-29", "2024-02-29 00:00:00"), ("", "2024-02-29 23:59", "2024-02-29 23:59:00"),
    ("", "1969-12-31 23:59:59.25", "1969-12-31 23:59:59.25"), ("", "0001-01-01 00:00:00.000001", "0001-01-01 00:00:00.000001"),
    ("", "infinity", "infinity"), (".5", "12024-01-05 10:00:00", "12024-01-05 10:00:00"), ("", "", None),
    ("Z", "2024-01-05 10:00:00.123456+02:00", "2024-01-05 08:00:00.123456+00"), ("Z", "1500-01-05 10:00:00Z", "1500-01-05 10:00:00+00"),
    ("Z", "2024-01-05 10:00:00 Europe/Paris", "2024-01-05 09:00:00+00"), ("Z", "-infinity", "-infinity")])
def test_times_behind_the_sample(project, kind, last, value):
    write_times(project, kind, last)
    project.run(LOAD.format(extra="", mode=""))
    assert project.sql("SELECT b::VARCHAR FROM t WHERE a = -1") == [(value,)]
    assert project.sql("SELECT count(*), count(DISTINCT b), typeof(any_value(b)) FROM t WHERE a >= 0") == \
        [(200_000, 60, "TIMESTAMP WITH TIME ZONE" if kind == "Z" else "TIMESTAMP")]


@pytest.mark.parametrize("kind, last, hint", [
    ("", "2024-01-05 10:00:00.123456789", "TIMESTAMP_NS"), ("", "2024-01-05 10:00:00+02:00", "TIMESTAMPTZ"),
    ("", "2023-02-29 10:00:00", "VARCHAR"), ("Z", "2024-01-05 10:00:00.1234567Z", "VARCHAR")])
def test_times_that_would_change(project, kind, last, hint):
    write_times(project, kind, last)
    error = project.fail(LOAD.format(extra="", mode=""))
    assert error["code"] == "SF0604" and f"'{last}'" in error["message"] and hint in error["hint"]
    project.run(LOAD.format(extra=f', "column_types": {{"b": "VARCHAR"}}', mode=""))
    assert project.sql("SELECT b FROM t WHERE a = -1") == [(last,)]


WAYS = [
    ("", LOAD, ""), (', "columns": ["a"]', LOAD, ""),
    (', "sync_mode": "incremental", "cursor_field": "a"', LOAD, ""),
    (', "sync_mode": "incremental"', LOAD, " MODE APPEND"),
    ("", SOURCE + "CREATE TABLE t AS SELECT a, b FROM s;\n", ""),
]


@pytest.mark.parametrize("extra, text, mode", WAYS)
@pytest.mark.parametrize("commit", ["run", "step"])
def test_long_numbers_are_read_again(project, extra, text, mode, commit):
    """The guess of their length was wrong: no failure, no warning and no retry that counts."""
    write(project, f"{BIG},x\n-{BIG},x\n")
    done = project.run(text.format(extra=extra, mode=mode), "--commit", commit)
    assert done["status"] == "success"
    assert [s["retries"] for s in done["steps"] if s.get("retries")] == []
    assert project.sql("SELECT a, typeof(a) FROM t WHERE a NOT BETWEEN 0 AND 999 ORDER BY a") == \
        [(-BIG, "BIGINT"), (BIG, "BIGINT")]
    assert project.sql("SELECT count(*) FROM t") == [(HEAD + 2,)]
    assert project.statuses() == ["success"]


def load_small(project, content, extra="", code=0):
    project.write("data/s.csv", content)
    document = project.run(LOAD.format(extra=extra, mode=""), code=code)
    return document["error"] if code else project.sql("SELECT * FROM (SELECT COLUMNS(*)::VARCHAR FROM t)")


@pytest.mark.parametrize("kind, value, hint", [
    ("TIMESTAMP", "2026-01-01T10:00:00+02:00", "TIMESTAMPTZ"), ("TIMESTAMP", "2026-01-01 10:00:00.123456789", "TIMESTAMP_NS"),
    ("TIMESTAMP_S", "2026-01-01 10:00:00.5", "VARCHAR"), ("TIMESTAMPTZ", "2026-01-01 10:00:00.1234567Z", "VARCHAR"),
    ("TIME", "10:00:00+02", "VARCHAR"), ("TIME", "10:00 PM", "VARCHAR"), ("TIMESTAMP", "soon", "VARCHAR")])
def test_times_that_a_given_type_would_change(project, kind, value, hint):
    error = load_small(project, f"a,t\n1,{value}\n", f', "column_types": {{"t": "{kind}"}}', code=1)
    assert error["code"] == "SF0604" and f"'{value}'" in error["message"] and "column 't'" in error["message"]
    assert f'{{"t": "{hint}"}}' in error["hint"]


@pytest.mark.parametrize("kind, value, text", [
    ("TIMESTAMP", "2026-01-01T10:00:00Z", "2026-01-01 10:00:00"), ("TIMESTAMP", "2026-01-01", "2026-01-01 00:00:00"),
    ("TIMESTAMP", "2026-01-01 10:00:00.120000000", "2026-01-01 10:00:00.12"), ("TIMESTAMP", "", None),
    ("TIMESTAMP", "infinity", "infinity"), ("TIMESTAMPTZ", "2026-01-01T10:00:00+02:00", "2026-01-01 08:00:00+00"),
    ("TIMESTAMP_NS", "2026-01-01 10:00:00.123456789", "2026-01-01 10:00:00.123456789"), ("TIME", "24:00", "24:00:00")])
def test_times_that_a_given_type_keeps(project, kind, value, text):
    assert load_small(project, f"a,t\n1,{value}\n", f', "column_types": {{"t": "{kind}"}}') == [("1", text)]


@pytest.mark.parametrize("value, kind", [
    ("9007199254740993", "VARCHAR"), ("12345678901234567890.12", "VARCHAR"), ("-9007199254740993", "VARCHAR"),
    ("9007199254740992", "DOUBLE"), ("9223372036854775808", "DOUBLE"), ("9223372036854775809.0", "VARCHAR"), ("1e300", "DOUBLE"), ("100000000000000000000", "DOUBLE"), ("0.30000000000000004", "DOUBLE")])
def test_long_numbers_beside_fractions(project, value, kind):
    rows = load_small(project, f"a\n1.5\n{value}\n")
    assert project.sql("SELECT DISTINCT typeof(a) FROM t") == [(kind,)]
    assert rows[1] == (value,) if kind == "VARCHAR" else float(rows[1][0]) == float(value)


@pytest.mark.parametrize("first, value, kind", [
    ("2026-01-01 10:00:00", "2026-01-01 10:00:00.123456789", "TIMESTAMP_NS"), ("10:00:00", "10:00:00.1234567", "VARCHAR"),
    ("3026-01-01 10:00:00", "2026-01-01 10:00:00.123456789", "VARCHAR"),
    ("2026-01-01 10:00:00Z", "2026-01-01 10:00:00.123456789Z", "VARCHAR"),
    ("2026-01-01 10:00:00", "2026-01-01 10:00:00.123456", "TIMESTAMP")])
def test_detected_times_keep_their_digits(project, first, value, kind):
    assert (load_small(project, f"t\n{first}\n{value}\n"))[1] == (value,)
    assert project.sql("SELECT DISTINCT typeof(t) FROM t") == [(kind,)]


@pytest.mark.parametrize("content, words", [
    ("a,b\r\n1,x\n2,y\r\n".encode(), ["data/s.csv", r"\r\n and others in \n", "sed -i"]),
    ("a,b\n" + "1,x\n" * 2_000_100 + "2,y\r\n", ["state machine", "here and in", "sed -i"]),
    ("a,b\n1,é\n".encode("latin-1"), ["not utf-8", '"encoding"']),
    (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", ["compressed by gzip", '"compression": "gzip"']),
    (b"\x28\xb5\x2f\xfd\x00\x00", ["compressed by zstd", ".zst"]),
    ("a,b\n1," + "x" * 3_000_000 + "\n", ["Maximum line size", '"max_line_size"'])])
def test_files_that_cannot_be_read_say_why(project, content, words):
    error = load_small(project, content, code=1)
    assert error["code"] == "SF0508" and len(error["message"]) < 900
    for word in words:
        assert word in error["message"] + error["hint"]


@pytest.mark.parametrize("tail", ["2,y,z\n", "2\n", "2,y\r\n", "2,y,z\n3,a\n4,b\n"])
@pytest.mark.parametrize("path", ["s.csv", "s*.csv", "s.csv.gz", "s*.csv.gz"])
def test_a_bad_line_where_a_threads_part_begins(project, tail, path):
    """DuckDB's threads take 8,000,000 bytes each; the last one passed over all of its part."""
    def write(end):
        content = ("a,b\n" + "1,x\n" * 2_000_000 + end).encode()
        project.write("data/s.csv.gz" if path.endswith("gz") else "data/s.csv",
                      gzip.compress(content, 1) if path.endswith("gz") else content)

    write(tail)
    error = project.fail(f'SOURCE s TYPE csv PARAMS {{"path": "data/{path}"}}; LOAD t FROM s;')
    assert error["code"] == "SF0508"
    write("2,y\n3,z")
    project.run(name="p")
    assert project.sql("SELECT count(*), max(b) FROM t") == [(2_000_002, "z")]


def test_of_many_files_the_one_that_cannot_be_read_is_named(project):
    project.write("data/s1.csv", "a,b\n1,x\n")
    project.write("data/s2.csv", "a,b\n1,é\n".encode("latin-1"))
    error = project.fail('SOURCE s TYPE csv PARAMS {"path": "data/s*.csv"}; LOAD t FROM s;')
    assert error["message"].startswith("data/s2.csv: ") and "utf-8" in error["message"]


def test_longer_lines(project):
    rows = load_small(project, "a,b\n1," + "x" * 3_000_000 + "\n", ', "max_line_size": 4000000')
    assert len(rows[0][1]) == 3_000_000
    assert "positive" in load_small(project, "a\n1\n", ', "max_line_size": 0', code=4)["message"]


def test_what_is_no_number_is_told_with_its_line(project):
    head = "".join(f"{i}.5,x\n" for i in range(HEAD))
    project.write("data/s.csv", f"a,b\n{head}bad,x\n")
    error = project.fail(LOAD.format(extra="", mode=""))
    assert f"Line: {HEAD + 2}" in error["message"] and '"bad" to \'DOUBLE\'' in error["message"]
    assert "ignore_errors" in error["hint"]
    project.write("data/s.csv", f"a,b\n{head}1e300,x\nbad,x\n")
    document = project.run(LOAD.format(extra=', "ignore_errors": true', mode=""))
    [warning] = document["warnings"]
    assert "1 line could not be read" in warning["message"]
    assert project.sql("SELECT count(*), max(a) FROM t") == [(HEAD + 1, 1e300)]


@pytest.mark.parametrize("extra", ["", ', "ignore_errors": true'])
def test_lists_keep_their_values(project, extra):
    text = LOAD.format(extra=f', "delimiter": ";", "column_types": {{"v": "INTEGER[]"}}{extra}', mode="")
    project.write("data/s.csv", "id;v\n1;[1, 2]\n2;\n")
    project.run(text)
    assert project.table("t") == [(1, [1, 2]), (2, None)]
    project.write("data/s.csv", "id;v\n1;[1, 2]\n2;[1.5]\n")
    error = project.fail(text)
    assert error["code"] == "SF0604" and "column 'v'" in error["message"] and "'[1.5]'" in error["message"]


@pytest.mark.parametrize("uses", ["CREATE TABLE a AS FROM s;", "LOAD a FROM s; LOAD b FROM s;",
                                  "CREATE TABLE a AS FROM s; LOAD b FROM s; EXPORT FROM s TO 'out.csv';"])
def test_a_source_warns_once_however_often_it_is_used(project, uses):
    project.write("in.csv", "id,d\n1,05.01.26\n")
    document = project.run('SOURCE s TYPE csv PARAMS {"path": "in.csv"};\n' + uses)
    assert [w["code"] for w in document["warnings"]] == ["SF0514"]
    assert "%d.%m.%y" in document["warnings"][0]["hint"]
    assert len(project.table("a")) == 1
