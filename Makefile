# Everything a developer does with Jeongsan. Two commands suffice to begin with:
# make demo and make test. They need Go and, for the private database, a Postgres
# server binary, which they install where that is allowed.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO    ?= go
TOOL  := $(GO) tool -modfile=tools/go.mod
# Arguments for the demo, as in: make demo ARGS=--exit
ARGS  ?=
# Packages to test, lint or measure, as in: make test PKG=./domain/...
PKG   ?= ./...
BENCH ?= .

.PHONY: help
help: ## List these targets.
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: postgres graphiql ## Run a small platform with everything embedded, until Ctrl-C.
	$(GO) run ./cmd/jeongsan demo $(ARGS)

.PHONY: test
test: postgres ## Run all tests.
	$(GO) test $(PKG)

.PHONY: race
race: postgres ## Run all tests with the race detector.
	$(GO) test -race $(PKG)

.PHONY: lint
lint: ## Check style and common faults; .golangci.yaml says why each.
	$(TOOL) golangci-lint run $(PKG)

.PHONY: generate
generate: ## Generate the GraphQL server code from graph/schema.
	$(GO) generate ./...

.PHONY: verify-generated
verify-generated: ## Fail if generated code is not up to date.
	tools/verify-generated.sh

.PHONY: bench
bench: postgres ## Run the benchmarks; BENCH selects some of them.
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(PKG)

.PHONY: torture
torture: postgres ## Kill and starve real processes for an hour; see tools/torture.sh.
	tools/torture.sh

.PHONY: check
check: lint verify-generated test ## Do what must pass before a commit.

.PHONY: build
build: graphiql ## Build the binary into bin/, with GraphiQL where it can be had.
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/jeongsan ./cmd/jeongsan

.PHONY: console
console: ## Build GraphiQL, the page at /, from npm; the next build or demo has it.
	tools/console.sh

.PHONY: console-check
console-check: postgres ## Try GraphiQL in a browser without a window, on a running demo.
	tools/console-check.sh

.PHONY: graphiql
graphiql:
	@tools/console.sh --if-needed

.PHONY: postgres
postgres:
	@tools/ensure-postgres.sh
