"""Fixtures for all tests that run the real program; the tools are in harness.py."""
import os
import shutil
import subprocess

import pytest

from harness import ROOT, SLOW, Project, workplace

if workplace():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(workplace()))


@pytest.fixture
def project(tmp_path):
    """An empty project with one persistent database, in a folder of its own."""
    return Project(tmp_path / "project")


def build_preload(source, folder):
    """A C file as a library for LD_PRELOAD. Sanitizers do not go with it: the test is skipped."""
    if SLOW:
        pytest.skip("LD_PRELOAD does not go with this build")
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    library = folder / f"{source.stem}.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture(scope="session")
def fault_shim(tmp_path_factory):
    """Path of tests/faults/shim.c as a library."""
    return build_preload(ROOT / "tests/faults/shim.c", tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="session")
def clock_shim(tmp_path_factory):
    """Path of tests/faults/clock_shim.c as a library."""
    return build_preload(ROOT / "tests/faults/clock_shim.c", tmp_path_factory.mktemp("shim"))
