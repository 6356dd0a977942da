#!/usr/bin/env bash
# Runs on other versions of Kubernetes what depends on the API server: the CRDs with every rule, the deployment and the admission policy
# with a real manager, and a spec for each kind. "make test-versions" calls it. docs/install.md has the date and the result.
#
#   build/test-versions.sh MINOR...
#
# The API server of each is built from its module in hack/kubernetes; etcd, kubectl and the rest are those of hack/control-plane.sh.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null && pwd)
cd "$root"
export GOWORK=off
common=$(hack/control-plane.sh)

# provide MINOR: the programs in bin/kubernetes/MINOR. A cold build takes about 5 minutes on 2 cores.
provide() {
  local minor=$1 dir=$root/bin/kubernetes/$1 module=hack/kubernetes/$1 version name flags="-s -w"
  version=$(cd "$module" && go list -m -f '{{.Version}}' k8s.io/kubernetes)
  for name in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $name.gitVersion=$version -X $name.gitMajor=1 -X $name.gitMinor=${minor#1.}"
  done
  mkdir -p "$dir"
  ln -sf "$common"/{etcd,kubectl} "$dir"
  echo "building kube-apiserver $version ..."
  (cd "$module" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$flags" -o "$dir" k8s.io/kubernetes/cmd/kube-apiserver)
}

for minor in "$@"; do
  provide "$minor"
  export KUBEBUILDER_ASSETS=$root/bin/kubernetes/$minor
  echo "=== $("$KUBEBUILDER_ASSETS/kube-apiserver" --version)"
  go test -count=1 ./api/v1alpha1
  go test -count=1 ./config -run 'TestTheDeploymentForAllNamespaces|TestTheAdmissionPolicy'
  go test -count=1 ./controllers -run TestControllers -ginkgo.fail-on-empty -ginkgo.focus='Quiet: .* costs one list at each slot'
done
