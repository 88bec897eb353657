"""Types come from a sample: what is behind it is read as it is, or refused (behaviour.md, 1)."""
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
