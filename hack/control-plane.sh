#!/usr/bin/env bash
# Provides a real Kubernetes control plane (etcd, kube-apiserver, kubectl) for tests and the demo, and prints the
# directory that holds it as the only line on stdout.
#
#   hack/control-plane.sh [--controller-manager]
#
# In this order: $KUBEBUILDER_ASSETS; bin/k8s as an earlier run left it; setup-envtest's download; a build from the Go
# modules of hack/kubernetes. No download holds a kube-controller-manager, so that one is built whenever it is asked for.
set -euo pipefail

kubernetes=v1.36.3 # as hack/kubernetes/go.mod has it
download=1.36.2    # the newest 1.36 that setup-envtest offers
download_seconds=30
pins="built $kubernetes, downloaded $download" # what a stamp says; another text means another version

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null && pwd)
bin=$root/bin/k8s
export GOWORK=off CGO_ENABLED=0

say() { echo "control plane: $*" >&2; }
die() { say "$*" && exit 1; }

want_manager=''
for argument in "$@"; do
  case $argument in
    --controller-manager) want_manager=yes ;;
    *) die "unknown argument $argument; usage: hack/control-plane.sh [--controller-manager]" ;;
  esac
done

scratch='' building=''
# A build in the background does not hear Ctrl-C, and a directory half filled is worth nothing.
cleanup() {
  [[ -z $building ]] || kill "$building" 2>/dev/null || true
  [[ -z $scratch ]] || rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP PIPE

# stamped STAMP PROGRAM...: these programs stand in bin/k8s, whole and of the pinned version.
stamped() {
  local stamp=$1 program
  shift
  [[ -f $bin/$stamp && $(<"$bin/$stamp") == "$pins" ]] || return 1
  for program in "$@"; do [[ -x $bin/$program ]] || return 1; done
}

# keep STAMP PROGRAM...: moves what scratch holds into bin/k8s. Each move replaces a file whole and the stamp comes last,
# so that neither a run cut short nor two runs at once can leave something half made that looks finished.
keep() {
  local stamp=$1 program
  shift
  mkdir -p "$bin"
  rm -f "$bin/$stamp"
  for program in "$@"; do mv -f "$scratch/$program" "$bin/$program"; done
  echo "$pins" >"$scratch/$stamp"
  mv -f "$scratch/$stamp" "$bin/$stamp"
}

# build PROGRAM PACKAGE USUALLY: into scratch, with a sign of life twice a minute.
build() {
  local program=$1 package=$2 began=$SECONDS name flags="-s -w"
  for name in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $name.gitVersion=$kubernetes -X $name.gitMajor=1 -X $name.gitMinor=36"
  done
  say "building $program from Go modules; with nothing cached $3 on 2 cores ..."
  (cd "$root/hack/kubernetes" &&
    exec go build -buildvcs=false -ldflags "$flags" -o "$scratch/$program" "$package") &
  building=$!
  while kill -0 "$building" 2>/dev/null; do
    sleep 1
    (((SECONDS - began) % 30)) || say "  $program: still building after $((SECONDS - began)) s"
  done
  wait "$building" || die "building $program failed; the compiler's answer stands above"
  building=
  say "  $program built in $((SECONDS - began)) s"
}

# fetch: setup-envtest's download into scratch; fails in one line where it cannot be had.
fetch() {
  local limit=() dir reason
  (cd "$root/hack/tools" && go build -buildvcs=false -o "$scratch" sigs.k8s.io/controller-runtime/tools/setup-envtest) ||
    die "building setup-envtest failed; the compiler's answer stands above"
  if command -v timeout >/dev/null; then limit=(timeout "$download_seconds"); fi
  say "downloading Kubernetes $download with setup-envtest, for at most $download_seconds s ..."
  if dir=$(${limit[@]+"${limit[@]}"} "$scratch/setup-envtest" use "$download" --use-env=false \
    --bin-dir "$scratch/download" -p path 2>"$scratch/download.log"); then
    chmod u+w "$dir" # setup-envtest seals its store
    mv "$dir"/{etcd,kube-apiserver,kubectl} "$scratch" && return
  fi
  reason=$(tail -n 1 "$scratch/download.log" | cut -c 1-200)
  say "  the download cannot be had here (${reason:-no answer in time}); building instead"
  return 1
}

base_there() { stamped .stamp etcd kube-apiserver kubectl; }
manager_there() { stamped .stamp-kube-controller-manager kube-controller-manager; }

provide_base() {
  if ! fetch; then
    build etcd go.etcd.io/etcd/server/v3 "about 1 minute"
    build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "about 5 minutes"
    build kubectl k8s.io/kubernetes/cmd/kubectl "about 1 minute"
  fi
  keep .stamp etcd kube-apiserver kubectl
}

provide_manager() {
  build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager "about 2 minutes"
  keep .stamp-kube-controller-manager kube-controller-manager
}

# alone makes a scratch directory and waits for a run that is at it already. The lock only saves the two from doing the
# same work; where flock is missing both do it, and no harm comes of that.
alone() {
  mkdir -p "$root/bin"
  if command -v flock >/dev/null; then
    exec 9>"$root/bin/.k8s.lock"
    flock -n 9 || { say "waiting for another run to finish" && flock 9; }
    rm -rf "$root"/bin/.k8s.?????? # left by a run that was killed
  fi
  scratch=$(mktemp -d "$root/bin/.k8s.XXXXXX")
}

assets=''
if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
  assets=$(cd "$KUBEBUILDER_ASSETS" &>/dev/null && pwd) || die "KUBEBUILDER_ASSETS names no directory: $KUBEBUILDER_ASSETS"
  for program in etcd kube-apiserver kubectl; do
    [[ -x $assets/$program ]] || die "KUBEBUILDER_ASSETS has no $program: $assets"
  done
  say "using KUBEBUILDER_ASSETS"
  if [[ -z $want_manager || -x $assets/kube-controller-manager ]]; then
    echo "$assets"
    exit
  fi
elif base_there && { [[ -z $want_manager ]] || manager_there; }; then
  echo "$bin"
  exit
fi

alone
[[ -n $assets ]] || base_there || provide_base
[[ -z $want_manager ]] || manager_there || provide_manager
if [[ -n $assets ]]; then # what was given and what was built, side by side
  mkdir -p "$bin-linked"
  ln -sf "$assets"/{etcd,kube-apiserver,kubectl} "$bin/kube-controller-manager" "$bin-linked"
  bin=$bin-linked
fi
echo "$bin"
