# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
SWIFT ?= swift
PREFIX ?= /usr/local
BINARY = .build/release/kafka-mirror
SECONDS_ARG = $(if $(SECONDS),--seconds $(SECONDS),)
SOAK_RECORDS ?= 10000000
KILLS ?= 20
MODE ?= default
SEEDS ?= 2000
CONFIGURATION ?= debug
CHAOS_SEED = $(if $(SEED),--seed $(SEED),)

.PHONY: build demo test unit peers bench soak chaos restart simulate lint format install clean packages test-packages

build: packages
	$(SWIFT) build -c release --product kafka-mirror
	@echo "built $(BINARY)"

## Two embedded clusters, live producers, active-active mirroring, shown in the terminal. SECONDS=20 ends it by itself.
demo: build
	$(BINARY) demo $(SECONDS_ARG)

## Everything: unit, golden vectors, embedded clusters, foreign clients and brokers.
test: packages test-packages peers
	SWIFT=$(SWIFT) scripts/test

peers: test-packages
	scripts/peers

## Real data through two flows, counted by an independent client. SOAK_RECORDS=n for another size.
soak: build test-packages peers
	scripts/soak $(BINARY) $(SOAK_RECORDS)

## Kills a mirror again and again while brokers, leaders and the network fail, and counts. KILLS=500 MODE=exactly-once SEED=n
chaos: build test-packages peers
	scripts/chaos $(BINARY) --kills $(KILLS) --mode $(MODE) $(CHAOS_SEED)

## From a kill of a mirror of 1,000 partitions to the first new record after its restart.
restart: build test-packages peers
	.peers/python/bin/python Tests/Peers/python/restart.py --binary $(BINARY)

## The mirror on virtual time against model clusters, one history per seed. SEEDS=n, SEED=k replays one with its event log.
## A debug build also checks assertions; CONFIGURATION=release runs some ten times as many a second.
simulate: packages
	$(SWIFT) build -c $(CONFIGURATION) --product simulate
	.build/$(CONFIGURATION)/simulate $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

## Speed, memory, distance and scale; the table is printed, the figures are kept as JSON. QUICK=1 does a little of each.
bench: build
	scripts/bench $(BINARY) $(if $(QUICK),--quick,)

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests

# Does not build anew: under sudo there may be no Swift on the PATH.
install:
	@test -x $(BINARY) || $(MAKE) build
	install -D -s -m 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/kafka-mirror

clean:
	$(SWIFT) package clean
	rm -rf .peers Benchmarks/.build

packages:
	@scripts/packages build

test-packages:
	@scripts/packages build test
