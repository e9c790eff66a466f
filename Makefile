# `make help` lists the targets. Everything that CI runs is a target here.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run-embedded
run-embedded: ## Run the whole system in one process (SQLite, in-process events, mailbox folder)
	$(CARGO) run --release

# The system on MySQL, RabbitMQ and MongoDB in containers: deploy/compose.
COMPOSE ?= docker compose
compose = $(COMPOSE) --project-directory deploy/compose --env-file deploy/compose/.env -f deploy/compose/compose.yaml

.PHONY: init
init: ## Containers from nothing: write secrets, build, start, migrate, make the administrator
	deploy/compose/init.sh
	$(compose) build bank-service log-service email-service
	$(compose) up --detach
	@echo "the gateway is at $$(sed -n 's/^PUBLIC_URL=//p' deploy/compose/.env), the administrator's login in deploy/compose/.env"

.PHONY: build
build: ## Build the images of the three services
	$(compose) build bank-service log-service email-service

.PHONY: rebuild
rebuild: ## Build the images without what earlier builds left, and replace the containers
	$(compose) build --no-cache --pull bank-service log-service email-service
	$(compose) up --detach --force-recreate bank-service log-service email-service gateway

.PHONY: run
run: ## Start the containers, each once what it needs is ready (PAGES=1: with the administration pages)
	$(compose) $(if $(PAGES),--profile pages) up --detach

.PHONY: down
down: ## Stop and remove the containers; the data stays in its volumes
	$(compose) --profile pages down

.PHONY: logs
logs: ## Follow the containers' logs (SERVICE=bank-service: of one)
	$(compose) logs --follow --tail 100 $(SERVICE)

.PHONY: db-init
db-init: ## Migrate the containers' database, and make the roles and the first administrator
	$(compose) run --rm bank-init

.PHONY: db-upgrade
db-upgrade: ## Apply the pending migrations to the containers' database
	$(compose) run --rm bank-init db upgrade

.PHONY: db-migrate
db-migrate: ## Make a new migration for both engines: make db-migrate name=add_nicknames
	deploy/checks/new-migration.sh '$(name)'

.PHONY: compose-check
compose-check: ## Check what can be checked of deploy/compose and deploy/images without a Docker engine
	deploy/checks/compose.sh

.PHONY: test
test: test-embedded test-real compose-check fault-test ## Run every test there is: embedded, on private real servers, the containers' files, under faults (installs what is missing)

.PHONY: test-real
test-real: ## Run the tests on private MariaDB, RabbitMQ, MongoDB and SMTP servers (installs what is missing)
	LOCAL_UNSYNCED=1 deploy/local/with.sh deploy/checks/test-real.sh

.PHONY: test-embedded
test-embedded: ## Run only the tests that need no server: unit, property, API, end to end, kill -9
	$(CARGO) test --workspace
	KILLS=$${KILLS:-50} deploy/system-tests/kill-test.sh

.PHONY: kill-test
kill-test: ## kill -9 the system at random while it works, then check that nothing is lost (KILLS=50)
	deploy/system-tests/kill-test.sh

.PHONY: fault-test
fault-test: ## Kill, cut off and confuse the three processes on private real servers; then plant faults to see the checker find them
	deploy/system-tests/fault-test.sh

.PHONY: soak
soak: ## The same for long: over 300 kills, 10 outages of each server (ROUNDS, KILLS, OUTAGES, SEED)
	deploy/system-tests/soak.sh

.PHONY: check
check: fmt-check clippy arrows schemas-check ## Everything CI checks before the tests

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: fmt-check
fmt-check: ## Check the formatting
	$(CARGO) fmt --all --check

# The tests that run by name only: those on real servers.
real_tests = $(addprefix --test ,amqp bank mongo real flows)
.PHONY: clippy
clippy: ## Lint everything, warnings denied
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --workspace $(real_tests) -- -D warnings

.PHONY: arrows
arrows: ## Check that no crate depends on one it must not know
	deploy/checks/arrows.sh

.PHONY: schemas
schemas: ## Write the JSON Schemas, the AsyncAPI document and the golden files anew
	$(CARGO) run -q -p shared-events --example generate

.PHONY: schemas-check
schemas-check: schemas ## Fail if the generated files differ from the committed ones
	git diff --exit-code -- shared-events/schemas shared-events/asyncapi.json shared-events/golden

.PHONY: schemathesis
schemathesis: ## Ask every route of the OpenAPI documents what it did not expect (SEED, MAX_EXAMPLES, SERVICES)
	deploy/checks/schemathesis.sh

.PHONY: deny
deny: ## Check licences and advisories (needs cargo-deny)
	$(CARGO) deny check

.PHONY: bench
bench: ## Measure the services on real servers beside the bare drivers, and write docs/performance.md's table
	deploy/bench/bench.sh

.PHONY: bench-embedded
bench-embedded: ## Measure the embedded system beside a bare SQLite loop
	deploy/bench/bench-embedded.sh

.PHONY: end-to-end
end-to-end: ## Run the end-to-end tests on the all-in-one binary
	$(CARGO) test -p standalone --test e2e

.PHONY: readme
readme: ## Write the README's configuration tables anew from --help
	$(CARGO) build -p standalone -p bank-service -p log-service -p email-service
	UPDATE_README=1 $(CARGO) test -p standalone --test e2e readme
