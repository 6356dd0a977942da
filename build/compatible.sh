#!/usr/bin/env bash
# Compares the CRDs with those of the newest release: a manifest that was valid then is valid now.
#
#   build/compatible.sh CRDIFY [BASES RELEASED]
set -euo pipefail

crdify=$1 bases=${2:-config/crd/bases} released=${3:-config/crd/released}
config=$(dirname "${BASH_SOURCE[0]}")/crdify.yaml

die() { echo "compatible: $*" >&2 && exit 1; }

shopt -s nullglob
releases=("$released"/v*/)
((${#releases[@]} > 0)) || die "$released has no release to compare with"
newest=$(printf '%s\n' "${releases[@]%/}" | sort -V | tail -n 1)
old=("$newest"/*.yaml)
((${#old[@]} > 0)) || die "$newest has no CRD to compare with"

failed=''
for file in "${old[@]}"; do
  name=${file##*/}
  if [[ ! -f $bases/$name ]]; then
    echo "$name: the CRD was removed"
    failed=yes
  elif ! report=$("$crdify" --config "$config" "file://$file" "file://$bases/$name"); then
    printf '%s: a change that is not compatible\n%s\n' "$name" "$report"
    failed=yes
  elif [[ $report == *WARNING* ]]; then
    printf '%s: a change for you to judge\n%s\n' "$name" "$report"
  fi
done
[[ -z $failed ]] || die "the CRDs are not compatible with those of ${newest##*/}; docs/releasing.md says what to do"
echo "compatible: $bases with ${newest##*/}"
