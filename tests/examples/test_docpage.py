"""The runner of the documentation notices what it is there to notice."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from docpage import Page, matches  # noqa: E402


def page(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text)
    folder = tmp_path / "you"
    folder.mkdir()
    return Page(path, folder)


GOOD = """
<!-- setup
mkdir sub
-->
<!-- file: sub/a.txt -->
```text
one
two
```
```console
$ cd sub
$ cat a.txt
one
two
$ printf '%s\\n' 1 2 3
1
…
$ pwd
/home/you/sub
$ false
[exit 1]
```
<!-- shows: a.txt -->
```text
two
```
"""


def test_what_is_right_passes(tmp_path):
    page(tmp_path, GOOD).run()


@pytest.mark.parametrize("old,new", [
    ("\ntwo\n$", "\nthree\n$"),               # another output
    ("\ntwo\n$", "\n$"),                      # a line that is not told of
    ("[exit 1]\n", ""),                       # a failure that is not told of
    ("$ pwd\n/home/you/sub", "$ pwd"),        # an output that is not told of
    ("```text\ntwo", "```text\nnot there"),   # a file that says something else
    ("mkdir sub", "exit 3"),                  # a set-up that fails
    ("<!-- file: sub/a.txt -->\n```text", "```sql"),  # a block without a mark
    ("<!-- shows: a.txt -->", "<!-- show: a.txt -->"),  # a mark that does not exist
])
def test_what_is_wrong_fails(tmp_path, old, new):
    assert old in GOOD
    with pytest.raises(AssertionError):
        page(tmp_path, GOOD.replace(old, new)).run()


def test_update_takes_over_the_output(tmp_path):
    wrong = page(tmp_path, GOOD.replace("\ntwo\n$", "\nthree\n$"))
    wrong.run(update=True)
    assert wrong.path.read_text() == GOOD


@pytest.mark.parametrize("expected,actual,same", [
    (["run 20261124-070635-3159af60  0.31 s"], ["run 20261124-091500-ffffffff    12.00 s"], True),
    (["at 2026-11-24 07:06:36"], ["at 2026-11-24 23:59:59"], True),
    (["cursor 2026-01-01 01:14:07"], ["cursor 2026-01-01 01:14:08"], False),
    (["5,000 rows"], ["5,001 rows"], False),
    (["a … c"], ["a b c"], True),
    (["…", "z"], ["x", "y", "z"], True),
    (["…", "z"], ["x", "y"], False),
    ([], ["x"], False),
])
def test_comparison(expected, actual, same):
    assert matches(expected, actual) is same
