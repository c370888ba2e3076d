# `make` lists the targets. Nothing has to be installed but Go, make and, for the race detector, a C compiler:
# the generators are tools of go.mod, the linter is a tool of tools/lint/go.mod, and Go builds both when first used.

GO ?= go
LINT = $(GO) tool -modfile=tools/lint/go.mod golangci-lint

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check interop record bench bench-peers bench-go bench-docs fuzz generate fmt lint race fmt-check drift tidy-check cassettes-check

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ## See a bot at work; needs no account and no network
	@$(GO) run ./examples/pingbot

test: ## Run all tests
	$(GO) test ./...

check: fmt-check lint drift tidy-check cassettes-check race ## Everything that must hold before a commit
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

record: ## Make the recordings in cassettes/testdata anew, from a QueUp in memory
	@$(GO) run ./tools/record record

cassettes-check: ## Fail if a cassette holds a secret
	@echo "==> cassettes: go run ./tools/record lint"
	@$(GO) run ./tools/record lint

# What the figures mean, and the last ones: docs/PERFORMANCE.md. Leave the machine alone meanwhile.
BENCH = $(GO) run ./tools/bench -json bench.json
BENCH_PEERS = tools/queupd/testdata/clients
COUNT ?= 6

bench: ## Measure the client beside its floors, and how its costs grow (under 3 minutes; figures also in bench.json)
	@$(BENCH)

bench-peers: ## The same, beside DubAPI from npm as well (needs node and npm)
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "bench-peers: node or npm is not on the PATH. make bench needs neither." >&2; exit 1; }
	@cd $(BENCH_PEERS) && npm install --package-lock=false --no-audit --no-fund --loglevel=error
	@$(BENCH) -peers $(BENCH_PEERS)

bench-go: ## Run the Go benchmarks of the event path, COUNT times each, for benchstat
	@$(GO) test -run '^$$' -bench '^Benchmark(Mix|Chat|Dub|JoinAndLeave|SongChange|DecodeEvent|Parser|Floor)' -benchmem -count $(COUNT) \
		./client ./realtime ./tools/eventgen ./tools/bench/floor

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
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package </dev/null || exit 1; \
		done; \
	done
	@echo "==> fuzz: $(MUTATIONS) mutated frames and answers, seed $(SEED)"
	@QUEUP_MUTATIONS=$(MUTATIONS) QUEUP_SEED=$(SEED) $(GO) test -count=1 -run '^TestQ15_mutatedInput$$' -timeout 60m -v ./client

generate: ## Write gen/ anew from api/
	@echo "==> generate: api/ -> gen/ (the first run builds the generators, about half a minute)"
	@$(GO) generate ./...

fmt: ## Format all Go code (gofumpt and goimports)
	@echo "==> fmt"
	@$(LINT) fmt

lint: ## Lint, including who may import whom
	@echo "==> lint: golangci-lint run (the first run builds it, a few minutes)"
	@$(LINT) run
	@echo "==> lint: imports of gen/"
	@$(GO) list -f '{{$$p := .ImportPath}}{{range .Imports}}{{$$p}} {{.}}{{"\n"}}{{end}}' ./gen/... | awk '\
		$$2 !~ /^github.com\/queup-go\/queup(\/|$$)/ { next } \
		$$2 ~ /\/queup\/internal\// { next } \
		$$2 ~ /\/gen\/wire$$/ && $$1 !~ /\/gen\/wire(\/|$$)/ { next } \
		{ print $$1 " must not import " $$2; bad = 1 } END { exit bad }'

race: ## Run all tests with the race detector, in random order
	@echo "==> race: go test -race -shuffle=on"
	@$(GO) test -race -shuffle=on ./...

fmt-check: ## Fail if a file is not formatted
	@echo "==> format: golangci-lint fmt --diff (the first run builds it, a few minutes)"
	@$(LINT) fmt --diff || { echo "format: run make fmt" >&2; exit 1; }

# Compares gen/ with itself before and after, not with git, so that uncommitted work is no false alarm. In a fresh clone
# both are the same. If they differ, gen/ keeps the new output; if a generator fails, gen/ is put back.
drift: ## Write gen/ anew and fail if that changed anything
	@echo "==> drift: is gen/ what api/ generates?"
	@old=$$(mktemp -d) || exit 1; ok=; \
	trap 'test -n "$$ok" || { rm -rf gen && mv "$$old/gen" gen; }; rm -rf "$$old"' EXIT; trap 'exit 130' INT TERM; \
	cp -R gen "$$old/gen" || { ok=untouched; exit 1; }; \
	$(GO) generate ./... || { echo "drift: a generator failed; gen/ is as it was" >&2; exit 1; }; \
	ok=generated; \
	diff -ru "$$old/gen" gen >"$$old/diff" && exit 0; \
	head -n 60 "$$old/diff"; \
	echo "drift: gen/ was not what api/ generates. It is now: look at git diff gen/ and commit it with api/." >&2; exit 1

tidy-check: ## Fail if go.mod or go.sum is not tidy
	@echo "==> tidy: go mod tidy -diff"
	@$(GO) mod tidy -diff || { echo "tidy: run go mod tidy" >&2; exit 1; }
