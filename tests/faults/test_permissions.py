"""Folders and files without permission, as a user whom the system refuses (root is never refused)."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
import scenario
from harness import BIN, environment

NOBODY = 65534


def as_nobody(root, *args):
    done = subprocess.run([BIN, *args], cwd=root, env=environment(root), stdin=subprocess.DEVNULL,
                          capture_output=True, user=NOBODY, group=NOBODY, extra_groups=[])
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.fixture
def owned(expected):
    """The loaded project, all of it nobody's, in a folder that nobody reaches."""
    if os.getuid() != 0:
        pytest.skip("only root may become another user")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sqlflow-perm-"))
    folder.chmod(0o755)
    root = folder / "p"
    scenario.copy(expected.loaded, root)
    for path in [root, *root.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    if as_nobody(root, "version")[0] != 0:
        pytest.skip("nobody may not run the program")
    yield root
    shutil.rmtree(folder)


def snapshot(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*")
            if p.is_file() and "target" not in p.parts and ".duckdb" not in p.name}


def lock(path, mode):
    path.chmod(mode)
    os.chown(path, 0, 0)


CASES = {
    "output folder": ("output", 0o555), "database folder": ("data", 0o555), "database file": ("data/warehouse.duckdb", 0o444),
    "database file unreadable": ("data/warehouse.duckdb", 0o600), "source file": ("data/orders.csv", 0o600),
    "folder below output": ("output/deep/down", 0o555), "source folder": ("data/days", 0o700),
    "pipeline": ("pipelines/p.sf", 0o600), "profile": ("profiles/dev.yml", 0o600),
}


@pytest.mark.parametrize("name", list(CASES))
def test_refused(expected, owned, name):
    """Exit 6, the path named, everything as it was; once allowed, the run is right."""
    place, mode = CASES[name]
    path = owned / place
    info = path.stat()
    lock(path, mode)
    before = snapshot(owned)
    code, text = as_nobody(owned, "run", "p")
    assert code == 6, f"exit {code}\n{text}"
    assert place.split("/")[-1] in text, text
    assert snapshot(owned) == before
    found = scenario.contents(owned)
    assert {name: found[name] for name in scenario.TABLES} == {name: expected.first[name] for name in scenario.TABLES}
    os.chown(path, NOBODY, NOBODY)
    path.chmod(info.st_mode)
    code, text = as_nobody(owned, "run", "p")
    assert code == 0, text
    assert scenario.exports(owned) == expected.new_exports
    assert scenario.contents(owned)["orders"] == expected.after["orders"]
    assert scenario.leftovers(owned) == []


def test_reader_of_a_read_only_copy(owned):
    """A database that may only be read can be looked into."""
    lock(owned / "data/warehouse.duckdb", 0o444)
    lock(owned / "data", 0o555)
    code, text = as_nobody(owned, "query", "SELECT count(*) AS n FROM orders", "--format", "csv")
    assert (code, text) == (0, "n\n40\n")


def test_looking_at_a_read_only_project(owned):
    """What only looks writes nothing, not even a folder for what may be spilled; a run says what it cannot make."""
    shutil.rmtree(owned / ".sqlflow", ignore_errors=True)
    lock(owned, 0o555)
    for words in (["pipeline", "validate", "p"], ["query", "SELECT 1"], ["history"], ["state", "list"]):
        code, text = as_nobody(owned, *words)
        assert code == 0, (words, text)
    code, text = as_nobody(owned, "run", "p")
    assert code == 6 and ".sqlflow/tmp: Permission denied" in text, text


def test_unwritable_target_folder(owned, expected):
    """What the run reports in target/ is no reason to fail it silently: a warning, or exit 6."""
    lock(owned / "target", 0o555)
    code, text = as_nobody(owned, "run", "p")
    assert code in (0, 6) and "target" in text and "ermission" in text, text
    os.chown(owned / "target", NOBODY, NOBODY)
    (owned / "target").chmod(0o755)
    assert as_nobody(owned, "run", "p")[0] == 0
    assert scenario.contents(owned)["orders"] == expected.after["orders"]
