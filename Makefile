# Everything is built the same way everywhere: without cgo, so that binaries are static,
# without paths of this machine, so that they are the same everywhere, and with one set
# of build tags (none). Build, demo and tests share what is compiled; a flag of the
# compiler that only one of them had would compile everything once more.
export CGO_ENABLED := 0
export GOFLAGS := $(strip $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath)

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The version that binaries print; they fall back to the build information that
# Go embeds when it is empty. Binaries have no symbols and no debugging information, which
# are a third of them; a panic names functions and lines all the same. Nothing is in them
# that differs between two checkouts of one commit.
VERSION ?= $(shell git describe --tags --always --abbrev=12 --dirty 2>/dev/null)
BUILD_FLAGS := -buildvcs=false -ldflags '-s -w -X hullmark/internal/buildinfo.Stamp=$(VERSION)'

# The platforms of a release: the client runs on all of them, the node on those of Linux.
PLATFORMS ?= linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64 windows-arm64

# What is installed goes below PREFIX, which lies below DESTDIR while a package is made.
PREFIX ?= /usr/local
DESTDIR ?=

# The modules: the product, and the simulator of it. ./... in one reaches no package of the
# other, so that every target goes through both.
MODULES := . sim

# Seconds of fuzzing, spread evenly over all targets.
FUZZTIME ?= 60

# What the race detector looks at on each change: whatever decides or runs
# concurrently, and exists.
RACE_PACKAGES := $(patsubst %,./%/...,$(wildcard durable reference keys merkle tuf keystore record placement query bundle ledger lookup abci change client oci))

# What of the simulator runs under the race detector on each change.
SIM_RACE_PACKAGES := . $(patsubst %,./%/...,consensus paper plot reads trace)

# The suites that run real networks. They run one after the other: each keeps two cores
# busy, and what it tests should not depend on another one's load.
NETWORK_SUITES := cmd/hullmarkd|sim/experiment|internal/testnet|tests/byzantine|tests/containers|tests/crash|tests/e2e|tests/flood

# $(call test-units,FLAGS) and $(call test-networks,FLAGS) run the tests of all modules.
define test-units
for module in $(MODULES); do \
	packages=$$(go list -C $$module ./... | grep -vE '^hullmark/($(NETWORK_SUITES))$$'); \
	go test -C $$module $(1) $$packages; \
done
endef
define test-networks
for module in $(MODULES); do \
	packages=$$(go list -C $$module ./... | grep -E '^hullmark/($(NETWORK_SUITES))$$'); \
	go test -C $$module -p 1 $(1) $$packages; \
done
endef

# The name of the container image.
IMAGE ?= hullmark:dev

TOOLS := bin/tools

## build: build all commands into bin/
.PHONY: build
build: product
	@cd sim && ../tools/build.sh -o ../bin/ $(BUILD_FLAGS) ./cmd/...

# The commands of the product alone, which are all that is installed.
.PHONY: product
product:
	@mkdir -p bin
	@tools/build.sh -o bin/ $(BUILD_FLAGS) ./cmd/...

# The date of manual pages and of what is in archives: that of the commit.
man dist: export SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null))

## man: build the product, then write its manual pages and completion scripts into bin/share/
.PHONY: man
man: product
	@rm -rf bin/share
	@cd bin && mkdir -p share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d share/hullmark
	@cd bin && for program in hullmark hullmarkd; do \
		env -i SOURCE_DATE_EPOCH="$$SOURCE_DATE_EPOCH" ./$$program man share/man/man1; \
		env -i ./$$program completion bash >share/bash-completion/completions/$$program; \
		env -i ./$$program completion zsh >share/zsh/site-functions/_$$program; \
		env -i ./$$program completion fish >share/fish/vendor_completions.d/$$program.fish; \
		env -i ./$$program completion powershell >share/hullmark/$$program.ps1; \
	done

## install: copy what make man has built to DESTDIR and PREFIX (/usr/local)
.PHONY: install
install:
	@[ -d bin/share ] || { echo 'there is nothing to install yet; run make man'; exit 1; }
	@install -d '$(DESTDIR)$(PREFIX)/bin'
	@install -m 755 bin/hullmark bin/hullmarkd '$(DESTDIR)$(PREFIX)/bin'
	@cd bin && find share -type f | while IFS= read -r file; do \
		install -d "$(DESTDIR)$(PREFIX)/$${file%/*}"; \
		install -m 644 "$$file" "$(DESTDIR)$(PREFIX)/$$file"; \
	done

## uninstall: remove what make install has copied to DESTDIR and PREFIX (/usr/local)
.PHONY: uninstall
uninstall:
	@for program in hullmark hullmarkd; do \
		(cd '$(DESTDIR)$(PREFIX)' && rm -f bin/$$program share/man/man1/$$program.1 share/man/man1/$$program-*.1 \
			share/bash-completion/completions/$$program share/zsh/site-functions/_$$program \
			share/fish/vendor_completions.d/$$program.fish share/hullmark/$$program.ps1); \
	done
	@[ ! -d '$(DESTDIR)$(PREFIX)/share/hullmark' ] || rmdir '$(DESTDIR)$(PREFIX)/share/hullmark'

## install-check: install what make man has built into a temporary folder, try it, and take it away
.PHONY: install-check
install-check:
	tests/packaging/install.sh

## cross: build the client for all PLATFORMS, and the node for those of Linux, into bin/cross/
.PHONY: cross
cross:
	@for platform in $(PLATFORMS); do \
		programs=./cmd/hullmark; \
		case $$platform in linux-*) programs+=' ./cmd/hullmarkd' ;; esac; \
		mkdir -p bin/cross/$$platform; \
		GOOS=$${platform%-*} GOARCH=$${platform#*-} GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT= GOFIPS140=off \
			tools/build.sh -o bin/cross/$$platform/ $(BUILD_FLAGS) $$programs; \
	done

## dist: build the archives of a release for all PLATFORMS, with checksums, into bin/dist/
.PHONY: dist
dist: man cross
	@rm -rf bin/dist
	@go run ./internal/dist -version '$(VERSION)' $(PLATFORMS)

## dist-check: build the archives twice from nothing, in different folders; their bytes must be equal (many minutes)
.PHONY: dist-check
dist-check:
	PLATFORMS='$(PLATFORMS)' tests/packaging/reproduce.sh

## demo: build, then show the whole story on a network on this machine
.PHONY: demo
demo: build
	@tools/build.sh -o $(TOOLS)/demo ./internal/demo
	@$(TOOLS)/demo -bin bin

## test: run all tests
.PHONY: test
test:
	$(call test-units,-timeout 20m)
	$(call test-networks,-timeout 20m)

## race: run the tests of the packages where races could hide under the race detector (needs a C compiler)
.PHONY: race
race:
	CGO_ENABLED=1 go test -race -timeout 30m $(RACE_PACKAGES)
	CGO_ENABLED=1 go test -C sim -race -short $(SIM_RACE_PACKAGES)

## flakes: run all tests twenty times, slow packages five times, and count failures into docs/flakes (at most four hours)
.PHONY: flakes
flakes:
	go run ./internal/flakes -serial '^hullmark/($(NETWORK_SUITES))$$' $(FLAKES) $(MODULES)

## fuzz: run every fuzz target in turn, FUZZTIME seconds (60) in all
.PHONY: fuzz
fuzz:
	tests/fuzz/run.sh $(FUZZTIME)

## mutation: break the core rules one at a time; a test must notice each (some 20 minutes)
.PHONY: mutation
mutation:
	HULLMARK_MUTATION=1 go test -count=1 -timeout 120m ./tests/mutation

## bench: run all benchmarks once
.PHONY: bench
bench:
	for module in $(MODULES); do \
		packages=$$(go list -C $$module ./... | grep -v /tests/bench); \
		go test -C $$module -run '^$$' -bench . -benchmem $$packages; \
	done
	go test -run '^$$' -bench . -skip '^BenchmarkNetwork' -benchmem ./tests/bench
	go test -run '^$$' -bench '^BenchmarkNetwork' -benchtime 1x -timeout 30m ./tests/bench

# The size of the experiment, in images.
IMAGES ?= 1000000

## experiment: build, load IMAGES (1000000) images into a real network, and count how look-ups spread over ten real nodes
.PHONY: experiment
experiment: build
	@cd sim && ../tools/build.sh -o ../$(TOOLS)/experiment ./experiment
	$(TOOLS)/experiment -bin bin -images $(IMAGES) $(EXPERIMENT)

# The file for the costs that calibrate measures.
COSTS ?= bin/costs.json
CALIBRATE := go test -C sim ./calibrate -run '^TestCalibrate$$' -v -timeout 30m -calibrate

## calibrate: measure the real code into COSTS (bin/costs.json), for simulations on this machine (a minute)
.PHONY: calibrate
calibrate:
	@mkdir -p $(dir $(COSTS))
	$(CALIBRATE) -costs $(abspath $(COSTS))

## calibrate-check: measure the real code, simulate four validators and compare with real ones (a few minutes)
.PHONY: calibrate-check
calibrate-check:
	$(CALIBRATE) -check

## e2e: run the demo with nobody at the terminal; it fails if any step does
.PHONY: e2e
e2e: build
	@tools/build.sh -o $(TOOLS)/demo ./internal/demo
	@$(TOOLS)/demo -bin bin </dev/null

## image: build the product, then the container image hullmark:dev from scratch, with the static binaries
.PHONY: image
image: product
	@rm -rf bin/image && mkdir -p bin/image && cp bin/hullmarkd bin/hullmark bin/image/
	DOCKER_BUILDKIT=0 docker build -q -t $(IMAGE) -f networks/compose/Dockerfile bin/image

## network: build, then run four validators as processes on this machine until interrupted
.PHONY: network
network: build
	networks/local/run.sh

## containers: try the network of containers on this machine's Docker Engine, with nodes killed, paused and cut off
.PHONY: containers
containers:
	HULLMARK_DOCKER=required go test -count=1 -timeout 5m ./tests/containers

## long: run all tests in their long form: more cases, larger inputs
.PHONY: long long-units long-networks
long: long-units long-networks
long-units long-networks: export HULLMARK_LONG := 1
long-units:
	$(call test-units,-count=1 -timeout 60m)
long-networks:
	$(call test-networks,-count=1 -timeout 60m)

## race-all: run all tests under the race detector (needs a C compiler)
.PHONY: race-all race-units race-networks
race-all: race-units race-networks
race-units race-networks: export CGO_ENABLED := 1
race-units:
	$(call test-units,-count=1 -race -timeout 60m)
race-networks:
	$(call test-networks,-count=1 -race -timeout 60m)

## crash-long: kill nodes at random under load for five minutes
.PHONY: crash-long
crash-long:
	HULLMARK_CRASH_DURATION=5m go test -count=1 -timeout 60m ./tests/crash

## nightly: run everything that is too slow for each change; the results go to docs/nightly (NIGHTLY names the suites)
.PHONY: nightly
nightly:
	tools/nightly.sh $(NIGHTLY)

## paper: build, then repeat the paper's evaluation of placement into bin/paper (docs/evaluation.md)
.PHONY: paper
paper: build
	bin/hullmark-sim paper --output bin/paper

## fmt: format all Go and protobuf sources
.PHONY: fmt
fmt: $(TOOLS)/golangci-lint $(TOOLS)/buf
	for module in $(MODULES); do (cd $$module && $(CURDIR)/$(TOOLS)/golangci-lint fmt); done
	cd proto && $(CURDIR)/$(TOOLS)/buf format -w

## lint: check style, import rules, protobuf sources and known vulnerabilities
.PHONY: lint
lint: $(TOOLS)/golangci-lint $(TOOLS)/buf vulnerabilities
	for module in $(MODULES); do (cd $$module && $(CURDIR)/$(TOOLS)/golangci-lint run); done
	cd proto && $(CURDIR)/$(TOOLS)/buf lint

## vulnerabilities: look for published defects in what is called, where their database can be reached
.PHONY: vulnerabilities
vulnerabilities: $(TOOLS)/govulncheck
	@for module in $(MODULES); do \
		if ! found=$$(cd $$module && $(CURDIR)/$(TOOLS)/govulncheck ./... 2>&1); then \
			if grep -q '^govulncheck: fetching vulnerabilities' <<<"$$found"; then \
				echo 'govulncheck cannot reach its database; tests/archtest has a list of published defects instead'; \
				break; \
			fi; \
			echo "$$found"; \
			exit 1; \
		fi; \
	done

# What of the product is for other systems than Linux, with its tests.
CLIENT_PACKAGES := $(patsubst %,./%,cmd/hullmark client keystore durable safefile printable oci change internal/cli)

## platforms: check the types of what runs on macOS and Windows, tests among it
.PHONY: platforms
platforms:
	GOOS=windows go vet $(CLIENT_PACKAGES)
	GOOS=darwin go vet $(CLIENT_PACKAGES) ./cmd/hullmarkd ./app/...

## tidy: bring go.mod and go.sum of all modules in line with what they import
.PHONY: tidy
tidy:
	for module in $(MODULES); do go mod tidy -C $$module; done

## generate: generate the Go code of the protobuf messages
.PHONY: generate
generate: $(TOOLS)/buf $(TOOLS)/protoc-gen-go
	cd proto && PATH="$(CURDIR)/$(TOOLS):$$PATH" buf generate

## generate-check: fail if the generated code is not what its sources give
.PHONY: generate-check
generate-check: $(TOOLS)/buf $(TOOLS)/protoc-gen-go
	@rm -rf bin/.generated && mkdir -p bin/.generated/proto
	cd proto && PATH="$(CURDIR)/$(TOOLS):$$PATH" buf generate --output ../bin/.generated/proto
	@mkdir -p bin/.generated/committed && cp proto/*.pb.go bin/.generated/committed/
	diff -r bin/.generated/committed bin/.generated/proto || { echo 'run make generate'; exit 1; }

## vectors: write the test vectors for other implementations anew, after a rule or format changed on purpose
.PHONY: vectors
vectors:
	go test ./bundle ./merkle ./proto ./record ./tuf -run Vectors -update
	go test ./ledger -run Vectors -vectors

## clean: remove what the build made
.PHONY: clean
clean:
	rm -rf bin

## help: show this list
.PHONY: help
help:
	@sed -nE 's/^## ([a-z0-9-]+): (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# The tools are modules of their own, pinned there, and are built once.
$(TOOLS)/buf: tools/buf/go.mod tools/buf/go.sum
	go build -modfile=tools/buf/go.mod -o $@ github.com/bufbuild/buf/cmd/buf

$(TOOLS)/golangci-lint: tools/go.mod tools/go.sum
	go build -modfile=tools/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/govulncheck: tools/govulncheck/go.mod tools/govulncheck/go.sum
	go build -modfile=tools/govulncheck/go.mod -o $@ golang.org/x/vuln/cmd/govulncheck

$(TOOLS)/protoc-gen-go: tools/go.mod tools/go.sum
	go build -modfile=tools/go.mod -o $@ google.golang.org/protobuf/cmd/protoc-gen-go
