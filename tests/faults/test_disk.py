"""A full disk and failing writes: exit 7, nothing changed, and the next run is right."""
import errno
import os
import shutil
import subprocess

import pytest
import scenario
from harness import BIN, SLOW, environment, fault

SIZES = 16
FREE_PAGES = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 64, 128, 512)
NUMBERS = range(1, 160)
NEEDS_SPACE = "write,pwrite,pwrite64,writev,open,open64,openat,mkdir,rename,renameat2,fsync,fdatasync"


def disturbed(expected, root, env, ways=(0, 7)):
    """A run in which calls fail may succeed (a log line was lost) or end with exit 7, saying why."""
    code, text = scenario.run(root, env)
    assert code in ways, f"exit {code}\n{text}"
    assert code == 0 or text.strip(), "it failed without a word"
    return code


def trials(expected, shim, template, settings, numbers):
    """For each number: a run whose n-th call fails, then the oracle. Gives what went wrong."""
    failures, codes = [], []
    for n in numbers:
        root = expected.folder / "trial"
        scenario.copy(template, root)
        try:
            codes.append(disturbed(expected, root, fault(shim, at=n, **settings)))
            scenario.check(expected, root, first=template == expected.empty)
        except AssertionError as error:
            failures.append(f"call {n} ({template.name}): {error}")
        shutil.rmtree(root)
    assert 7 in codes or failures, "no run noticed the failing calls"
    return failures


def report(failures):
    assert not failures, f"{len(failures)} trials:\n" + "\n\n".join(failures[:8])


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("name", ["empty", "loaded"])
def test_disk_full_from_some_call_on(expected, branched, fault_shim, name, part):
    expected = (expected, branched)[part % 2]
    chosen = scenario.sampled(NUMBERS, 4 * SIZES, seed=2)[part::4]
    template = getattr(expected, name)
    settings = {"do": "fail", "errno": errno.ENOSPC, "calls": NEEDS_SPACE}
    report(trials(expected, fault_shim, template, settings, chosen[:SIZES // 2]))


@pytest.mark.parametrize("part", range(8))
def test_io_error_at_one_call(expected, branched, fault_shim, part):
    """EIO at the n-th call, once: what follows works again, so nothing may be forgotten."""
    expected = (expected, branched)[part % 2]
    chosen = list(NUMBERS)[part::8][::2]
    report(trials(expected, fault_shim, expected.loaded, {"do": "fail_once", "errno": errno.EIO}, chosen))


@pytest.mark.parametrize("call", ["fsync", "pwrite", "write", "rename,renameat2", "unlink,remove", "mkdir",
                                  "ftruncate", "open"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_one_kind_of_call_fails_for_good(expected, fault_shim, call, number):
    report(trials(expected, fault_shim, expected.loaded, {"do": "fail", "errno": number, "calls": call}, [1, 3]))


def test_files_may_not_grow(expected):
    """ulimit -f: the system's signal for it would kill the process."""
    root = expected.folder / "limited"
    scenario.copy(expected.loaded, root)
    script = f"ulimit -f 8; exec {BIN} run p --format json"
    done = subprocess.run(["bash", "-c", script], cwd=root, capture_output=True, env=environment(root))
    assert done.returncode == 7 and b"File too large" in done.stdout, done
    scenario.check(expected, root)


def mounted(size, folder):
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if done.returncode != 0:
        pytest.skip("may not mount a tmpfs")


def used(disk):
    info = os.statvfs(disk)
    return (info.f_blocks - info.f_bfree) * info.f_frsize


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a tmpfs")
def test_disk_of_sixteen_sizes(expected):
    """A real full file system, from no byte free to more than enough."""
    disk = expected.folder / "disk"
    mounted("64m", disk)
    scenario.copy(expected.loaded, disk / "p")
    low = used(disk)
    subprocess.run(["umount", "-l", disk], check=True)
    codes, failures = [], []
    for pages in FREE_PAGES[::4] if SLOW else FREE_PAGES:
        mounted(low + pages * 4096, disk)
        try:
            root = disk / "p"
            scenario.copy(expected.loaded, root)
            codes.append(disturbed(expected, root, None))
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            scenario.check(expected, root)
        except AssertionError as error:
            failures.append(f"{4 * pages} kB free: {error}")
        finally:
            subprocess.run(["umount", "-l", disk], check=True)
    report(failures)
    assert codes.count(7) >= (1 if SLOW else 5) and (SLOW or codes[-1] == 0), codes
