# Needs Go, git, make and bash; everything else is built from Go modules into bin/ ("make help" lists what there is to do).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

export GOWORK := off

TOOLS := $(CURDIR)/bin/tools
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# A build reads nothing from git but this one name, so that it also works where git refuses to look at the tree.
GOBUILD := -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)"
MODULES := . hack/kubernetes hack/lint hack/prometheus hack/tools
# Further flags of go test, such as TESTFLAGS="-v -run TestIdentify".
TESTFLAGS ?=
# How long make test-long fuzzes each target.
FUZZTIME ?= 1m
# The kubectl for install, uninstall and deploy; the machine's own is used only when it is named: KUBECTL=kubectl.
KUBECTL ?= $$(hack/control-plane.sh)/kubectl
# The size of make bench: connections and organizations.
N ?= 100
M ?= 10

##@ Every day

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Show the whole story on the terminal: control plane, simulator, manager, thirteen steps.
	@go build -buildvcs=false -o bin/demo/ ./hack/demo && exec bin/demo/demo run

.PHONY: demo-up
demo-up: build ## Start the parts of the demo and leave them running.
	@go build -buildvcs=false -o bin/demo/ ./hack/demo && exec bin/demo/demo up

.PHONY: demo-down
demo-down: ## End what demo-up started.
	@go build -buildvcs=false -o bin/demo/ ./hack/demo && exec bin/demo/demo down

.PHONY: test
test: $(TOOLS)/promtool ## Run all tests against a real control plane and the simulator.
	@assets=$$(hack/control-plane.sh --controller-manager); \
	  KUBEBUILDER_ASSETS="$$assets" go test -p 2 -timeout 30m -exec "$(CURDIR)/hack/specs.sh" $(TESTFLAGS) ./...

.PHONY: test-long
test-long: ## Stop leaders with all times of the real manager, and fuzz every fuzz target for FUZZTIME.
	@assets=$$(hack/control-plane.sh); KUBEBUILDER_ASSETS="$$assets" STYTCH_OPERATOR_TEST_TIMES=real \
	  go test -count=1 -timeout 30m $(TESTFLAGS) ./cmd/manager
	@for package in $$(go list ./internal/...); do \
	  targets=$$(go test $$package -list '^Fuzz'); \
	  for target in $$(grep '^Fuzz' <<<"$$targets"); do \
	    echo "$$package $$target"; \
	    go test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME); \
	  done; \
	done

.PHONY: bench
bench: build ## Count Stytch calls and Kubernetes writes for N connections in M organizations, with the floor of each.
	@go build -buildvcs=false -o bin/bench/ ./hack/bench && exec bin/bench/bench -n $(N) -m $(M)

.PHONY: build
build: ## Build the programs into bin/, statically linked.
	CGO_ENABLED=0 go build $(GOBUILD) -o bin/ ./cmd/...

.PHONY: clean
clean: ## Remove everything that was built, the control plane too.
	@if [[ -e bin/demo/up/processes.json ]]; then echo "The demo is up: stop it with make demo-down first." >&2; exit 1; fi
	rm -rf bin

##@ Before a commit

.PHONY: generate
generate: $(TOOLS)/controller-gen ## Write the API's deep copies, and the table of what the simulator has.
	$(TOOLS)/controller-gen object paths=./api/...
	go run -buildvcs=false ./cmd/stytch-sim --coverage >internal/stytchsim/coverage.md

# Times as Go reads them: the API server's own format takes others too, and one object that cannot be read stops its kind.
RFC3339 := ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$$

# Where the alerts are: alerts.yaml is written by hand, and prometheusrule.yaml has its own head and the rules of that file.
ALERTS := config/prometheus

.PHONY: manifests
manifests: $(TOOLS)/controller-gen ## Write the CRDs and the manager's role from the markers, and the PrometheusRule from the alerts.
	$(TOOLS)/controller-gen crd paths=./api/... output:crd:artifacts:config=config/crd/bases
	RFC3339='$(RFC3339)' perl -pi -e 's/^( *)format: date-time\n/$$&$$1pattern: $$ENV{RFC3339}\n/' config/crd/bases/*.yaml
	rule=$$(sed '/^spec:$$/q' $(ALERTS)/prometheusrule.yaml; sed 's/^./  &/' $(ALERTS)/alerts.yaml); printf '%s\n' "$$rule" >$(ALERTS)/prometheusrule.yaml
	$(TOOLS)/controller-gen rbac:roleName=manager-role paths=./controllers/... output:rbac:artifacts:config=config/rbac

.PHONY: tidy
tidy: ## Tidy every module.
	@for module in $(MODULES); do echo "go mod tidy in $$module"; (cd $$module && go mod tidy); done

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## Format the code.
	$(TOOLS)/golangci-lint fmt

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Lint code and API.
	$(TOOLS)/golangci-lint run ./...

.PHONY: walls
walls: $(TOOLS)/golangci-lint ## Prove that the walls between the rooms are awake.
	@hack/verify-walls.sh $(TOOLS)/golangci-lint

.PHONY: verify
verify: generate manifests tidy lint walls ## All of these; fails when a file changed or is not committed.
	@dirty=$$(git status --porcelain); \
	  if [[ -n $$dirty ]]; then \
	    git --no-pager diff HEAD; \
	    printf '\nverify: not committed, or generated anew just now:\n%s\n' "$$dirty" >&2; \
	    exit 1; \
	  fi

##@ On a cluster (the current kubeconfig)

.PHONY: run
run: ## Run the manager here; ARGS="..." are further flags of it.
	go run -buildvcs=false ./cmd/manager --leader-elect=false $(ARGS)

.PHONY: install
install: ## Install the CRDs.
	$(KUBECTL) apply -f config/crd/bases

.PHONY: uninstall
uninstall: ## Remove the CRDs, and with them every manifest of these kinds.
	$(KUBECTL) delete --ignore-not-found -f config/crd/bases

.PHONY: deploy
deploy: ## Deploy CRDs, RBAC and manager.
	$(KUBECTL) apply -k config/default

##@ Tools (rebuilt when their module changes)

.PHONY: tools
tools: $(TOOLS)/controller-gen $(TOOLS)/kustomize $(TOOLS)/setup-envtest $(TOOLS)/golangci-lint $(TOOLS)/promtool ## Build all tools into bin/tools.

$(TOOLS)/controller-gen: TOOL := sigs.k8s.io/controller-tools/cmd/controller-gen
$(TOOLS)/kustomize: TOOL := sigs.k8s.io/kustomize/kustomize/v5
$(TOOLS)/setup-envtest: TOOL := sigs.k8s.io/controller-runtime/tools/setup-envtest
$(TOOLS)/controller-gen $(TOOLS)/kustomize $(TOOLS)/setup-envtest: hack/tools/go.mod hack/tools/go.sum
	@echo "building $(@F) ..."
	@cd hack/tools && go build -trimpath -buildvcs=false -o $@ $(TOOL) && touch $@

$(TOOLS)/golangci-lint: hack/lint/go.mod hack/lint/go.sum hack/lint/main.go
	@echo "building golangci-lint with kube-api-linter; with nothing cached about 2 minutes on 2 cores ..."
	@cd hack/lint && go build -trimpath -buildvcs=false -o $@ . && touch $@

$(TOOLS)/promtool: hack/prometheus/go.mod hack/prometheus/go.sum
	@echo "building promtool; with nothing cached about 2 minutes on 2 cores ..."
	@cd hack/prometheus && go build -tags remove_all_sd -trimpath -buildvcs=false -o $@ github.com/prometheus/prometheus/cmd/promtool && touch $@
