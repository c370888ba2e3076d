# `make` lists the targets. Nothing has to be installed but Go, make and, for the race detector, a C compiler:
# the generators are tools of go.mod, the linter is a tool of tools/lint/go.mod, what looks at our dependencies are tools of
# tools/supply/go.mod, and Go builds them when first used.

GO ?= go
SUPPLY = $(GO) tool -modfile=tools/supply/go.mod
LINT = $(GO) tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint

# What has dependencies that shall be in nobody's graph is a module of its own, which ./... leaves out.
MODULES = examples/statsbot tools/validate
in-modules = @for module in $(MODULES); do echo "==> in $$module:" $(1); (cd "$$module" && $(1)) || exit 1; done

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo overlay test check interop browser browser-tools pictures docs record bench bench-peers bench-go bench-docs \
	fuzz generate fmt lint validate race stress soak secrets vuln licences sbom build reproducible fmt-check drift tidy-check cassettes-check

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ## See a bot at work; needs no account and no network
	@$(GO) run ./examples/pingbot

overlay: ## See a room as it looks on a stream, in a browser; needs no account and no network
	@$(GO) run ./examples/overlay

test: ## Run all tests
	$(GO) test ./...
	$(call in-modules,$(GO) test ./...)

check: fmt-check lint drift validate tidy-check cassettes-check licences vuln race ## Everything that must hold before a commit
	@echo "==> all good"

# JavaScript that is not ours on the other side, so it stands apart from `make check`: a server for our client, and clients for
# our server. The package.json files name the versions; what npm installs is ignored by git. With QUEUP_INTEROP_LOGS=/a/folder
# what those clients send is left there as JSON lines.
INTEROP = realtime tools/queupd
INTEROP_NPM = realtime/testdata/engineio tools/queupd/testdata/clients

interop: ## Meet JavaScript from npm: a real Engine.IO server, and bots on DubAPI (needs node and npm)
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "interop: node or npm is not on the PATH. These tests meet an Engine.IO server and clients of QueUp from npm: install" >&2; \
		echo "interop: Node.js 18 or newer (https://nodejs.org). make test and make check need neither." >&2; exit 1; }
	@for folder in $(INTEROP_NPM); do \
		echo "==> interop: npm install in $$folder"; \
		(cd $$folder && npm install --package-lock=false --no-audit --no-fund --loglevel=error) || { \
			echo "interop: npm could not install what $$folder/package.json names; is its registry reachable?" >&2; exit 1; }; \
	done
	@echo "==> interop: go test -race -tags interop"
	@$(GO) test -race -tags interop -count=1 -timeout=5m -v -run '^TestInterop' $(INTEROP:%=./%)

# Pages in a headless Chromium, driven by playwright-core from npm, which brings no browser along. With QUEUP_CHROMIUM=/a/program
# that one is taken in the place of the one on the PATH.
BROWSER = ./examples/overlay ./tools/docs
BROWSER_NPM = internal/testkit/browser/chromium
CHROMIUM = $(or $(QUEUP_CHROMIUM),$(firstword $(foreach name,chromium chromium-browser google-chrome google-chrome-stable,$(shell command -v $(name) 2>/dev/null))))
BROWSER_TEST = $(GO) test -tags browser -count=1 -timeout=5m -run '^TestBrowser'

browser-tools:
	@test -n "$(CHROMIUM)" || { \
		echo "browser: no Chromium is on the PATH. Install one (Debian: apt-get install chromium), or name one by QUEUP_CHROMIUM." >&2; \
		echo "browser: make test and make check need none." >&2; exit 1; }
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "browser: node or npm is not on the PATH: install Node.js 20 or newer (https://nodejs.org)" >&2; exit 1; }
	@echo "==> browser: npm install in $(BROWSER_NPM)"
	@cd $(BROWSER_NPM) && npm install --package-lock=false --no-audit --no-fund --loglevel=error || { \
		echo "browser: npm could not install what $(BROWSER_NPM)/package.json names; is its registry reachable?" >&2; exit 1; }

browser: browser-tools ## Look at the pages of examples/overlay and make docs in a headless Chromium (needs Chromium, node and npm)
	@echo "==> browser: go test -race -tags browser"
	@$(BROWSER_TEST) -race -v $(BROWSER)

pictures: browser-tools ## Make the pictures in docs/images anew
	@mkdir -p docs/images
	@$(GO) run ./tools/picture -o docs/images/demo.svg -prompt "make demo" $(GO) run ./examples/pingbot
	@QUEUP_PICTURES=$(CURDIR)/docs/images $(BROWSER_TEST)/picture ./examples/overlay

docs: ## Render the specifications as one page, docs/site/index.html
	@$(GO) run ./tools/docs

# On virtual time it takes some minutes. Faults, crowd and expiry follow the seed that it prints; SOAK_SEED=7 has those of another
# run again, at the same moments. The order in which goroutines run is not the seed's.
SOAK_RUN = $(GO) test -count=1 -v -timeout=0

soak: ## Let bots live through 24 hours of misfortunes and 20,000 drops on virtual time; SOAK=10m: so long in real time, over TCP
	@if [ -n "$$SOAK" ]; then \
		echo "==> soak: $$SOAK of real time"; $(SOAK_RUN) -run '^TestQ14_soak$$' ./client; \
	else \
		echo "==> soak: 24 hours of virtual time"; \
		SOAK_VIRTUAL=24h SOAK_DROPS=10000 $(SOAK_RUN) -run '^TestQ(02_backInTheRoom|03_stateAfterADrop|04_missedPlays|14_soak)$$' ./client; \
	fi

record: ## Make the recordings in cassettes/testdata anew, from a QueUp in memory
	@$(GO) run ./tools/record record

cassettes-check: ## Fail if a cassette holds a secret
	@echo "==> cassettes: go run ./tools/record lint"
	@$(GO) run ./tools/record lint

# What the figures mean, and the last ones: docs/PERFORMANCE.md. Leave the machine alone meanwhile.
BENCH = $(GO) run ./tools/bench -json bench.json
BENCH_PEERS = tools/queupd/testdata/clients
COUNT ?= 6

bench: ## Measure the client beside its floors, and how its costs grow (about 6 minutes; figures also in bench.json)
	@$(BENCH)

bench-peers: ## The same, beside DubAPI from npm as well (needs node and npm)
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "bench-peers: node or npm is not on the PATH. make bench needs neither." >&2; exit 1; }
	@cd $(BENCH_PEERS) && npm install --package-lock=false --no-audit --no-fund --loglevel=error
	@$(BENCH) -peers $(BENCH_PEERS)

bench-go: ## Run the Go benchmarks of the event path, COUNT times each, for benchstat
	@$(GO) test -run '^$$' -bench '^Benchmark(Mix|Chat|Dub|JoinAndLeave|SongChange|DecodeEvent|Parser|Floor)' -benchmem -count $(COUNT) \
		./client ./realtime ./tools/gen/internal/events ./tools/bench/floor

bench-docs: ## Measure as bench-peers does, and put the figures and their picture into docs
	@mkdir -p docs/performance
	@$(GO) run ./tools/bench -peers $(BENCH_PEERS) -json docs/performance/figures.json -svg docs/performance/curves.svg -page docs/PERFORMANCE.md

# Each fuzz target for FUZZTIME, then promise Q15 with so many MUTATIONS of what was recorded and specified, from SEED. What a
# target finds is written to testdata/fuzz beside it: commit it with the fix. A failing mutation says how to try it alone.
FUZZTIME ?= 10s
MUTATIONS ?= 1000000
SEED ?= 1

fuzz: ## Throw hostile input at all that reads: each fuzz target for FUZZTIME, and 1,000,000 mutated frames and answers
	@$(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r package; do \
		folder=$$($(GO) list -f '{{.Dir}}' $$package); \
		for target in $$(cat $$folder/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(f \*testing\.F).*/\1/p'); do \
			echo "==> fuzz: $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$package </dev/null || exit 1; \
		done; \
	done
	@echo "==> fuzz: $(MUTATIONS) mutated frames and answers, seed $(SEED)"
	@QUEUP_MUTATIONS=$(MUTATIONS) QUEUP_SEED=$(SEED) $(GO) test -count=1 -run '^TestQ15_mutatedInput$$' -timeout 60m -v ./client

generate: ## Write gen/ and the tables of docs/PROTOCOL.md anew from api/
	@echo "==> generate: api/ -> gen/, docs/PROTOCOL.md (the first run builds the generators, about half a minute)"
	@$(GO) generate ./...

fmt: ## Format all Go code (gofumpt and goimports)
	@echo "==> fmt"
	@$(LINT) fmt

lint: ## Lint, including who may import whom
	@echo "==> lint: golangci-lint run (the first run builds it, a few minutes)"
	@$(LINT) run
	$(call in-modules,$(LINT) run)
	@echo "==> lint: imports of gen/"
	@$(GO) list -f '{{$$p := .ImportPath}}{{range .Imports}}{{$$p}} {{.}}{{"\n"}}{{end}}' ./gen/... | awk '\
		$$2 !~ /^github.com\/queup-go\/queup(\/|$$)/ { next } \
		$$2 ~ /\/queup\/internal\// { next } \
		$$2 ~ /\/gen\/wire$$/ && $$1 !~ /\/gen\/wire(\/|$$)/ { next } \
		{ print $$1 " must not import " $$2; bad = 1 } END { exit bad }'

race: ## Run all tests with the race detector, in random order
	@echo "==> race: go test -race -shuffle=on"
	@$(GO) test -race -shuffle=on ./...
	$(call in-modules,$(GO) test -race -shuffle=on ./...)

stress: ## Call every public method at once for STRESS (2m) while links drop, and SEEDS (200) bad days for the rate limits
	STRESS=$(or $(STRESS),2m) SEEDS=$(or $(SEEDS),200) $(GO) test -race -count=1 -timeout 60m -run 'TestQ12|TestQ19' ./client

fmt-check: ## Fail if a file is not formatted
	@echo "==> format: golangci-lint fmt --diff (the first run builds it, a few minutes)"
	@$(LINT) fmt --diff || { echo "format: run make fmt" >&2; exit 1; }

# Compares what is generated with itself before and after, not with git, so that uncommitted work is no false alarm. In a fresh
# clone both are the same. If they differ, the new output stays; if a generator fails, the old one is put back.
GENERATED = gen docs/PROTOCOL.md

drift: ## Write gen/ and the tables of docs/PROTOCOL.md anew and fail if that changed anything
	@echo "==> drift: are $(GENERATED) what api/ generates?"
	@old=$$(mktemp -d) || exit 1; ok=; mkdir "$$old/docs" || exit 1; \
	trap 'test -n "$$ok" || for f in $(GENERATED); do rm -rf "$$f" && mv "$$old/$$f" "$$f"; done; rm -rf "$$old"' EXIT; trap 'exit 130' INT TERM; \
	for f in $(GENERATED); do cp -R "$$f" "$$old/$$f" || { ok=untouched; exit 1; }; done; \
	$(GO) generate ./... || { echo "drift: a generator failed; $(GENERATED) are as they were" >&2; exit 1; }; \
	ok=generated; \
	for f in $(GENERATED); do diff -ru "$$old/$$f" "$$f" || true; done >"$$old/diff"; \
	test -s "$$old/diff" || exit 0; \
	head -n 60 "$$old/diff"; \
	echo "drift: $(GENERATED) were not what api/ generates. They are now: look at git diff and commit them with api/." >&2; exit 1

validate: ## Check both specifications and their examples with validators that are not ours
	@echo "==> validate: go -C tools/validate run . ../.."
	@$(GO) -C tools/validate run . ../..

tidy-check: ## Fail if go.mod or go.sum is not tidy
	@echo "==> tidy: go mod tidy -diff"
	@$(GO) mod tidy -diff || { echo "tidy: run go mod tidy" >&2; exit 1; }
	$(call in-modules,$(GO) mod tidy -diff)

secrets: ## Run the tests with made-up secrets at debug level, and fail if one gets out
	@echo "==> secrets: go run ./tools/secrets"
	@$(GO) run ./tools/secrets

# Only the database says what is vulnerable. Where it is out of reach nothing is known, and that is said, but it stops nobody from
# working. VULNDB is for another copy of it.
VULNDB ?= https://vuln.go.dev

vuln: ## Fail if this code reaches a known vulnerability (govulncheck)
	@echo "==> vuln: govulncheck (the first run builds it)"
	@said=$$(mktemp) || exit 1; trap 'rm -f "$$said"' EXIT; trap 'exit 130' INT TERM; \
	$(SUPPLY) govulncheck -db $(VULNDB) ./... >"$$said" 2>&1 && exit 0; \
	if grep -q '^govulncheck: fetching vulnerabilities' "$$said"; then \
		echo "vuln: !!! NOT CHECKED !!! $(VULNDB) is out of reach, so known vulnerabilities were not looked for" >&2; exit 0; fi; \
	cat "$$said"; echo "vuln: update what is named above; go.mod and the Go version count both" >&2; exit 1

licences: ## Fail if a module we build with has a licence that is unknown or not allowed
	@echo "==> licences: go run ./licences"
	@$(GO) -C tools/supply run ./licences ../.. $$(find examples tools/validate -name go.mod -exec dirname {} ';' | sed 's|^|../../|')

sbom: ## Write what this module is made of to bin/queup.cdx.json (CycloneDX)
	@mkdir -p bin
	@$(SUPPLY) cyclonedx-gomod mod -json -licenses -noserial -notimestamp -type library -output bin/queup.cdx.json .
	@echo "bin/queup.cdx.json"

# No path, no build id of git and no C: the bytes depend on the source, the Go version and the platform, and on nothing else.
BUILD = CGO_ENABLED=0 GOFLAGS= $(GO) build -trimpath -buildvcs=false
PROGRAMS = ./tools/queupd ./tools/record

build: ## Build queupd and record into bin/, the same bytes wherever it is done
	@mkdir -p bin
	@$(BUILD) -o bin/ $(PROGRAMS)
	@ls bin/queupd bin/record

reproducible: build ## Build both once more, elsewhere and from nothing, and fail if a byte differs
	@away=$$(mktemp -d) || exit 1; trap 'chmod -R u+w "$$away"; rm -rf "$$away"' EXIT; trap 'exit 130' INT TERM; \
	mkdir "$$away/src" "$$away/bin" && tar -cf - --exclude=./.git --exclude=./bin --exclude=node_modules . | tar -xf - -C "$$away/src" && \
	(cd "$$away/src" && export GOCACHE="$$away/cache" && $(BUILD) -o "$$away/bin/" $(PROGRAMS)) && \
	for program in queupd record; do \
		cmp "bin/$$program" "$$away/bin/$$program" || { echo "reproducible: two builds of $$program differ" >&2; exit 1; }; \
	done && echo "reproducible: the same bytes, twice"
