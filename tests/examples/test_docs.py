"""Everything the documentation shows is done: see README.md. UPDATE=1 takes over the outputs."""
import os
import re
import shutil
import subprocess
import sys

import pytest

from harness import BIN, ROOT

sys.path.insert(0, str(ROOT / "tests/examples"))
sys.path.insert(0, str(ROOT / "tests/integration/postgres"))
sys.path.insert(0, str(ROOT / "tests/integration/s3"))

from docpage import Page, parse  # noqa: E402

UPDATE = bool(os.environ.get("UPDATE"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")),
         *sorted((ROOT / "examples").glob("**/README.md"))]
OTHERS = ("docs/cli.md", "docs/udfs.md", "docs/architecture.md")  # generated, or tested elsewhere
TESTED = [page for page in PAGES if str(page.relative_to(ROOT)) not in OTHERS]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name(page):
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="session")
def postgres():
    """A server for the pages that need one, with database `shop` and the role `etl`."""
    from pgserver import BINARIES, Server
    if not (BINARIES / "initdb").exists() or not shutil.which("psql"):
        pytest.skip("PostgreSQL 15 is not installed")
    server = Server().start()
    server.sql("CREATE ROLE etl LOGIN SUPERUSER PASSWORD 's3cret'")
    server.sql("CREATE DATABASE shop OWNER etl")
    yield {"PGPORT": str(server.port), "PGHOST": "127.0.0.1", "PGSSLMODE": "prefer",
           "PGDATABASE": "shop", "PGUSER": "etl", "PGPASSWORD": "s3cret"}
    server.remove()


@pytest.fixture(scope="session")
def s3():
    """A server with the bucket `lake`; pages find it by ${S3_ENDPOINT}, ${S3_KEY}, ${S3_SECRET}."""
    try:
        from s3server import KEY, SECRET, WEED, Server
    except ImportError as missing:
        pytest.skip(f"no S3 server: {missing}")
    if not WEED.exists():
        pytest.skip("seaweedfs is not installed")
    server = Server().start()
    server.s3.create_bucket(Bucket="lake")
    yield {"S3_ENDPOINT": server.url, "S3_KEY": KEY, "S3_SECRET": SECRET}
    server.process.kill()  # its orderly end takes 20 s
    server.stop()


@pytest.mark.parametrize("page", TESTED, ids=name)
def test_page(page, tmp_path, request):
    folder = tmp_path / "you"
    if page.parent.parent.name == "examples":  # an example project: its page is run inside a copy
        shutil.copytree(page.parent, folder, ignore=shutil.ignore_patterns(
            "output", "target", ".sqlflow", "*.duckdb*", "__pycache__"))
    folder.mkdir(exist_ok=True)
    env = {}
    for needed in re.findall(r"^<!-- needs: (\w+) -->$", page.read_text(), re.M):
        env |= request.getfixturevalue(needed)
    Page(page, folder, env).run(update=UPDATE)


@pytest.mark.parametrize("page", TESTED, ids=name)
def test_most_of_a_page_is_run(page):
    """A block that is not run says why; there are few of them."""
    blocks = parse(page.read_text())
    skipped = [b for b in blocks if b.mark == "not run"]
    assert all(b.value for b in skipped)
    assert len(skipped) <= max(3, len(blocks) // 4)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in LINK.findall(text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), f"{name(page)}: {target} is not there"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path.read_text()), f"{name(page)}: no heading {target}"


def anchors(text):
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_generated_pages_are_up_to_date(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "tools/gen-docs", "--check"], cwd=ROOT,
                          env={**os.environ, "SQLFLOW_BIN": BIN}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_that_the_guarantees_name_exist():
    """docs/guarantees.md names a test for each promise, as file.py::test or a golden folder."""
    text = (ROOT / "docs/guarantees.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 20
    for file, test in named:
        assert (ROOT / file).exists(), f"{file} is not there"
        assert f"def {test}(" in (ROOT / file).read_text(), f"no {test} in {file}"
    for folder in re.findall(r"`(tests/[\w/]+)`", text):
        assert (ROOT / folder).exists(), f"{folder} is not there"


def test_every_column_of_the_state_is_documented():
    """docs/state.md against src/state/schema.sql."""
    schema = (ROOT / "src/state/schema.sql").read_text()
    page = (ROOT / "docs/state.md").read_text()
    form = r"CREATE TABLE IF NOT EXISTS _sqlflow\.(\w+)\(([^;]*)\);"
    for table, columns in re.findall(form, schema):
        section = page.split(f"| `{table}` | |")[1].split("\n\n")[0]
        for column in re.findall(r"(\w+) [A-Z]+[,)\n]|(\w+) [A-Z]+$", columns):
            assert f"`{column[0] or column[1]}`" in section, f"{table}.{column} is not described"


def test_every_profile_key_is_documented():
    """docs/profiles.md against the keys that src/project/profile.c knows."""
    code = (ROOT / "src/project/profile.c").read_text()
    tables = code[code.index("static const Section top"):code.index("typedef struct Filler")]
    page = (ROOT / "docs/profiles.md").read_text()
    keys = re.findall(r'\{"(\w+)", (?:NULL|"(\w+)")\}', tables)
    assert len(keys) > 15
    for key, older in keys:
        for name_of_key in filter(None, (key, older)):
            assert name_of_key in page, f"docs/profiles.md does not tell of {name_of_key}"


def test_every_connector_has_a_section():
    """docs/connectors.md has a heading for each line of src/connectors/list.def."""
    table = (ROOT / "src/connectors/list.def").read_text()
    listed = re.findall(r"^CONNECTOR\((\w+)\)", table, re.M)
    titles = anchors((ROOT / "docs/connectors.md").read_text())
    for connector in listed:
        assert any(title.startswith(connector) for title in titles), \
            f"docs/connectors.md has no section on {connector}"
