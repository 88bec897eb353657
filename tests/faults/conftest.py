"""What the fault tests share: templates of the scenario, made once in each worker."""
import shutil
import tempfile

import pytest
import scenario


@pytest.fixture(scope="session")
def expected():
    folder = tempfile.mkdtemp(prefix="sqlflow-faults-", dir=scenario.workplace())
    yield scenario.Expected(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def loaded(expected):
    """A project with batch 1 loaded and batch 2 waiting."""
    root = expected.folder / "one"
    scenario.copy(expected.loaded, root)
    yield root
    shutil.rmtree(root)
