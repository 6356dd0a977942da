#!/usr/bin/env bash
# Proves that the walls between the rooms (depguard, forbidigo and kube-api-linter in .golangci.yml) are awake: a rule whose
# glob or pattern matches nothing is silent, and looks exactly like a rule that everybody keeps.
#
#   hack/verify-walls.sh [golangci-lint]
#
# In a scratch module of the same name, with the same .golangci.yml, it plants every violation directly in its room, and
# beside them what the walls must let through; one run of the linter must name all of the former and none of the latter.
# The other modules that a plant imports are empty stand-ins: nothing is fetched and nothing of this tree is touched.
# shellcheck disable=SC2016 # the backticks are the linter's and Go's
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null && pwd)
lint=${1:-$root/bin/tools/golangci-lint}
ours=github.com/stytch-operator/stytch-operator

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$root/.golangci.yml" "$scratch"
cd "$scratch"

expected=0 # violations planted
: >plants  # "FILE TEXT": a line of the linter's answer must begin with the one and hold the other
: >allowed # "FILE": no line may begin with it

# begin FILE: writes its package clause; tests stand in a package beside the room's, so that plants make no import cycle.
begin() {
  local file=$1 package
  mkdir -p "$(dirname "$file")"
  package=$(basename "$(dirname "$file")" | tr -d -)
  if [[ $file == *_test.go ]]; then package+=_test; fi
  echo "package $package" >"$file"
}

# imports FILE PACKAGE...: a file that imports these.
imports() {
  local file=$1 package
  shift
  begin "$file"
  for package in "$@"; do echo "import _ \"$package\"" >>"$file"; done
}

# forbids FILE PACKAGE...: the file's room must not import these.
forbids() {
  local file=$1 package
  imports "$@"
  shift
  for package in "$@"; do
    echo "$file import '$package' is not allowed" >>plants
    expected=$((expected + 1))
  done
}

# permits FILE PACKAGE...: the file's room may import these.
permits() {
  imports "$@"
  echo "$1" >>allowed
}

# code FILE IMPORTS BODY: a file of code.
code() {
  local file=$1 package
  begin "$file"
  for package in $2; do echo "import \"$package\"" >>"$file"; done
  echo "$3" >>"$file"
}

# refuses FILE TEXT IMPORTS BODY: a file of code that the linter must refuse with that text.
refuses() {
  code "$1" "$3" "$4"
  echo "$1 $2" >>plants
  expected=$((expected + 1))
}

# accepts FILE IMPORTS BODY: a file of code that it must let pass.
accepts() {
  code "$@"
  echo "$1" >>allowed
}

# stub MODULE PACKAGE [BODY]: an empty stand-in for somebody else's package.
stub() {
  local module=$1 package=$2 body=${3:-}
  mkdir -p "stubs/$package"
  echo "module $module" >"stubs/$module/go.mod"
  echo "$module" >>stubs/modules
  printf 'package %s\n%s\n' "$(basename "$package")" "$body" >"stubs/$package/stub.go"
}

meta=k8s.io/apimachinery/pkg/api/meta
metav1=k8s.io/apimachinery/pkg/apis/meta/v1
client=sigs.k8s.io/controller-runtime/pkg/client
stub k8s.io/api k8s.io/api/core/v1
stub k8s.io/apimachinery $meta 'func SetStatusCondition() {}'
stub k8s.io/apimachinery $metav1 'func Now() {}'
stub k8s.io/client-go k8s.io/client-go/kubernetes
stub sigs.k8s.io/controller-runtime $client
stub sigs.k8s.io/controller-runtime sigs.k8s.io/controller-runtime/pkg/scheme
stub github.com/go-logr/logr github.com/go-logr/logr
stub github.com/prometheus/client_golang github.com/prometheus/client_golang/prometheus
stub github.com/stretchr/testify github.com/stretchr/testify/assert
stub github.com/golang/mock github.com/golang/mock/gomock
stub go.uber.org/mock go.uber.org/mock/gomock
stub github.com/onsi/gomega github.com/onsi/gomega

# the rooms
forbids api/v1alpha1/plant.go k8s.io/client-go/kubernetes github.com/go-logr/logr $ours/internal/connection
permits api/v1alpha1/right.go k8s.io/api/core/v1 $metav1 $client sigs.k8s.io/controller-runtime/pkg/scheme
forbids internal/connection/plant.go context net/http os math/rand math/rand/v2 k8s.io/client-go/kubernetes $client \
  github.com/go-logr/logr github.com/prometheus/client_golang/prometheus
forbids internal/connection/below/plant.go context
permits internal/connection/below/right.go $ours/internal/stytch $ours/api/v1alpha1 net/url
kinds=("$ours/internal/connection/saml" "$ours/internal/connection/oidc" "$ours/internal/connection/external" "$ours/internal/connection/scim")
parts=("$ours/internal/connection/token" "$ours/internal/connection/details")
forbids internal/connection/core_plant.go "${kinds[@]}" "${parts[@]}"
permits internal/connection/core_right.go $ours/internal/connection/pki
for kind in saml oidc external scim; do
  others=("${kinds[@]/$ours\/internal\/connection\/$kind/}")
  forbids internal/connection/$kind/plant_test.go ${others[*]}
  permits internal/connection/$kind/right.go "${parts[@]}" $ours/internal/connection/pki
  permits internal/connection/$kind/right_test.go $ours/internal/connection/$kind
done
for part in token details; do
  forbids internal/connection/$part/below/plant.go "${kinds[@]}"
  permits internal/connection/$part/right.go $ours/internal/connection/pki
  permits internal/connection/$part/right_test.go "${kinds[@]}"
done
forbids internal/connection/pki/plant.go github.com/go-logr/logr k8s.io/api/core/v1 $client
permits internal/connection/pki/right.go crypto/x509
for room in internal/connection internal/connection/saml internal/connection/token controllers cmd/manager hack/bench; do
  forbids $room/below/helper_plant.go $ours/internal/connection/connectiontest
  permits $room/helper_right_test.go $ours/internal/connection/connectiontest
done
permits internal/connection/connectiontest/right.go math/rand "${kinds[@]}" "${parts[@]}"
forbids internal/stytch/plant_test.go $metav1 $client $ours/api/v1alpha1 $ours/internal/connection $ours/controllers "${kinds[@]}" "${parts[@]}"
permits internal/stytch/right.go net/http context $ours/internal/stytchsim $ours/internal/connection/pki
forbids internal/fence/plant.go $ours/controllers $ours/internal/stytch
permits internal/fence/right.go k8s.io/client-go/kubernetes github.com/prometheus/client_golang/prometheus
forbids internal/stytchsim/plant.go github.com/go-logr/logr $metav1 $client $ours/internal/connection
forbids internal/stytchsim/plant_test.go $ours/internal/stytch
permits internal/stytchsim/right.go net/http crypto/rand
permits internal/stytchsim/right_test.go github.com/onsi/gomega
forbids cmd/kubectl-stytch/plant.go $ours/controllers
permits cmd/kubectl-stytch/right.go $ours/internal/connection net/http
forbids controllers/plant.go net/http net/http/httptest
permits controllers/right_test.go net/http/httptest
forbids controllers/plant_test.go github.com/stretchr/testify/assert github.com/golang/mock/gomock go.uber.org/mock/gomock

# the clock, the printer, the default client, the judge
refuses controllers/now.go 'use of `time.Now`' time 'var _ = time.Now()'
refuses controllers/renamed.go 'use of `since.Since`' '' 'import since "time"
var _ = since.Since'
refuses internal/connection/until.go 'use of `time.Until`' time 'var _ = time.Until'
refuses internal/connection/metav1.go 'use of `v1.Now`' $metav1 'func _() { v1.Now() }'
refuses internal/stytch/client.go 'use of `http.DefaultClient`' net/http 'var _ = http.DefaultClient'
refuses cmd/manager/client.go 'use of `http.DefaultClient`' net/http 'var _ = http.DefaultClient'
refuses controllers/fmt.go 'use of `fmt.Println`' fmt 'func _() { fmt.Println() }'
refuses internal/stytchsim/builtin.go 'use of `println`' '' 'func _() { println() }'
refuses controllers/condition.go 'use of `meta.SetStatusCondition`' $meta 'func _() { meta.SetStatusCondition() }'
accepts cmd/manager/right.go 'fmt time' 'func _() { fmt.Println(time.Now()) }'
accepts hack/bench/right.go 'fmt time' 'func _() { fmt.Println(time.Now()) }'
accepts controllers/time_test.go time 'var _ = time.Now()'
accepts internal/connection/judge.go $meta 'func _() { meta.SetStatusCondition() }'

# the API's words, and nobody else's
refuses api/v1alpha1/words.go '(kubeapilinter)' '' '
// Words are words.
type Words struct {
	// sure is a bool.
	// +optional
	Sure *bool `json:"sure,omitempty"`
}'
accepts internal/connection/words.go '' 'type Words struct { Sure bool }'

{
  echo "module $ours"
  echo "go 1.26.0"
  sort -u stubs/modules | while read -r module; do
    echo "require $module v0.0.0"
    echo "replace $module => ./stubs/$module"
  done
} >go.mod

GOFLAGS='' GOWORK=off "$lint" run --enable-only depguard,forbidigo,kubeapilinter --output.text.path answer \
  --output.text.print-issued-lines=false --output.text.colors=false --show-stats=false --issues-exit-code 0 \
  ./api/... ./cmd/... ./controllers/... ./hack/... ./internal/...

if grep '(typecheck)$' answer >&2; then # a package that does not compile is not looked at
  echo "the plants do not compile: mend hack/verify-walls.sh" >&2
  exit 1
fi
asleep=0
while read -r file text; do
  if ! grep -F -- "$text" answer | grep "^$file:" >/dev/null; then
    echo "wall asleep: nobody said \"$text\" of $file" >&2
    asleep=$((asleep + 1))
  fi
done <plants
while read -r file; do
  if grep "^$file:" answer >&2; then
    echo "wall in the way: $file does nothing wrong" >&2
    asleep=$((asleep + 1))
  fi
done <allowed
if ((asleep > 0)); then exit 1; fi
echo "walls: $expected planted violations seen, $(wc -l <allowed | tr -d ' ') right files left alone"
