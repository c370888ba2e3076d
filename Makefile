# `make` lists the targets of every day, `make help-all` all of them. Nothing has to be installed but Go, make and, for the race
# detector, a C compiler. Go builds the other tools when they are first used: the generators (go.mod), the linter
# (tools/lint/go.mod), and the programs that check our dependencies (tools/supply/go.mod). Longer shell is in script/.

export GO ?= go
SUPPLY = $(GO) tool -modfile=tools/supply/go.mod
LINT = $(GO) tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint

# go test, which prints each package when it has finished.
GOTEST = $(GO) run ./tools/gotest

# These folders are modules of their own, so that nobody else gets their dependencies. ./... leaves them out.
MODULES = examples/statsbot tools/validate
in-modules = @for module in $(MODULES); do echo "==> in $$module:" $(1); (cd "$$module" && $(1)) || exit 1; done

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: static hooks dist release-check help help-all demo overlay test check interop browser browser-tools pictures docs record bench bench-peers bench-go bench-docs \
	fuzz generate fmt lint validate race memory stress soak secrets vuln licences sbom build reproducible fmt-check drift tidy-check cassettes-check

# A target with ## is one of every day, one with ##+ is listed by help-all only.
help-of = @awk -F ':.*$(1) ' '/^[a-z-]+:.*$(1) / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

help: ##+ List the targets of every day
	$(call help-of,\#\#)
	@echo "make help-all lists the others"

help-all: ##+ List all targets
	$(call help-of,\#\#[+]?)

# Every day

# Times are those of two idle cores. -vet=off, because make lint has all of govet.

demo: ## See a bot at work; needs no account and no network
	@echo "==> demo: go run ./examples/pingbot (the first build takes about 20 s)"
	@$(GO) run ./examples/pingbot

test: ## Run all tests of this module, the long ones in brief
	@echo "==> test: go test -short ./... (about 2 minutes the first time, then 1; packages are listed as they finish)"
	@$(GOTEST) -short -vet=off ./...

check: static race memory ## Check everything that must hold before a commit
	@echo "==> all good"

fmt: ## Format all Go code (gofumpt and goimports)
	@echo "==> fmt"
	@$(LINT) fmt

generate: ## Write gen/ and the tables of docs/PROTOCOL.md from api/
	@echo "==> generate: api/ -> gen/, docs/PROTOCOL.md (the first run builds the generators, about half a minute)"
	@$(GO) generate ./...

record: ## Write the recordings in cassettes/testdata again, from a QueUp in memory
	@$(GO) run ./tools/record record

docs: ## Render the specifications as one page, docs/site/index.html
	@$(GO) run ./tools/docs

bench: ## Measure the client beside its floors, and how its costs grow (about 6 minutes; figures also in bench.json)
	@$(BENCH)

hooks: ## Check format and vet before each commit in this clone (git config core.hooksPath)
	@mkdir -p .git/hooks.queup && ln -sf ../../script/pre-commit .git/hooks.queup/pre-commit
	@git config core.hooksPath "$(CURDIR)/.git/hooks.queup"
	@echo "hooks: script/pre-commit runs before each commit; git config --unset core.hooksPath turns it off"

# Parts of make check

static: fmt-check lint drift validate tidy-check cassettes-check licences vuln ##+ All checks that run no test of this module

fmt-check: ##+ Fail if a file is not formatted
	@echo "==> format: golangci-lint fmt --diff (the first run builds it, a few minutes)"
	@$(LINT) fmt --diff || { echo "format: run make fmt" >&2; exit 1; }

lint: ##+ Lint, including which package may import which
	@echo "==> lint: golangci-lint run (the first run builds it, a few minutes)"
	@$(LINT) run
	$(call in-modules,$(LINT) run)
	@echo "==> lint: imports of gen/, and the hooks of make secrets"
	@script/lint-gen
	@$(GO) vet -tags queupcanary ./client ./realtime ./queuptest ./examples/internal/scene

drift: ##+ Write gen/ and the tables of docs/PROTOCOL.md again and fail if that changed anything
	@echo "==> drift: are gen/ and docs/PROTOCOL.md what api/ generates?"
	@script/drift gen docs/PROTOCOL.md

validate: ##+ Check both specifications and their examples with validators that are not ours
	@echo "==> validate: go -C tools/validate run . ../.."
	@$(GO) -C tools/validate run . ../..

tidy-check: ##+ Fail if go.mod or go.sum is not tidy
	@echo "==> tidy: go mod tidy -diff"
	@$(GO) mod tidy -diff || { echo "tidy: run go mod tidy" >&2; exit 1; }
	$(call in-modules,$(GO) mod tidy -diff)

cassettes-check: ##+ Fail if a cassette holds a secret
	@echo "==> cassettes: go run ./tools/record lint"
	@$(GO) run ./tools/record lint

licences: ##+ Fail if a module we build with has a licence that is unknown or not allowed
	@echo "==> licences: go run ./licences"
	@$(GO) -C tools/supply run ./licences ../.. $$(find examples tools/validate -name go.mod -exec dirname {} ';' | sed 's|^|../../|')

# VULNDB is for another copy of the database of vulnerabilities.
VULNDB ?= https://vuln.go.dev

vuln: ##+ Fail if this code reaches a known vulnerability (govulncheck)
	@echo "==> vuln: govulncheck (the first run builds it)"
	@script/vuln $(VULNDB)

race: ##+ Run all tests in full with the race detector, in random order, in every module
	@echo "==> race: go test -race -shuffle=on ./... (several minutes; packages are listed as they finish)"
	@$(GOTEST) -race -shuffle=on -timeout=20m ./...
	$(call in-modules,$(GO) test -race -shuffle=on ./...)

# The tests that measure less, or try less, with the race detector. race_test.go checks that all of them are here.
MEMORY_TESTS = Q08_slowHandlerMemory|Q11_nothingIsLeft|Q15_(memoryOf(Answers|DataThatComesOften|Events)|mutatedInput|whatJSONTakesInMemory)|Q16_listsOfMillions

memory: ##+ Run in full the tests that measure memory, which the race detector would distort
	@echo "==> memory: go test -run 'Test($(MEMORY_TESTS))'"
	@$(GOTEST) -run '^Test($(MEMORY_TESTS))$$' ./client ./tools/gen/internal/events

# Tests that take longer, or need more than Go

secrets: ##+ Run the tests with made-up secrets at debug level, and fail if one gets out
	@echo "==> secrets: go run ./tools/secrets"
	@$(GO) run ./tools/secrets

fuzz: ##+ Run the fuzz targets, each for FUZZTIME (10s), and MUTATIONS (1000000) mutated frames and answers from SEED (1)
	@script/fuzz

soak: ##+ Run bots through 24 hours of faults and 20,000 drops on virtual time; SOAK=10m: as long in real time, over TCP
	@script/soak

stress: ##+ Call every public method at once for STRESS (2m) while links drop, and SEEDS (200) bad days for the rate limits
	STRESS=$(or $(STRESS),2m) SEEDS=$(or $(SEEDS),200) $(GO) test -race -count=1 -timeout 60m -run 'TestQ12|TestQ19' ./client

# JavaScript that is not ours is on the other side: a server for our client, and clients for our server. The package.json files name
# the versions. With QUEUP_INTEROP_LOGS=/a/folder what those clients send is left there as JSON lines.
interop: ##+ Test against JavaScript from npm: a real Engine.IO server, and bots on DubAPI (needs node and npm)
	@script/npm-install interop 18 realtime/testdata/engineio tools/queupd/testdata/clients
	@echo "==> interop: go test -race -tags interop"
	@$(GO) test -race -tags interop -count=1 -timeout=5m -v -run '^TestInterop' ./realtime ./tools/queupd

# Pages in a headless Chromium, driven by playwright-core from npm, which brings no browser along. With QUEUP_CHROMIUM=/a/program
# that one is used instead of the one on the PATH.
BROWSER_TEST = $(GO) test -tags browser -count=1 -timeout=5m -run '^TestBrowser'

browser: browser-tools ##+ Test the pages of examples/overlay and make docs, and import-har, in a headless Chromium (needs Chromium, node and npm)
	@echo "==> browser: go test -race -tags browser"
	@$(BROWSER_TEST) -race -v ./examples/overlay ./tools/docs ./tools/record

browser-tools: ##+ Check that a Chromium is there, and install what drives it
	@script/browser-tools

# Pages and pictures

overlay: ##+ See a room as it looks on a stream, in a browser; needs no account and no network
	@$(GO) run ./examples/overlay

pictures: browser-tools ##+ Regenerate docs/images
	@mkdir -p docs/images
	@$(GO) run ./tools/picture -o docs/images/demo.svg -prompt "make demo" $(GO) run ./examples/pingbot
	@QUEUP_PICTURES=$(CURDIR)/docs/images $(BROWSER_TEST)/picture ./examples/overlay

# Benchmarks. docs/PERFORMANCE.md says what the figures mean and has the last ones. Leave the machine alone meanwhile.
BENCH = $(GO) run ./tools/bench -json bench.json
BENCH_PEERS = tools/queupd/testdata/clients
COUNT ?= 6

bench-peers: ##+ Measure the same beside DubAPI from npm as well (needs node and npm)
	@script/npm-install bench-peers 18 $(BENCH_PEERS)
	@$(BENCH) -peers $(BENCH_PEERS)

bench-go: ##+ Run the Go benchmarks of the event path, COUNT times each (6), for benchstat
	@$(GO) test -run '^$$' -bench '^Benchmark(Mix|Chat|Dub|JoinAndLeave|SongChange|DecodeEvent|Parser|Floor)' -benchmem -count $(COUNT) \
		./client ./realtime ./tools/gen/internal/events ./tools/bench/floor

bench-docs: ##+ Measure as bench-peers does, and put the figures and their picture into docs
	@mkdir -p docs/performance
	@$(GO) run ./tools/bench -peers $(BENCH_PEERS) -json docs/performance/figures.json -svg docs/performance/curves.svg -page docs/PERFORMANCE.md

# Releases

sbom: ##+ Write what this module is made of to bin/queup.cdx.json (CycloneDX)
	@mkdir -p bin
	@$(SUPPLY) cyclonedx-gomod mod -json -licenses -noserial -notimestamp -type library -output bin/queup.cdx.json .
	@echo "bin/queup.cdx.json"

release-check: ##+ Check that the tree is ready for a release: make release-check VERSION=v0.1.0
	@script/release-check "$(VERSION)"

dist: ##+ Build the programs of a release for five platforms into bin/dist: make dist VERSION=v0.1.0
	@script/dist "$(VERSION)"

# No path, no build id of git and no C: the bytes depend on the source, the Go version and the platform, and on nothing else.
build: ##+ Build queupd and record into bin/, the same bytes wherever it is done
	@mkdir -p bin
	@CGO_ENABLED=0 GOFLAGS= $(GO) build -trimpath -buildvcs=false -o bin/ ./tools/queupd ./tools/record
	@ls bin/queupd bin/record

reproducible: build ##+ Build both again, elsewhere and without a cache, and fail if a byte differs
	@script/reproducible queupd record
