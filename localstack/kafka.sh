#!/usr/bin/env bash
# One Apache Kafka broker on this machine, without Docker: its jars come from Maven, its data stay below the
# repository, and it listens on 127.0.0.1 only.
set -euo pipefail

readonly KAFKA_VERSION=4.3.1
readonly SCALA_VERSION=2.13
readonly LOG4J_VERSION=2.25.4
readonly DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
readonly START_SECONDS=120
readonly STOP_SECONDS=60

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly CACHE="${PENSTOCK_CACHE:-$HOME/.cache/penstock}/kafka-$KAFKA_VERSION"
HOME_DIR="${PENSTOCK_LOCAL:-.local}/kafka"
# Absolute, so that two checkouts do not take each other's broker for their own.
[[ $HOME_DIR == /* ]] || HOME_DIR="$(pwd -P)/$HOME_DIR"
readonly HOME_DIR
readonly NAME=kafka NOUN=broker LOG="$HOME_DIR/broker.log" PID_FILE="$HOME_DIR/broker.pid"
readonly PORT="${KAFKA_PORT:-9092}"
readonly CONTROLLER_PORT="${KAFKA_CONTROLLER_PORT:-9093}"
# For tests: a listener that asks for a token, and takes those that nobody has signed.
readonly OAUTH_PORT="${KAFKA_OAUTH_PORT:-}"

# shellcheck disable=SC1091 # it is checked by itself
source localstack/server.sh

usage() {
    cat <<USAGE
usage: localstack/kafka.sh up | down [--purge] | status | topic NAME PARTITIONS

  up       fetch Kafka $KAFKA_VERSION if it is not there, start it and wait until it answers
  down     stop the broker that \`up\` started; --purge also removes its data
  status   say whether it runs; exit code 0 if it does, 1 if not
  topic    create a topic, unless it is there already with this number of partitions

environment: KAFKA_PORT ($PORT), KAFKA_CONTROLLER_PORT ($CONTROLLER_PORT), KAFKA_OAUTH_PORT (none), KAFKA_HEAP (512m),
  PENSTOCK_CACHE (jars: $CACHE), PENSTOCK_LOCAL (data and logs: $HOME_DIR)
USAGE
}

main() {
    case "${1:-}:$#" in
    up:1) up ;;
    down:1) down ;;
    down:2)
        [[ $2 == --purge ]] || wrong_usage
        down
        purge
        ;;
    status:1) status ;;
    topic:3) topic "$2" "$3" ;;
    help:* | --help:* | -h:*) usage ;;
    *) wrong_usage ;;
    esac
}

# --- up ---------------------------------------------------------------------------------------------------------

up() {
    require_number KAFKA_PORT "$PORT" 65535
    require_number KAFKA_CONTROLLER_PORT "$CONTROLLER_PORT" 65535
    [[ $PORT != "$CONTROLLER_PORT" ]] || fail "KAFKA_PORT and KAFKA_CONTROLLER_PORT are both $PORT: choose two ports"
    require_java
    if pid="$(running_pid)"; then
        say "already runs (pid $pid) at $(address)"
        [[ $(running_port) == "$PORT" ]] ||
            fail "asked for port $PORT: run 'localstack/kafka.sh down' first, or set PENSTOCK_LOCAL for a second broker"
        wait_until_ready "$pid"
        return
    fi
    fetch_jars
    require_free_port KAFKA_PORT "$PORT"
    require_free_port KAFKA_CONTROLLER_PORT "$CONTROLLER_PORT"
    mkdir -p "$HOME_DIR"
    write_settings
    format_data
    start
}

# A download that was cut off leaves a folder under another name, which nobody takes for the whole one.
fetch_jars() {
    [[ ! -d $CACHE ]] || return 0
    command -v mvn >/dev/null || fail "Maven is missing: apt-get install -y default-jre-headless maven"
    say "fetching Apache Kafka $KAFKA_VERSION (45 MB, once) to $CACHE"
    mkdir -p "$(dirname "$CACHE")"
    local partial
    partial="$(mktemp -d "$CACHE.partial.XXXXXX")"
    # shellcheck disable=SC2064 # the folder's name is known now
    trap "rm -rf '$partial'" EXIT
    write_pom >"$partial/pom.xml"
    mvn --quiet --batch-mode --file "$partial/pom.xml" "$DEPENDENCY_PLUGIN:copy-dependencies" \
        -DincludeScope=runtime -DoutputDirectory="$partial/libs" >&2 ||
        fail "Maven could not fetch the jars: see its message above; check the network or the mirror in ~/.m2/settings.xml"
    [[ -f $partial/libs/kafka_$SCALA_VERSION-$KAFKA_VERSION.jar ]] || fail "Maven brought no kafka_$SCALA_VERSION-$KAFKA_VERSION.jar"
    move_into_place "$partial" "$CACHE"
}

write_pom() {
    cat <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>penstock</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_$SCALA_VERSION</artifactId><version>$KAFKA_VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$KAFKA_VERSION</version>
      <!-- Kafka Connect with its web server; neither the broker nor the tools used here need it. -->
      <exclusions>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>connect-runtime</artifactId></exclusion>
      </exclusions>
    </dependency>
    <!-- Kafka's poms name no implementation of its logging interface. -->
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J_VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>$LOG4J_VERSION</version>
    </dependency>
  </dependencies>
</project>
POM
}

write_settings() {
    cat >"$HOME_DIR/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$CONTROLLER_PORT
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$HOME_DIR/data
# A misspelt topic is an error, not a new topic.
auto.create.topics.enable=false
# Generated events may carry timestamps of any year, and retention would delete by them: \`down --purge\` does instead.
log.retention.ms=-1
# One broker holds the only replica of everything.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# No second consumer will come in the first seconds, so a group need not wait for it.
group.initial.rebalance.delay.ms=0
PROPERTIES
    if [[ -n $OAUTH_PORT ]]; then write_oauth_settings >>"$HOME_DIR/server.properties"; fi
    write_log_settings INFO >"$HOME_DIR/log4j2.properties"
    write_log_settings ERROR >"$HOME_DIR/tools-log4j2.properties"
}

# What is said twice counts as said last. Sessions end with their tokens, so that a client must renew them.
write_oauth_settings() {
    cat <<PROPERTIES
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT,OAUTH://127.0.0.1:$OAUTH_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,OAUTH://127.0.0.1:$OAUTH_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,OAUTH:SASL_PLAINTEXT
listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.oauth.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
listener.name.oauth.oauthbearer.connections.max.reauth.ms=60000
PROPERTIES
}

write_log_settings() {
    cat <<PROPERTIES
rootLogger.level=$1
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.target=SYSTEM_ERR
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %c{1} %m%n
PROPERTIES
}

# Data of an earlier start are kept.
format_data() {
    [[ ! -f $HOME_DIR/data/meta.properties ]] || return 0
    local cluster
    cluster="$(kafka_tool kafka.tools.StorageTool random-uuid)"
    kafka_tool kafka.tools.StorageTool format -t "$cluster" -c "$HOME_DIR/server.properties" >/dev/null ||
        fail "could not prepare $HOME_DIR/data: see the message above"
}

start() {
    local heap="${KAFKA_HEAP:-512m}"
    [[ ! -f $LOG ]] || mv "$LOG" "$LOG.1"
    run_in_background java "-Xms$heap" "-Xmx$heap" -cp "$CACHE/libs/*" \
        -Dlog4j2.configurationFile="$HOME_DIR/log4j2.properties" kafka.Kafka "$HOME_DIR/server.properties"
}

# The port opens before the broker serves, so this asks it for its topics.
answers() {
    is_open "$PORT" && kafka_tool org.apache.kafka.tools.TopicCommand \
        --bootstrap-server "127.0.0.1:$PORT" --list >/dev/null 2>&1
}

# --- topic ------------------------------------------------------------------------------------------------------

topic() {
    local name=$1 partitions=$2 server output
    require_number "the number of partitions" "$partitions" 100000
    require_java
    running_pid >/dev/null || fail "does not run: 'localstack/kafka.sh up' starts it"
    server="$(address)"
    if output="$(topic_command "$server" --create --topic "$name" --partitions "$partitions" --replication-factor 1 2>&1)"; then
        say "created topic $name with $partitions partitions"
        return
    fi
    [[ $output == *TopicExistsException* || $output == *"already exists"* ]] || fail "could not create topic $name: $output"
    output="$(topic_command "$server" --describe --topic "$name")"
    [[ $output == *"PartitionCount: $partitions"[[:space:]]* ]] ||
        fail "topic $name exists with another number of partitions than $partitions: $(head -n 1 <<<"$output")"
    say "topic $name is there with $partitions partitions"
}

topic_command() {
    local server=$1
    shift
    kafka_tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$server" "$@"
}

# --- what they share --------------------------------------------------------------------------------------------

kafka_tool() {
    java -Xmx256m -cp "$CACHE/libs/*" -Dlog4j2.configurationFile="$HOME_DIR/tools-log4j2.properties" "$@"
}

is_its_command() {
    [[ $1 == *"kafka.Kafka $HOME_DIR/server.properties" ]]
}

address() {
    echo "127.0.0.1:$(running_port)"
}

running_port() {
    sed -n 's|^advertised.listeners=PLAINTEXT://127.0.0.1:\([0-9]*\).*|\1|p' "$HOME_DIR/server.properties" | tail -n 1
}

require_java() {
    local version
    command -v java >/dev/null || fail "Java is missing: apt-get install -y default-jre-headless maven"
    version="$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)"
    ((${version:-0} >= 17)) || fail "Java ${version:-of unknown version} is too old, Kafka needs 17: apt-get install -y default-jre-headless"
}

main "$@"
