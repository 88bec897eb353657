"""Golden folders: a small project, commands, and what must come out. See README.md.

UPDATE=1 rewrites what is expected; look at the difference before you commit it.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest
from harness import BIN, PATIENCE, environment, persistent, query_database

HERE = pathlib.Path(__file__).parent
CASES = sorted(p.name for p in HERE.iterdir() if p.is_dir() and (p / "expected").is_dir())
UPDATE = bool(os.environ.get("UPDATE"))

VOLATILE = [
    (r"\b\d{8}-\d{6}-[0-9a-f]{8}\b", "RUN"),
    (r"(\"(?:seconds|age)\": )[0-9.eE+-]+", r"\g<1>0"),
    (r"\b\d+\.\d\d s\b", "0.00 s"),
    (r"(\"pipeline_hash\": )\"[0-9a-f]+\"", r'\g<1>"HASH"'),
    (r"(\"(?:started_at|ended_at|updated_at|published_at)\": )\"[^\"]*\"", r'\g<1>"TIME"'),
    (r"(\"(?:version|duckdb_version)\": )\"[^\"]*\"", r'\g<1>"VERSION"'),
    (r"\b20[2-9]\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{6}(Z|\+00)?", "TIME"),
]


def normalised(text, root, extra=()):
    text = text.replace(str(root), "PROJECT")
    for pattern, by in [*VOLATILE, *extra]:
        text = re.sub(pattern, by, text, flags=re.MULTILINE)
    return text


def make_project(case, root):
    shutil.copytree(case, root, ignore=shutil.ignore_patterns("expected"))
    for name, place in (("pipeline.sf", "pipelines/pipeline.sf"), ("profile.yml", "profiles/dev.yml")):
        if (root / name).exists():
            (root / place).parent.mkdir(exist_ok=True)
            (root / name).rename(root / place)
    if not (root / "profiles").exists():
        (root / "profiles").mkdir()
        (root / "profiles/dev.yml").write_text(persistent())


def commands_of(root):
    path = root / "commands"
    if not path.exists():
        return ["sqlflow run pipeline"]
    lines = path.read_text().splitlines()
    path.unlink()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def substitutions_of(root):
    """Lines "pattern => replacement" of the file `volatile`: what else differs from run to run."""
    path = root / "volatile"
    if not path.exists():
        return []
    return [tuple(line.split(" => ")) for line in path.read_text().split("\n") if line]


def run_commands(root):
    """Gives stdout, stderr (each command's under a line that names it, when there are several)
    and the exit codes."""
    lines = commands_of(root)
    several = sum(not line.startswith("!") for line in lines) > 1
    out, err, codes = [], [], []
    for line in lines:
        if line.startswith("!"):
            subprocess.run(["bash", "-euc", line[1:]], cwd=root, check=True, timeout=PATIENCE)
            continue
        words = shlex.split(line)
        assert words[0] == "sqlflow", f"a command is 'sqlflow …' or '! shell', not: {line}"
        done = subprocess.run([BIN, *words[1:]], cwd=root, env=environment(root),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        head = f"$ {line}\n" if several else ""
        out.append(head + done.stdout.decode())
        if done.stderr:
            err.append(head + done.stderr.decode())
        codes.append(done.returncode)
    return "".join(out), "".join(err), "".join(f"{code}\n" for code in codes)


def table_csv(database, name):
    name = f'"{name}"'
    rows = query_database(database, f"DESCRIBE SELECT * FROM {name}")
    rows = [row for row in rows if row[0] != "_sqlflow_file"]
    columns = ", ".join('"' + row[0].replace('"', '""') + '"' for row in rows)
    lines = [",".join(f"{row[0]}:{row[1]}" for row in rows)]
    for row in query_database(database, f"SELECT {columns} FROM {name} ORDER BY ALL"):
        lines.append(",".join("" if v is None else f"<{v}>" if v == "" else str(v) for v in row))
    return "\n".join(lines) + "\n"


def outcome(case, root):
    """Everything a case shows: name of an expected file → its text."""
    extra = substitutions_of(root)
    out, err, codes = run_commands(root)
    found = {"stdout": normalised(out, root, extra), "stderr": normalised(err, root, extra),
             "exit": codes}
    plan = root / "target/compiled/pipeline.json"
    if plan.exists():
        found["plan.json"] = normalised(plan.read_text(), root, extra)
    output = root / "output"
    if output.exists():
        for path in sorted(p for p in output.rglob("*") if p.is_file()):
            binary = path.suffix in (".parquet", ".gz", ".zst")
            text = "(binary)\n" if binary else path.read_bytes().decode()
            found[f"output/{path.relative_to(output)}"] = text
    tables = case / "expected/tables"
    if tables.exists():
        for path in tables.iterdir():
            found[f"tables/{path.name}"] = table_csv(root / "data/warehouse.duckdb", path.stem)
    return found


def expected_of(case):
    top = case / "expected"
    return {str(p.relative_to(top)): p.read_bytes().decode() for p in top.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", CASES)
def test_golden(name, tmp_path):
    case, root = HERE / name, tmp_path / "project"
    make_project(case, root)
    (root / "data").mkdir(exist_ok=True)
    found = outcome(case, root)
    if UPDATE:
        for file, text in found.items():
            path = case / "expected" / file
            if text or path.exists() or file == "stdout":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())
        for file in expected_of(case).keys() - found.keys():
            (case / "expected" / file).unlink()
        return
    expected = expected_of(case)
    for file in ("stderr",):
        expected.setdefault(file, "")
    if "plan.json" not in expected:
        found.pop("plan.json", None)
    assert found["exit"] == expected["exit"], found["stdout"] + found["stderr"]
    assert sorted(found) == sorted(expected)
    for file in expected:
        assert found[file] == expected[file], file
