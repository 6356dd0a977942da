# Needs Go, git, make and bash; everything else is built from Go modules into bin/ ("make help" lists what there is to do).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

export GOWORK := off
# With one answer to it a package is compiled once, for programs, tests and the linter; and the programs are static.
export CGO_ENABLED := 0

TOOLS := $(CURDIR)/bin/tools
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# A build reads nothing from git but this one name, so that it also works where git refuses to look at the tree.
GOBUILD := -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)"
# The modules with code of our own next to the operator's, and all that are tidied.
CODE := build/image test/argocd test/flux
MODULES := . $(CODE) hack/helm hack/krew hack/kubernetes hack/lint hack/prometheus hack/tools
# Further flags of go test, such as TESTFLAGS="-v -run TestIdentify".
TESTFLAGS ?=
# How long make test-long fuzzes each target.
FUZZTIME ?= 1m
# The kubectl for install, uninstall and deploy; the machine's own is used only when it is named: KUBECTL=kubectl.
KUBECTL ?= $$(hack/control-plane.sh)/kubectl
# The platforms of make image, and the time that everything in the image has.
PLATFORMS ?= linux/amd64 linux/arm64
# The platforms for which a release has the plugin of kubectl.
PLUGIN_PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# The size of make bench: connections and organizations.
N ?= 100
M ?= 10

##@ Every day

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Show the whole story on the terminal: control plane, simulator, manager, fourteen steps.
	@go build -buildvcs=false -o bin/demo/ ./hack/demo && exec bin/demo/demo run

.PHONY: demo-up
demo-up: build ## Start the parts of the demo and leave them running.
	@go build -buildvcs=false -o bin/demo/ ./hack/demo && exec bin/demo/demo up

.PHONY: demo-manager
demo-manager: build ## Replace the demo's manager by the one of the Deployment, such as one that Helm installed.
	@go build -buildvcs=false -o bin/demo/ ./hack/demo && exec bin/demo/demo manager

.PHONY: demo-down
demo-down: ## End what demo-up started.
	@go build -buildvcs=false -o bin/demo/ ./hack/demo && exec bin/demo/demo down

# "make lint" vets, so "make test" does not.
.PHONY: test
test: $(TOOLS)/helm3 $(TOOLS)/helm4 $(TOOLS)/krew $(TOOLS)/promtool $(TOOLS)/validate-krew-manifest ## Run all tests against a real control plane and the simulator.
	@assets=$$(hack/control-plane.sh --controller-manager); \
	  KUBEBUILDER_ASSETS="$$assets" go test -p 2 -vet=off -timeout 30m -exec "$(CURDIR)/build/specs.sh" $(TESTFLAGS) ./...
	@assets=$$(hack/control-plane.sh); for module in $(CODE); do \
	  (cd $$module && KUBEBUILDER_ASSETS="$$assets" go test -vet=off -count=1 -timeout 30m $(TESTFLAGS) ./...); done

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

# Each has a module in hack/kubernetes.
VERSIONS := 1.33 1.37

.PHONY: test-versions
test-versions: ## Run what depends on the API server on other versions of Kubernetes; the first run builds them.
	@build/test-versions.sh $(VERSIONS)

.PHONY: bench
bench: build ## Count Stytch calls and Kubernetes writes for N connections in M organizations, with the floor of each.
	@go build -buildvcs=false -o bin/bench/ ./hack/bench && exec bin/bench/bench -n $(N) -m $(M)

.PHONY: build
build: ## Build the programs into bin/, statically linked.
	go build $(GOBUILD) -o bin/ ./cmd/...

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

CHART := charts/stytch-operator
CHART_VERSION = $(shell awk '$$1 == "version:" {print $$2}' $(CHART)/Chart.yaml)

# Where the alerts are: alerts.yaml is written by hand, and prometheusrule.yaml has its own head and the rules of that file.
ALERTS := config/prometheus

.PHONY: manifests
manifests: $(TOOLS)/controller-gen $(TOOLS)/crd-ref-docs $(TOOLS)/kustomize ## Write the CRDs, the role, docs/api.md, and the files of chart, Argo CD and Prometheus.
	$(TOOLS)/controller-gen crd paths=./api/... output:crd:artifacts:config=config/crd/bases
	perl -pi -e 's#^    controller-gen\.kubebuilder\.io/version#    connections.stytch-operator.dev/version: $(CHART_VERSION)\n$$&#' config/crd/bases/*.yaml
	RFC3339='$(RFC3339)' perl -pi -e 's/^( *)format: date-time\n/$$&$$1pattern: $$ENV{RFC3339}\n/' config/crd/bases/*.yaml
	rule=$$(sed '/^spec:$$/q' $(ALERTS)/prometheusrule.yaml; sed 's/^./  &/' $(ALERTS)/alerts.yaml); printf '%s\n' "$$rule" >$(ALERTS)/prometheusrule.yaml
	$(TOOLS)/controller-gen rbac:roleName=manager-role paths=./controllers/... output:rbac:artifacts:config=config/rbac
	$(TOOLS)/crd-ref-docs --log-level=ERROR --source-path=api/v1alpha1 --config=hack/crd-ref-docs.yaml --renderer=markdown --output-path=docs/api.md
	perl -0pi -e 's/ *<br \/>(?= *\|\n)| +$$//gm; s/<br \/>items:XValidation: \S.*?(?=<br| *\|\n)//g; s/(Required|Optional): \\\{\\\}/$$1/g; s/\n{3,}/\n\n/g' docs/api.md
	cd test/argocd && go run ./cm ../../config/argocd/resource_customizations >../../config/argocd/argocd-cm.yaml
	$(TOOLS)/kustomize build config/chart >$(CHART)/files/config.yaml
	cp $(ALERTS)/alerts.yaml $(CHART)/files/alerts.yaml
	cp config/grafana/stytch-operator.json $(CHART)/files/dashboard.json
	sed -n 's/^  name: \([a-z]*\.connections\..*\)/- \1/p' config/crd/bases/*.yaml >$(CHART)/files/crd-names.yaml

.PHONY: tidy
tidy: ## Tidy every module; all at once, because with nothing cached it waits for downloads.
	@printf '%s\n' $(MODULES) | xargs -P 0 -I{} sh -c 'echo "go mod tidy in {}" && cd {} && go mod tidy'

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## Format the code.
	$(TOOLS)/golangci-lint fmt

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Lint code and API.
	@for module in . $(CODE); do echo "golangci-lint in $$module"; (cd $$module && $(TOOLS)/golangci-lint run ./...); done

.PHONY: walls
walls: $(TOOLS)/golangci-lint ## Prove that the walls between the rooms are awake.
	@hack/verify-walls.sh $(TOOLS)/golangci-lint

# Other directories than those of this tree: one of CRDs, and one of releases.
CRDS ?=

.PHONY: compatible
compatible: $(TOOLS)/crdify ## Compare the CRDs with those of the newest release.
	@build/compatible.sh $(TOOLS)/crdify $(CRDS)

.PHONY: verify
verify: tidy generate manifests lint walls compatible ## All of these; fails when a file changed or is not committed.
	@dirty=$$(git status --porcelain); \
	  if [[ -n $$dirty ]]; then \
	    git --no-pager diff HEAD; \
	    printf '\nverify: not committed, or generated anew just now:\n%s\n' "$$dirty" >&2; \
	    exit 1; \
	  fi

##@ For a release

# Nothing of the machine's may reach the binaries: neither flags of go build nor a preference for newer processors.
RELEASEBUILD := GOFLAGS=-trimpath GOAMD64=v1 GOARM64=v8.0 GOFIPS140=off go build $(GOBUILD)

.PHONY: image
image: bin/image/pack ## Build the image as an OCI archive in dist/, without a container engine; the same again gives the same digest.
	@mkdir -p dist; binaries=(); \
	for platform in $(PLATFORMS); do \
	  binary=bin/image/$$platform/manager; binaries+=("$$binary"); \
	  echo "building the manager for $$platform ..."; \
	  GOOS=$${platform%/*} GOARCH=$${platform#*/} $(RELEASEBUILD) -o "$$binary" ./cmd/manager; \
	done; \
	bin/image/pack -archive dist/stytch-operator-$(VERSION).tar -version $(VERSION) \
	  -revision "$$(git rev-parse HEAD 2>/dev/null || true)" -created "$$SOURCE_DATE_EPOCH" "$${binaries[@]}"

.PHONY: release-crds
release-crds: ## Keep the CRDs as those of VERSION, with which those of later versions are compared.
	rm -rf config/crd/released/$(VERSION)
	mkdir -p config/crd/released/$(VERSION)
	cp config/crd/bases/*.yaml config/crd/released/$(VERSION)

.PHONY: plugin
plugin: ## Build the plugin of kubectl into bin/plugin/, for the platforms of a release.
	@for platform in $(PLUGIN_PLATFORMS); do \
	  echo "building the plugin for $$platform ..."; \
	  GOOS=$${platform%/*} GOARCH=$${platform#*/} $(RELEASEBUILD) -o "bin/plugin/$$platform/" ./cmd/kubectl-stytch; \
	done

# The image's name in install.yaml.
IMAGE ?= stytch-operator
# The URL under which the files of the release will be, as krew's manifest names them.
DOWNLOADS ?=

.PHONY: release-artifacts
release-artifacts: $(TOOLS)/kustomize ## Write all files of the release VERSION to dist/, with IMAGE as the image's name, and DOWNLOADS as their URL.
	@MAKE="$(MAKE)" build/release.sh $(VERSION) $(IMAGE) $(TOOLS)/kustomize "$(DOWNLOADS)" $(PLUGIN_PLATFORMS)

bin/image/pack: build/image/go.mod build/image/go.sum $(wildcard build/image/*.go)
	@cd build/image && go build -trimpath -buildvcs=false -o $(CURDIR)/$@ . && touch $(CURDIR)/$@

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
tools: $(TOOLS)/controller-gen $(TOOLS)/crd-ref-docs $(TOOLS)/crdify $(TOOLS)/kustomize $(TOOLS)/setup-envtest $(TOOLS)/golangci-lint $(TOOLS)/helm3 $(TOOLS)/helm4 $(TOOLS)/krew $(TOOLS)/promtool $(TOOLS)/validate-krew-manifest ## Build all tools into bin/tools.

$(TOOLS)/controller-gen: TOOL := sigs.k8s.io/controller-tools/cmd/controller-gen
$(TOOLS)/crd-ref-docs: TOOL := github.com/elastic/crd-ref-docs
$(TOOLS)/crdify: TOOL := sigs.k8s.io/crdify
$(TOOLS)/kustomize: TOOL := sigs.k8s.io/kustomize/kustomize/v5
$(TOOLS)/setup-envtest: TOOL := sigs.k8s.io/controller-runtime/tools/setup-envtest
$(TOOLS)/controller-gen $(TOOLS)/crd-ref-docs $(TOOLS)/crdify $(TOOLS)/kustomize $(TOOLS)/setup-envtest: hack/tools/go.mod hack/tools/go.sum
	@echo "building $(@F) ..."
	@cd hack/tools && go build -buildvcs=false -o $@ $(TOOL) && touch $@

$(TOOLS)/golangci-lint: hack/lint/go.mod hack/lint/go.sum hack/lint/main.go
	@echo "building golangci-lint with kube-api-linter; with nothing cached about 90 seconds on 2 cores ..."
	@cd hack/lint && go build -buildvcs=false -o $@ . && touch $@

$(TOOLS)/helm3: TOOL := helm.sh/helm/v3/cmd/helm
$(TOOLS)/helm4: TOOL := helm.sh/helm/v4/cmd/helm
$(TOOLS)/helm3 $(TOOLS)/helm4: hack/helm/go.mod hack/helm/go.sum
	@echo "building $(@F); with nothing cached about 1 minute on 2 cores ..."
	@cd hack/helm && go build -buildvcs=false -o $@ $(TOOL) && touch $@

$(TOOLS)/promtool: hack/prometheus/go.mod hack/prometheus/go.sum
	@echo "building promtool; with nothing cached about 2 minutes on 2 cores ..."
	@cd hack/prometheus && go build -tags remove_all_sd -buildvcs=false -o $@ github.com/prometheus/prometheus/cmd/promtool && touch $@

$(TOOLS)/krew $(TOOLS)/validate-krew-manifest: hack/krew/go.mod hack/krew/go.sum
	@echo "building $(@F) ..."
	@cd hack/krew && go build -buildvcs=false -o $@ sigs.k8s.io/krew/cmd/$(@F) && touch $@
