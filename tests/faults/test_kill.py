"""kill -9 at every call that changes a file, before, within and after it; at random moments; and
again while the next run recovers. FAULTS says how many kills: 1,000, in the nightly target 10,000.
"""
import os
import random
import shutil

import pytest
import scenario

from harness import fault

KILLS = int(os.environ.get("FAULTS", "1000"))
CHUNKS = 40
WAYS = ("kill_before", "kill_torn", "kill_after")
CALLS = 160  # a little more than a run makes; beyond its end nothing is killed


def trials():
    """(first run ever?, how): every call in every way, then random ones until there are enough."""
    every = [(first, [(way, n)]) for n in range(1, CALLS + 1) for way in WAYS for first in (False, True)]
    chance = random.Random(KILLS)
    if len(every) > KILLS * 9 // 10:
        every = chance.sample(every, KILLS * 9 // 10)
    while len(every) < KILLS:
        first = chance.random() < 0.3
        call = (chance.choice(WAYS), 1 + chance.randrange(CALLS))
        if chance.random() < 0.5:
            every.append((first, [call, (chance.choice(WAYS), 1 + chance.randrange(CALLS))]))
        else:
            every.append((first, [("random", chance.random() * 0.2)]))
    return every


ALL = trials()


def disturb(root, shim, how):
    way, where = how
    if way == "random":
        scenario.kill_randomly(root, where)
    else:
        scenario.run(root, fault(shim, at=where, do=way))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_killed_runs_leave_no_trace(chunk, expected, branched, fault_shim):
    failures = []
    expected = (expected, branched)[chunk % 2]
    mine = ALL[chunk::CHUNKS]
    for number, (first, hows) in enumerate(mine):
        root = expected.folder / f"trial-{chunk}"
        scenario.copy(expected.empty if first else expected.loaded, root)
        try:
            for how in hows:
                disturb(root, fault_shim, how)
            scenario.check(expected, root, first, disturbances=len(hows))
        except AssertionError as error:
            failures.append(f"{'first run' if first else 'increment'}, {hows}: {error}")
        shutil.rmtree(root)
    assert not failures, f"{len(failures)} of {len(mine)}:\n" + "\n\n".join(failures[:10])
