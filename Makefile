.DEFAULT_GOAL := help
LINT := go tool -modfile=.ci/tools/go.mod golangci-lint
FUZZTIME ?= 5m
ROUNDS ?= 500

.PHONY: help build run demo test short fuzz bench torture cover lint fmt fix golden simulate redact interop image check

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12
build: ## one static binary, ./syncd
	CGO_ENABLED=0 go build -trimpath -o syncd ./cmd/syncd
run: ## the daemon, on your own data
	go run ./cmd/syncd serve
demo: ## an invented family, no network
	go run ./cmd/syncd demo
test: ## all tests, with the race detector
	go test -race -shuffle=on ./...
short: ## all tests, quick
	go test -short ./...
fuzz: ## every fuzz target, FUZZTIME each (5m)
	.ci/fuzz $(FUZZTIME)
bench: ## all benchmarks
	go test -run '^$$' -bench . -benchmem ./...
torture: ## kill the program ROUNDS times (500) at random moments
	SYNCD_TORTURE=$(ROUNDS) go test -count=1 -v -timeout 5h -run '^TestTorture|^TestKill|^TestBound' ./storage/... ./cmd/syncd ./cmd/syncd/internal/view
cover: ## all tests with the race detector, and coverage floors
	.ci/cover
lint: ## every lint
	$(LINT) run ./...
fmt: ## format
	$(LINT) fmt ./...
fix: ## modernise
	go fix ./...
golden: ## write the golden files anew; look at the diff
	go test ./feeds/... ./caldav/... ./source/... -update
simulate: ## sixty days of families, each way of living; renews the table in source/infomentor/PROTOCOL.md
	SYNCD_SIMULATE=write go test -count=1 -run SixtyDays ./cmd/syncd/internal/session
redact: ## turn the answer in FILE into a recording about nobody
	@go run ./source/sourcetest/redact <"$(FILE)"
interop: ## real clients, also Evolution and Thunderbird
	SYNCD_REQUIRE_INTEROP=1 SYNCD_DESKTOP=1 go test -count=1 -run 'Interop|Desktop' ./...
image: ## the container image
	docker build -t syncd:local .
check: ## what CI runs
	.ci/run
