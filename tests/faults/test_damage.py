"""Files that are not what they should be: damaged and foreign databases, WALs, newer versions."""
import shutil
import subprocess
import sys

import duckdb
import pytest
import scenario
from harness import fault, query_database

DATABASE = "data/warehouse.duckdb"


def refuse(root, code=4, word=DATABASE):
    """The run ends with a clear error and every file as it was."""
    before = tree(root)
    found, text = scenario.run(root)
    assert found == code, f"exit {found}\n{text}"
    assert word in text, text
    assert tree(root) == before
    found, text = scenario.run(root, args=("query", "FROM orders"))
    assert found in (code, 4), text
    assert tree(root) == before
    return text


def tree(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*")
            if p.is_file() and "target" not in p.parts and ".sqlflow" not in p.parts and p.suffix != ".lock"}


def zeroed(data, at, size):
    return data[:at] + bytes(size) + data[at + size:]


DAMAGE = {
    "text": lambda data: b"this is no database\n" * 1000,
    "sqlite": lambda data: b"SQLite format 3\0" + bytes(8192),
    "short": lambda data: data[:100],
    "no_header": lambda data: zeroed(data, 0, 4096),
    "no_second_headers": lambda data: zeroed(data, 4096, 8192),
    "newer_version": lambda data: data[:12] + (999).to_bytes(8, "little") + data[20:],
}


@pytest.mark.parametrize("name", list(DAMAGE))
def test_damaged_database(loaded, name):
    path = loaded / DATABASE
    path.write_bytes(DAMAGE[name](path.read_bytes()))
    refuse(loaded)


def test_database_cut_in_half(loaded):
    """Its headers are fine, so it opens: reading what is gone fails, and nothing is written over it."""
    path = loaded / DATABASE
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    before = scenario.exports(loaded)
    code, text = scenario.run(loaded)
    assert code in (1, 4) and DATABASE in text, text
    assert scenario.exports(loaded) == before


def test_flipped_bits_never_pass_for_data(loaded):
    """Blocks carry checksums: a changed one is an error or was not in use, never other rows."""
    path = loaded / DATABASE
    good, wanted = path.read_bytes(), scenario.contents(loaded)
    for at in range(12288 + 4000, len(good), len(good) // 12):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0xff]) + good[at + 1:])
        code, text = scenario.run(loaded, args=("query", "SELECT * FROM orders ORDER BY id", "--format", "csv"))
        assert code in (0, 1, 4, 5, 7) and (code == 0 or text.strip())
        if code == 0:
            path_rows = len(text.splitlines()) - 1
            assert path_rows == len(wanted["orders"])
    path.write_bytes(good)


def test_database_is_a_folder(loaded):
    (loaded / DATABASE).unlink()
    (loaded / DATABASE).mkdir()
    code, text = scenario.run(loaded)
    assert code == 4 and DATABASE in text


def test_empty_file_is_a_new_database_or_refused(expected):
    root = expected.folder / "empty-file"
    scenario.copy(expected.empty, root)
    (root / DATABASE).write_bytes(b"")
    code, text = scenario.run(root)
    assert code in (0, 4), text
    if code == 0:
        assert scenario.contents(root)["orders"] == expected.first["orders"]
    shutil.rmtree(root)


def other_database(folder, rows=3):
    """A database with its WAL not yet merged: gives the paths of both."""
    path = folder / "other.duckdb"
    subprocess.run([sys.executable, "-c", f"""
import duckdb
c = duckdb.connect(':memory:')
c.execute("ATTACH '{path}' AS o (STORAGE_VERSION 'latest'); USE o")
c.execute("CREATE TABLE orders(id BIGINT, status VARCHAR, amount BIGINT, updated_at TIMESTAMP); CHECKPOINT o")
c.execute("PRAGMA disable_checkpoint_on_shutdown; SET checkpoint_threshold = '1TB'")
c.execute("INSERT INTO orders SELECT i, 'foreign', 0, NULL FROM range({rows}) r(i)")
"""], check=True)
    wal = path.with_name("other.duckdb.wal")
    assert wal.exists()
    return path, wal


def test_foreign_wal_is_refused(loaded, tmp_path):
    _, wal = other_database(tmp_path)
    shutil.copy(wal, loaded / (DATABASE + ".wal"))
    refuse(loaded)
    (loaded / (DATABASE + ".wal")).unlink()
    assert scenario.run(loaded)[0] == 0


def test_wal_of_a_twin_is_refused(expected, loaded, fault_shim):
    """The WAL that a run left in another database with the same tables and the same past."""
    twin = expected.folder / "twin"
    scenario.copy(expected.empty, twin)
    try:
        expected.undisturbed(twin)
        scenario.write_inputs(twin, 2)
        env = fault(fault_shim, at=1, do="kill_before", calls="rename", path="summary.csv")
        scenario.run(twin, env)
        shutil.copy(twin / (DATABASE + ".wal"), loaded / (DATABASE + ".wal"))
    finally:
        shutil.rmtree(twin)
    refuse(loaded)
    (loaded / (DATABASE + ".wal")).unlink()
    scenario.check(expected, loaded)


@pytest.mark.parametrize("byte", [0x00, 0xff])
def test_garbage_wal(expected, loaded, byte):
    """Refused, or dropped with everything right: never an effect."""
    wal = loaded / (DATABASE + ".wal")
    wal.write_bytes(bytes([byte]) * 5000)
    code, text = scenario.run(loaded)
    assert code in (0, 4), text
    if code == 4:
        assert wal.read_bytes() == bytes([byte]) * 5000
        wal.unlink()
        code, text = scenario.run(loaded)
    assert code == 0, text
    assert scenario.contents(loaded)["orders"] == expected.after["orders"]


def test_own_wal_cut_short_replays_what_was_committed(expected, loaded, fault_shim):
    """Killed after the commit, then the WAL's tail is lost: either state, but a whole one."""
    env = fault(fault_shim, at=1, do="kill_before", calls="rename", path="summary.csv")
    scenario.run(loaded, env)
    wal = loaded / (DATABASE + ".wal")
    assert wal.exists(), "the commit is in the WAL, the checkpoint comes after the exports"
    data = wal.read_bytes()
    for size in range(0, len(data), max(1, len(data) // 8)):
        root = expected.folder / "cut"
        scenario.copy(loaded, root)
        (root / (DATABASE + ".wal")).write_bytes(data[:size])
        code, text = scenario.run(root, args=("query", "SELECT count(*) AS n FROM orders", "--format", "csv"))
        assert code == 0, text
        assert text.split() in (["n", "40"], ["n", "60"])
        shutil.rmtree(root)


def test_database_of_another_program_that_has_it_open(loaded):
    holder = subprocess.Popen([sys.executable, "-c", f"""
import duckdb, sys
c = duckdb.connect('{loaded / DATABASE}')
print('open', flush=True)
sys.stdin.read()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"open\n"
        code, text = scenario.run(loaded)
        assert code == 7 and DATABASE in text and str(holder.pid) in text
    finally:
        holder.stdin.close()
        holder.wait()
    assert scenario.run(loaded)[0] == 0


def test_state_of_a_newer_version(loaded):
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{loaded / DATABASE}' AS db; UPDATE db._sqlflow.schema_version SET version = 999")
    code, text = scenario.run(loaded)
    assert code == 4 and "999" in text
    assert query_database(loaded / DATABASE, "SELECT count(*) FROM orders") == [(40,)]
