"""Fixtures for all tests that run the real program; the tools are in harness.py."""
import pytest

from harness import Project


@pytest.fixture
def project(tmp_path):
    """An empty project with one persistent database, in a folder of its own."""
    return Project(tmp_path / "project")


@pytest.fixture
def memory_project(tmp_path):
    """An empty project whose database is in memory."""
    return Project(tmp_path / "project", database=None)
