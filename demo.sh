#!/bin/bash
# From a fresh machine to a pipeline that has run: sets up, builds, makes a demo project and
# runs its pipeline.
#   ./demo.sh [FOLDER]      (demo, unless told; a folder that is there already is run as it is)
set -euo pipefail
cd "$(dirname "$0")"

project=${1:-demo}
tools/bootstrap --build
make --no-print-directory
sqlflow=$PWD/build/release/sqlflow

[[ -d $project/profiles ]] || "$sqlflow" init "$project"
cd "$project"
echo
echo "\$ cd $project && sqlflow run customer_analytics"
"$sqlflow" run customer_analytics

for result in output/*; do
    [[ -f $result ]] || continue
    printf '\n%s (%s bytes)\n' "$result" "$(stat -c %s "$result")"
    case $result in *.csv | *.json) head -n 6 "$result" ;; esac
done

cat <<END

Try next, in $PWD
with PATH=$(dirname "$sqlflow"):\$PATH
  sqlflow pipeline list                        what there is
  sqlflow pipeline graph customer_analytics    its steps
  sqlflow run incremental_orders               twice: the second run finds nothing new
  sqlflow query 'SHOW TABLES'                  look into the database
  sqlflow history                              the runs so far
  sqlflow doctor                               what works on this machine
END
