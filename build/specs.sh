#!/usr/bin/env bash
# What "make test" has go test run each test binary with. Where a package's specs are many they are divided between several
# processes, by Ginkgo's own command; a test that is named, and any other package, runs as go test itself would run it.
#
#   go test -exec $PWD/build/specs.sh ...
#
# Ginkgo's report is bin/specs/controllers.json.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null && pwd)
processes=${PROCESSES:-3}
binary=$1
shift

divide='' verbose=() arguments=()
if [[ ${binary##*/} == controllers.test ]]; then divide=yes; fi
for argument in "$@"; do
  case $argument in
    -test.run=* | -test.skip=* | -test.list=* | -test.bench=* | -test.fuzz=* | -ginkgo.*) divide='' ;;
    -test.v=true) verbose=(-v) ;;
    # Without it go test keeps no result: it would not know what the other processes read.
    -test.testlogfile=*) continue ;;
  esac
  arguments+=("$argument")
done
if [[ -z $divide ]]; then exec "$binary" "$@"; fi

"$binary" -test.skip='^TestControllers$' "${arguments[@]}"
mkdir -p "$root/bin/specs"
# Ginkgo runs a test binary in the directory where it is, and the specs are at home in their package's.
trap 'rm -f "$PWD/controllers.test"' EXIT
ln -sf "$binary" controllers.test
go tool ginkgo run --procs="$processes" --timeout=30m --no-color ${verbose[@]+"${verbose[@]}"} \
  --output-dir="$root/bin/specs" --json-report=controllers.json controllers.test -- -test.run='^TestControllers$'
