#!/bin/bash
# Runs every test: sets the machine up, builds, and tests the release and the ASan build.
# All suites run even when one fails; the last line is "N passed, N failed[, N skipped]".
# While working, the single targets are quicker: make unit, make pytest PYTEST_ARGS=…
set -uo pipefail
cd "$(dirname "$0")" || exit 1
export LC_ALL=C.UTF-8

passed=0 failed=0 skipped=0
count() { # PASSED FAILED SKIPPED
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# A suite that leaves no sums of its own counts as one test.
suite() { # VARIANT TARGET
    local sums=build/$1/results/$2 status=0 start=$SECONDS
    rm -f "$sums"
    printf '\n== %s (%s)\n' "$2" "$1"
    make --no-print-directory VARIANT="$1" "$2" || status=1
    if [[ -f $sums ]]; then
        # shellcheck disable=SC2046  # three numbers
        count $(<"$sums")
        ((status == 0)) || [[ $(<"$sums") != *' 0 '* ]] || count 0 1 0
    else
        count $((1 - status)) $status 0
    fi
    echo "== $2 ($1): $((SECONDS - start)) s"
}

tools/bootstrap --test || { echo "0 passed, 1 failed"; exit 1; }

suite release layers
suite release style
for variant in release asan; do
    # Once, so that a program that does not compile is told once and not by every suite.
    if make --no-print-directory VARIANT=$variant tests; then
        for target in unit replay; do suite $variant $target; done
        if [[ $variant == asan ]]; then
            # Not again what waits for servers, kills and disks; and not what loads numpy and
            # pandas, whose own leaks would drown ours.
            PYTEST_ARGS="tests/golden tests/integration/run"
            PYTEST_ARGS+=" tests/integration/postgres/test_types.py"
            PYTEST_ARGS+=" tests/integration/postgres/test_read.py"
            export PYTEST_ARGS
        fi
        suite $variant pytest
    else
        count 0 1 0
    fi
done

printf '\n%d s\n' "$SECONDS"
if ((skipped)); then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
((failed == 0 && passed > 0))
