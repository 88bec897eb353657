"""docs/udfs.md, done from top to bottom."""
import os
import sys

from harness import ROOT

sys.path.insert(0, str(ROOT / "tests/examples"))

from docpage import Page  # noqa: E402


def test_guide(tmp_path):
    Page(ROOT / "docs/udfs.md", tmp_path, {}).run(update=bool(os.environ.get("UPDATE")))
