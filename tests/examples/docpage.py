"""A page of the documentation as a test: its commands are run, what they print is compared.

The marks that a page uses are described in README.md beside this file.
"""
import datetime
import os
import pathlib
import re
import subprocess

from harness import BIN, PATIENCE, ROOT, environment

DOC_DAY = "2026-11-24"  # the day on which all runs of the documentation happen
HOME = "/home/you"      # what the pages call the folder they are run in
FENCE = re.compile(r"^( *)(```+)(\w*)\s*$")
MARK = re.compile(r"^<!-- ([a-z ]+?)(?:: (.*?))? -->$")
RUN_ID = re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{4,8}\b")


class Block:
    """A fenced block: its language, its mark, and where its text lies in the page."""

    def __init__(self, language, mark, value, first, lines, indent):
        self.language, self.mark, self.value = language, mark, value
        self.first, self.lines, self.indent = first, lines, indent

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"


def parse(text):
    """The blocks of a page in order; `setup` comments are blocks, too."""
    blocks, lines, at, mark, value = [], text.split("\n"), 0, None, None
    while at < len(lines):
        line = lines[at]
        fence, comment = FENCE.match(line), MARK.match(line.strip())
        if line.strip() in ("<!-- setup", "<!-- then"):
            end = next(i for i in range(at, len(lines)) if lines[i].strip() == "-->")
            blocks.append(Block("sh", "setup", None, at + 1, lines[at + 1:end], ""))
            at = end
        elif fence:
            indent, ticks, language = fence.groups()
            end = next(i for i in range(at + 1, len(lines)) if lines[i] == indent + ticks)
            body = [line.removeprefix(indent) for line in lines[at + 1:end]]
            blocks.append(Block(language, mark, value, at + 1, body, indent))
            at, mark = end, None
        elif comment:
            mark, value = comment.groups()
        elif line.strip():
            mark = None
        at += 1
    return blocks


def commands_of(block):
    """(command, lines it prints, index of the first of them) of a console block."""
    found = []
    for index, line in enumerate(block.lines):
        if line.startswith("$ "):
            found.append([line[2:], [], index + 1])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
            found[-1][2] = index + 1
        else:
            assert found, f"line {block.first + index + 1}: a console block begins with '$ command'"
            found[-1][1].append(line)
    return found


def normal(line):
    """A line without what differs from run to run."""
    line = RUN_ID.sub("RUN", line.rstrip())
    line = re.sub(DOC_DAY + r"[ T]\d\d:\d\d:\d\d(\.\d+)?", "TIME", line)
    line = re.sub(r"TIME +\d+\.\d\d\b", "TIME  0.00", line)
    line = re.sub(r"\b\d+\.\d\d s\b", "0.00 s", line)
    line = re.sub(r"─+", "─", line)
    if ".parquet" in line:  # its size depends on which thread was first
        line = re.sub(r"\b[\d.]+ (B|kB)\b", "0 kB", line)
    return re.sub(r"(?<=\S) {2,}", "  ", line)


def matches(expected, actual):
    """A line `…` stands for any lines, `…` within a line for any text."""
    if not expected:
        return not actual
    if expected[0].strip() == "…":
        return any(matches(expected[1:], actual[i:]) for i in range(len(actual) + 1))
    if not actual:
        return False
    pattern = ".*".join(re.escape(normal(part)) for part in expected[0].split("…"))
    return bool(re.fullmatch(pattern, normal(actual[0]))) and matches(expected[1:], actual[1:])


class Page:
    def __init__(self, path, folder, env=None):
        self.path, self.folder, self.cwd = path, folder, folder
        self.text = path.read_text()
        self.name = os.path.relpath(path, ROOT)
        bin_dir = folder.parent / "bin"
        bin_dir.mkdir(exist_ok=True)
        (bin_dir / "sqlflow").symlink_to(BIN)
        self.env = environment(folder, env)
        self.env["PATH"] = f"{bin_dir}:{self.env['PATH']}"
        self.env["TZ"] = "UTC"
        self.env.setdefault("LSAN_OPTIONS", "print_suppressions=0")  # a build with ASan is silent

    def where(self, block):
        return f"{self.name}:{block.first}"

    def shell(self, command):
        """Runs a command in the page's folder, which `cd` changes for those that follow."""
        noted = self.folder.parent / "cwd"
        script = f'{command}\nstatus=$?\npwd >"{noted}"\nexit $status\n'
        done = subprocess.run(["bash", "-c", script], cwd=self.cwd, env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE)
        if noted.exists():
            self.cwd = pathlib.Path(noted.read_text().strip())
        out = done.stdout.decode().replace(str(self.folder), HOME)
        if "S3_ENDPOINT" in self.env:
            out = out.replace(self.env["S3_ENDPOINT"].split("/")[-1], "127.0.0.1:9000")
        now = datetime.datetime.now(datetime.timezone.utc)
        for day in (now, now - datetime.timedelta(days=1)):
            out = out.replace(day.strftime("%Y-%m-%d"), DOC_DAY)
            out = out.replace(day.strftime("%Y%m%d-"), DOC_DAY.replace("-", "") + "-")
        lines = [line.rstrip() for line in out.rstrip("\n").split("\n")] if out.strip() else []
        return lines + ([f"[exit {done.returncode}]"] if done.returncode else [])

    def run(self, update=False):
        changes = []
        for block in parse(self.text):
            action = getattr(self, f"do_{block.language}", self.do_marked)
            action(block, changes)
        if update and changes:
            lines = self.text.split("\n")
            for first, count, new in reversed(changes):
                lines[first:first + count] = new
            self.path.write_text("\n".join(lines))
            return
        assert not changes, "\n".join(
            f"{self.name}:{first}: the program prints something else:\n"
            + "\n".join(new) for first, _, new in changes)

    def do_console(self, block, changes):
        if block.mark == "not run":
            return
        for command, expected, index in commands_of(block):
            while expected and not expected[-1]:
                expected.pop()
            actual = self.shell(command)
            if not matches(expected, actual):
                changes.append((block.first + index, len(expected),
                                [(block.indent + line).rstrip() for line in actual]))

    def do_text(self, block, changes):
        if block.mark is not None:
            self.do_marked(block, changes)

    def do_marked(self, block, _changes):
        where = self.where(block)
        if block.mark == "not run":
            assert block.value, f"{where}: 'not run' needs a reason"
        elif block.mark == "setup":
            out = self.shell("set -e\n" + block.text)
            assert not (out and out[-1].startswith("[exit")), f"{where}: {out}"
        elif block.mark == "file":
            path = self.cwd / block.value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.mark in ("shows", "from"):
            path = (self.cwd if block.mark == "shows" else ROOT) / block.value
            for part in block.text.split("…\n"):
                assert part.strip("\n") in path.read_text(), \
                    f"{where}: this is not what {block.value} says:\n{part}"
        elif block.mark == "pipeline":
            for old in (self.cwd / "data").glob("*.duckdb*"):  # each begins with nothing
                old.unlink()
            (self.cwd / "pipelines/example.sf").write_text(block.text)
            out = self.shell("sqlflow run example")
            wanted = block.value or "committed"
            assert any(wanted in line for line in out), \
                f"{where}: no {wanted} in:\n" + "\n".join(out)
            assert block.value or not out[-1].startswith("[exit"), f"{where}:\n" + "\n".join(out)
        else:
            raise AssertionError(f"{where}: a ```{block.language} block needs a mark "
                                 "(see tests/examples/README.md)")
