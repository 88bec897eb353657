"""Small memory limits, and what the system gives only so much of (behaviour.md, 2; performance.md)."""
import gzip
import os
import resource
import subprocess

import pytest
from harness import BIN, SLOW, Project, environment, persistent

LIMIT = 64  # MB


@pytest.fixture
def small(tmp_path):
    """A project of two threads that share little memory."""
    profile = persistent(extra=f", memory_limit: {LIMIT}MB, threads: 2")
    return Project(tmp_path / "project", profile=profile)


def run_limited(project, text, number=None, value=None):
    """Exit code, output and peak RSS in MB of a run under one of the system's limits."""
    project.pipeline(text)

    def limit():
        if number is not None:
            resource.setrlimit(number, (value, value))

    process = subprocess.Popen([BIN, "run", "p"], cwd=project.root, env=environment(project.root), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=limit)
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, output, usage.ru_maxrss / 1024


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("sync", ["full_refresh", "incremental"])
def test_many_files_of_csv(small, packed, sync):
    """DuckDB's buffers for them are 32 MB a file."""
    for i in range(20):
        text = f"a,b\n{i},x\n".encode()
        small.write(f"in/{i}.csv{'.gz' if packed else ''}", gzip.compress(text) if packed else text)
    small.run(f'SOURCE s TYPE csv PARAMS {{"path": "in", "sync_mode": "{sync}"}};\nLOAD t FROM s;\n')
    assert small.sql("SELECT count(*), sum(a) FROM t") == [(20, 190)]


def test_a_large_csv_and_a_bad_line_where_a_chunk_begins(small):
    """Smaller buffers are other chunks: rows of the last one are not lost either."""
    line = "%07d," + "x" * 91 + "\n"
    text = "a,b\n" + "".join(line % i for i in range(125_000))
    load = 'SOURCE s TYPE csv PARAMS {"path": "in/s.csv"};\nLOAD t FROM s;\n'
    small.write("in/s.csv", text)
    small.run(load)
    assert small.sql("SELECT count(*), sum(a::INT) FROM t") == [(125_000, 124_999 * 62_500)]
    last = (len(text) - 1) // 2_000_000 * 2_000_000
    at = text.index("\n", last) + 1
    small.write("in/s.csv", text[:at] + "7,x,y\n" + text[at:])
    assert "Expected Number of Columns: 2 Found: 3" in small.fail(load)["message"]


@pytest.mark.skipif(SLOW, reason="sanitizers take memory of their own")
def test_memory_of_a_large_export(small):
    """What was written is read again for its hash, but not all at once."""
    text = "EXPORT (SELECT range AS a, repeat('x', 240) AS b FROM range(900_000)) TO 'out/x.csv';\n"
    code, output, rss = run_limited(small, text)
    assert code == 0 and small.path("out/x.csv").stat().st_size > 200_000_000, output
    assert rss < 1.6 * LIMIT + 100, rss


def test_a_step_that_needs_more_memory(small):
    error = small.fail("CREATE TABLE t AS SELECT list(range) AS l FROM range(20_000_000);\n", code=7)
    assert error["code"] == "SF0704" and "SET " not in error["message"]
    assert error["hint"] == "raise engines.duckdb.memory_limit, or lower engines.duckdb.threads"


def test_more_on_disk_than_is_allowed(tmp_path):
    profile = persistent(extra=f", memory_limit: {LIMIT}MB, threads: 2, max_temp_directory_size: 2MB")
    project = Project(tmp_path / "project", profile=profile)
    error = project.fail("CREATE TABLE t AS SELECT range AS a, hash(range) AS h FROM range(6_000_000) "
                         "ORDER BY h;\n", code=7)
    assert error["code"] == "SF0704" and "max_temp_directory_size" in error["hint"]
    assert project.files(".sqlflow") == []


@pytest.mark.skipif(SLOW, reason="sanitizers open files of their own")
def test_out_of_open_files(project):
    text = "CREATE TABLE t AS SELECT 1 AS a;\n"
    code, output, _ = run_limited(project, text, resource.RLIMIT_NOFILE, 8)
    assert code == 7 and "SF0709" in output and "cannot open the database" in output, output
    project.run(text)


@pytest.mark.skipif(SLOW or os.getuid() != 0, reason="root becomes another user, whose threads count")
def test_out_of_threads(project):
    """In a container with a limit of processes, say."""
    project.pipeline("CREATE TABLE t AS SELECT 1 AS a;\n")
    done = subprocess.run(["setpriv", "--reuid=31415", "--clear-groups", "--regid=31415", "bash", "-c",
                           f"ulimit -u 1; exec {BIN} run p --project-dir {project.root}"],
                          env=environment(project.root), capture_output=True, text=True, cwd="/")
    if "SF0709" not in done.stderr and done.returncode in (126, 127):
        pytest.skip("another user may not run the program")
    assert done.returncode == 7 and "cannot start a thread" in done.stderr, done
