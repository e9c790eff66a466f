# `make help` lists the targets. Everything that CI runs is a target here.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
# A registry that is away for a moment fails no run.
export CARGO_NET_RETRY ?= 10
export PIP_RETRIES ?= 10
export NPM_CONFIG_FETCH_RETRIES ?= 6

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run-embedded
run-embedded: ## Run the whole system in one process (SQLite, in-process events, mailbox folder)
	$(CARGO) run --release

# The system on MySQL, RabbitMQ and MongoDB in containers: deploy/compose.
COMPOSE ?= docker compose
compose = source deploy/compose/lib.sh && need_env && COMPOSE="$(COMPOSE)" compose

.PHONY: init
init: ## Containers from nothing: write secrets, build (10 to 20 minutes the first time), start, migrate, make the administrator
	deploy/compose/init.sh
	$(compose) build bank-service log-service email-service
	PAGES='$(PAGES)' OBSERVE='$(OBSERVE)' deploy/compose/run.sh
	@echo "the administrator's login is in deploy/compose/.env: ADMIN_EMAIL, ADMIN_PASS"

.PHONY: build
build: ## Build the images of the three services
	$(compose) build bank-service log-service email-service

.PHONY: rebuild
rebuild: ## Build the images without what earlier builds left, and replace the services without a failed request
	$(compose) build --no-cache --build-arg CLEAN=1 bank-service log-service email-service
	deploy/compose/roll.sh

.PHONY: run
run: ## Start the containers, or bring them to what .env says (PAGES=1: with the administration pages; OBSERVE=1: with Prometheus and Grafana)
	PAGES='$(PAGES)' OBSERVE='$(OBSERVE)' deploy/compose/run.sh

.PHONY: roll
roll: ## Replace the services' containers, new ones first, without a failed request (SERVICE=bank-service: of one)
	deploy/compose/roll.sh $(SERVICE)

.PHONY: upgrade
upgrade: ## To the release that is checked out: build, migrate, and only if that went well replace the services one by one
	deploy/compose/upgrade.sh

.PHONY: rollback
rollback: ## Put the services of the release before the last upgrade in place again; the database stays
	deploy/compose/upgrade.sh --back

.PHONY: rotate-secret
rotate-secret: ## Seal the containers' database under a new SECRET_KEY, for one that leaked; some seconds without service
	deploy/compose/rotate-secret.sh

.PHONY: backup
backup: ## Write the data and secrets of the running containers into one file (FILE=, default backups/bank-TIME.tar)
	deploy/compose/backup.sh '$(FILE)'

.PHONY: restore
restore: ## Fill empty containers from a backup, and start them: make restore FILE=backups/bank-TIME.tar
	deploy/compose/restore.sh '$(FILE)'

.PHONY: down
down: ## Stop and remove the containers; the data stays in its volumes
	$(compose) --profile '*' down

.PHONY: status
status: ## What runs of the containers, and what each service says of what it needs
	deploy/compose/status.sh

.PHONY: doctor
doctor: status ## The same as status

.PHONY: logs
logs: ## Follow the containers' logs (SERVICE=bank-service: of one)
	$(compose) logs --follow --tail 100 $(SERVICE)

.PHONY: shell-db
shell-db: ## A MySQL prompt on the containers' database, as its owner
	$(compose) exec mysql sh -c 'MYSQL_PWD="$$BANK_DB_OWNER_PASSWORD" exec mysql --user=bank_owner bank'

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

.PHONY: compose-test
compose-test: ## Run the containers as an operator would, on a real engine (installs one on a bare Debian; FULL=1: everything, COMPOSE_TEST=skip: nothing)
	FULL='$(FULL)' deploy/checks/compose-test.sh

.PHONY: test
test: free-space test-embedded openapi-check clients-test console-test statements-test test-real old-env compose-check test-waiting ## Run the tests: embedded, documents, clients, the console in a browser, statements, on private real servers, by an older service's settings, under faults, the containers (installs what is missing; COMPOSE_TEST=skip leaves the engine out)

# Builds, servers with a database for each test, and the engine's images.
.PHONY: free-space
free-space:
	deploy/checks/free-space.sh 30 'make test'

# They mostly wait, and share nothing but the binaries.
.PHONY: test-waiting
test-waiting:
	deploy/checks/side-by-side.sh fault-test compose-test

.PHONY: test-real
test-real: ## Run the tests on private MySQL 9, RabbitMQ 4, MongoDB and SMTP servers, and the adapters' on MariaDB and RabbitMQ 3 (installs what is missing)
	deploy/checks/side-by-side.sh test-real-new test-real-old

.PHONY: test-real-new test-real-old
test-real-new:
	LOCAL_UNSYNCED=1 deploy/local/with.sh deploy/checks/test-real.sh
test-real-old:
	ENGINES=mariadb,rabbitmq LOCAL_UNSYNCED=1 deploy/local/with.sh deploy/checks/test-real.sh adapters

.PHONY: old-env
old-env: ## Start the three processes by the older bank service's `.env` files, word for word, on private real servers
	deploy/checks/old-env.sh

.PHONY: test-matrix
test-matrix: ## Run test-real on each pair of MySQL 9, MariaDB 10.11 and 11.8 with RabbitMQ 3.10, 4.0 and 4.3
	deploy/checks/test-matrix.sh

# The second line tests what a program without the drivers of servers refuses. Nearly all dependencies are those of the first;
# system-tests would bring RabbitMQ's driver back.
.PHONY: test-embedded
test-embedded: ## Run only the tests that need no server: unit, property, API, end to end, kill -9
	$(CARGO) test --workspace
	$(CARGO) test --workspace --exclude system-tests --no-default-features --lib a_program_without
	KILLS=$${KILLS:-50} deploy/system-tests/kill-test.sh

.PHONY: kill-test
kill-test: ## kill -9 the system at random while it works, then check that nothing is lost (KILLS=50)
	deploy/system-tests/kill-test.sh

.PHONY: fault-test
fault-test: ## Kill, cut off and confuse the three processes on private real servers; then plant faults to see the checker find them (KILLS=15 at random moments)
	deploy/system-tests/fault-test.sh

.PHONY: soak
soak: ## The same for long: over 300 kills, 10 outages of each server (ROUNDS, KILLS, OUTAGES, SEED)
	deploy/system-tests/soak.sh

.PHONY: check
check: fmt-check words scripts clippy arrows schemas-check observability-check deny ## Everything CI checks before the tests

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: fmt-check
fmt-check: ## Check the formatting
	$(CARGO) fmt --all --check

# Besides what the workspace has in common: the tests that run by name only, those on real servers; and the all-in-one program,
# which is built without the drivers of servers.
real_tests = $(addprefix --test ,amqp bank mongo real flows)
.PHONY: clippy
clippy: ## Lint everything, warnings denied
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --workspace $(real_tests) -- -D warnings
	$(CARGO) clippy --locked -p standalone -- -D warnings

.PHONY: arrows
arrows: ## Check that no crate and no module depends on one it must not know
	deploy/checks/arrows.sh

.PHONY: words
words: ## Check that names are the field's terms, that every file which a page names exists, and that every source is compiled
	python3 deploy/checks/words.py
	python3 deploy/checks/paths.py
	python3 deploy/checks/modules.py

.PHONY: scripts
scripts: ## Lint the shell scripts (installs shellcheck where it is missing)
	deploy/checks/scripts.sh

.PHONY: schemas
schemas: ## Write the JSON Schemas, the AsyncAPI document and the golden files anew
	$(CARGO) build -q --workspace --example generate
	$${CARGO_TARGET_DIR:-target}/debug/examples/generate

.PHONY: schema
schema: ## Draw docs/schema.md anew, the picture of the tables that the migrations make
	UPDATE_SCHEMA=1 $(CARGO) test --workspace --test api -- schema_picture

.PHONY: schemas-check
schemas-check: schemas ## Fail if the generated files differ from the committed ones
	git diff --exit-code -- shared-events/schemas shared-events/asyncapi.json shared-events/golden

.PHONY: observability-check
observability-check: ## Check Prometheus' configuration, the alerts with their tests, the dashboard and the runbook (installs promtool where it is missing)
	deploy/checks/observability.sh

.PHONY: schemathesis
schemathesis: ## Ask every route of the OpenAPI documents what it did not expect (SEED, MAX_EXAMPLES, SERVICES)
	deploy/checks/schemathesis.sh

.PHONY: openapi-check
openapi-check: ## Lint the OpenAPI documents with redocly, spectral and openapi-spec-validator (installs what is missing)
	deploy/checks/openapi.sh

.PHONY: clients-test
clients-test: ## Generate a TypeScript and a Python client and run them against bank-standalone, then lint its metrics (installs what is missing)
	deploy/checks/clients.sh

.PHONY: console-test
console-test: ## Use the console of bank-standalone in headless Chromium and Firefox, and check each page (installs what is missing; SCREENSHOTS=folder)
	SCREENSHOTS='$(SCREENSHOTS)' deploy/checks/console-test.sh

.PHONY: statements-test
statements-test: ## Read the statements of bank-standalone's demo in all formats by foreign parsers, and compare them (installs what is missing)
	deploy/checks/statements.sh

.PHONY: deny
deny: ## Check licences, sources and advisories of the dependencies (installs cargo-deny where it is missing)
	deploy/checks/deny.sh

.PHONY: coverage
coverage: ## Measure what the embedded tests cover, into target/llvm-cov/html (installs cargo-llvm-cov where it is missing)
	command -v cargo-llvm-cov >/dev/null || $(CARGO) install --locked cargo-llvm-cov
	$(CARGO) llvm-cov --workspace --html

.PHONY: bench
bench: ## Measure the services on real servers beside the bare drivers, and write docs/performance.md's table
	deploy/bench/bench.sh

.PHONY: bench-embedded
bench-embedded: ## Measure the embedded system beside a bare SQLite loop
	deploy/bench/bench-embedded.sh

.PHONY: end-to-end
end-to-end: ## Run the end-to-end tests on the all-in-one binary
	$(CARGO) test -p standalone --test e2e

.PHONY: configuration
configuration: ## Write the tables of docs/configuration.md anew from --help
	UPDATE_CONFIGURATION=1 $(CARGO) test --workspace --test e2e -- documents
