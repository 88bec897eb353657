"""What the fault tests share: templates of the scenario, made once in each worker."""
import shutil
import tempfile

import pytest
import scenario

from harness import workplace


def prepared(**settings):
    folder = tempfile.mkdtemp(prefix="sqlflow-faults-", dir=workplace())
    yield scenario.Expected(folder, **settings)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def expected():
    yield from prepared()


@pytest.fixture(scope="session")
def branched():
    """The same with a join of many rows, before which the run commits on a branch."""
    yield from prepared(joined=True)


@pytest.fixture
def loaded(expected):
    """A project with batch 1 loaded and batch 2 waiting."""
    root = expected.folder / "one"
    scenario.copy(expected.loaded, root)
    yield root
    shutil.rmtree(root)
