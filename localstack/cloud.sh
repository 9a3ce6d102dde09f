#!/usr/bin/env bash
# A cloud on this machine, without Docker: Apache Kafka, an emulator of AWS that runs functions and Spark jobs as
# processes, and the trigger between them. Everything listens on 127.0.0.1 only.
set -euo pipefail

readonly START_SECONDS=120
readonly STOP_SECONDS=30

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly EMULATOR="${EMULATOR:-localstack}"
readonly EMULATOR_PORT="${EMULATOR_PORT:-4566}"
export KAFKA_PORT="${KAFKA_PORT:-9092}"
readonly TRIGGER_BINARY="${TRIGGER_BINARY:-${CARGO_TARGET_DIR:-target}/release/penstock-trigger}"
readonly CACHE="${PENSTOCK_CACHE:-$HOME/.cache/penstock}"
HOME_DIR="${PENSTOCK_LOCAL:-.local}/cloud"
# Absolute, so that two checkouts do not take each other's processes for their own.
[[ $HOME_DIR == /* ]] || HOME_DIR="$(pwd -P)/$HOME_DIR"
readonly HOME_DIR
readonly ENDPOINT="http://127.0.0.1:$EMULATOR_PORT"

usage() {
    cat <<USAGE
usage: localstack/cloud.sh up [--emulator] | down [--purge] | status | logs [--follow] | install

  up       install what is missing, start Kafka, the emulator and the trigger, and wait until they answer;
           what runs already is left as it is; --emulator starts that one only
  down     stop them; --purge also removes their data
  status   what runs, where it listens, and how far the trigger is with each mapping; exit code 1 if something is missing
  logs     the last lines of each log; --follow goes on with what comes
  install  install the emulator only, and print its Python

environment: EMULATOR (localstack or localemu), EMULATOR_PORT ($EMULATOR_PORT), KAFKA_PORT ($KAFKA_PORT), KAFKA_CONTROLLER_PORT (9093),
  TRIGGER_BINARY ($TRIGGER_BINARY), PYTHON (of version 3.13),
  PENSTOCK_CACHE (what is installed: $CACHE), PENSTOCK_LOCAL (data and logs: ${HOME_DIR%/cloud})
USAGE
}

main() {
    case "${1:-} ${2:-} $#" in
    "up  1") up ;;
    "up --emulator 2")
        require_emulator_settings
        install
        start_emulator
        ;;
    "down  1") down ;;
    "down --purge 2")
        down
        purge
        ;;
    "status  1") status ;;
    "logs  1") logs ;;
    "logs --follow 2") logs --follow ;;
    "install  1")
        install
        echo "$python"
        ;;
    help\ * | --help\ * | -h\ *) usage ;;
    *) wrong_usage ;;
    esac
}

# --- up ---------------------------------------------------------------------------------------------------------

up() {
    require_settings
    install
    localstack/kafka.sh up
    start_emulator
    start_trigger
    cat <<WHERE

Kafka      127.0.0.1:$KAFKA_PORT
$(printf '%-10s' "$EMULATOR") $ENDPOINT   region us-east-1, account 000000000000, keys test and test
trigger    serves every Kafka mapping of the emulator: 'localstack/cloud.sh status' shows how far it is

export AWS_ENDPOINT_URL=$ENDPOINT AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
WHERE
}

# Everything that can be known before anything is started.
require_settings() {
    require_emulator_settings
    [[ $EMULATOR_PORT != "$KAFKA_PORT" && $EMULATOR_PORT != "${KAFKA_CONTROLLER_PORT:-9093}" ]] ||
        wrong "EMULATOR_PORT: $EMULATOR_PORT is Kafka's: choose another"
    [[ -x $TRIGGER_BINARY ]] || fail "$TRIGGER_BINARY is missing: 'make up' builds it, or set TRIGGER_BINARY"
    # Before Kafka is started for nothing; the same is asked again when the port is taken.
    if ! running_pid emulator >/dev/null; then require_free_port EMULATOR_PORT "$EMULATOR_PORT"; fi
}

require_emulator_settings() {
    [[ $EMULATOR == localstack || $EMULATOR == localemu ]] || wrong "EMULATOR: '$EMULATOR' is neither localstack nor localemu"
    require_port EMULATOR_PORT "$EMULATOR_PORT"
}

start_emulator() {
    local pid
    if pid="$(running_pid emulator)"; then
        say "$(<"$HOME_DIR/emulator.what") already runs (pid $pid)"
        [[ $(<"$HOME_DIR/emulator.what") == "$EMULATOR at $ENDPOINT" ]] ||
            fail "asked for $EMULATOR at $ENDPOINT: run 'localstack/cloud.sh down' first, or set PENSTOCK_LOCAL for a second cloud"
    else
        end_leftovers
        require_free_port EMULATOR_PORT "$EMULATOR_PORT"
        # Nothing of an earlier one counts: the emulator begins empty.
        rm -rf "$HOME_DIR/emulator"
        mkdir -p "$HOME_DIR/emulator/tmp" "$HOME_DIR/jobs"
        install_extension
        echo "$EMULATOR at $ENDPOINT" >"$HOME_DIR/emulator.what"
        # -P: the folder in which it starts is no module, though one there is called localstack.
        spawn emulator env "${emulator_environment[@]}" "$python" -P -m "$EMULATOR.runtime.main"
    fi
    wait_until_ready emulator emulator_answers
    require_loopback
    say "$EMULATOR runs (pid $(running_pid emulator)) at $ENDPOINT, log in $HOME_DIR/emulator.log"
}

readonly emulator_environment=(
    LAMBDA_RUNTIME_EXECUTOR=process
    "GATEWAY_LISTEN=127.0.0.1:$EMULATOR_PORT"
    # Folders of its own: by default all emulators of a machine share them, above all where it takes itself to be in a container.
    OVERRIDE_IN_DOCKER=0
    "FILESYSTEM_ROOT=$HOME_DIR/emulator/files" "TEMP=$HOME_DIR/emulator/tmp"
    # No usage data, no certificate from the internet, no name server.
    DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0
    # Kinesis would write everything that it holds to the disk every five seconds, for a restart after which nothing counts.
    KINESIS_PERSISTENCE=0
    "LOCAL_CLOUD_HOME=$HOME_DIR" "LOCAL_CLOUD_JOB_LOGS=$HOME_DIR/jobs" "LOCAL_CLOUD_MSK_BROKERS=127.0.0.1:$KAFKA_PORT"
    # Spark itself is fetched when the first job asks for it.
    "LOCAL_CLOUD_SPARK_SUBMIT=${LOCAL_CLOUD_SPARK_SUBMIT:-$PWD/emr/spark-submit.sh}"
    "PYTHONPATH=$HOME_DIR/extension" PYTHONUNBUFFERED=1
)

# Its port opens before it serves.
emulator_answers() {
    [[ $(http_get "$EMULATOR_PORT" "/_$EMULATOR/health") == *'"services"'* ]]
}

# Functions are processes of this machine: whoever reaches the emulator may run code here.
require_loopback() {
    local hex
    hex="$(printf '%04X' "$EMULATOR_PORT")"
    [[ -r /proc/net/tcp ]] || return 0
    if awk '{ print $2, $4 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -qE "^0{8,32}:$hex 0A$"; then
        stop emulator
        fail "$EMULATOR listened on all addresses, so it was stopped: the extension in $HOME_DIR/extension does not fit it"
    fi
}

start_trigger() {
    local pid
    if pid="$(running_pid trigger)"; then
        say "the trigger already runs (pid $pid)"
        return
    fi
    rm -f "$HOME_DIR/trigger.txt"
    # A copy, so that a build does not replace the program under the running process.
    cp "$TRIGGER_BINARY" "$HOME_DIR/penstock-trigger.new"
    mv "$HOME_DIR/penstock-trigger.new" "$HOME_DIR/penstock-trigger"
    spawn trigger env AWS_ENDPOINT_URL="$ENDPOINT" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 \
        "$HOME_DIR/penstock-trigger" --follow --invoke "$ENDPOINT" --brokers "127.0.0.1:$KAFKA_PORT" --report "$HOME_DIR/trigger.txt"
    wait_until_ready trigger trigger_reports
    say "the trigger runs (pid $(running_pid trigger)), log in $HOME_DIR/trigger.log"
}

trigger_reports() {
    [[ -f $HOME_DIR/trigger.txt ]] && ! grep -q '^the mappings cannot be read' "$HOME_DIR/trigger.txt"
}

# --- install ----------------------------------------------------------------------------------------------------

# Sets `python`, whose folder's name holds a hash of the versions, so that other versions go to another folder.
install() {
    local requirements="localstack/requirements-$EMULATOR.txt" venv partial
    venv="$CACHE/$EMULATOR-$(sha256sum <"$requirements" | cut -c1-16)"
    python="$venv/bin/python"
    if [[ ! -x $python ]]; then
        local base
        base="$(find_python)"
        say "installing $EMULATOR (330 MB, once) to $venv"
        mkdir -p "$CACHE"
        # An installation that was cut off leaves a folder under another name, which nobody takes for the whole one.
        partial="$(mktemp -d "$venv.partial.XXXXXX")"
        # shellcheck disable=SC2064 # the folder's name is known now
        trap "rm -rf '$partial'" EXIT
        "$base" -m venv "$partial" >&2 || fail "could not make a virtual environment: apt-get install -y python3.13-venv"
        pip_install "$partial/bin/python" --requirement "$requirements"
        # Somebody else may have been faster: the same versions, so either is right.
        mv -T "$partial" "$venv" 2>/dev/null || [[ -x $python ]] || mv "$partial" "$venv"
    fi
    require_node
}

# Beside the data, and not into the virtual environment, which other checkouts share.
install_extension() {
    rm -rf "$HOME_DIR/extension"
    pip_install "$python" --no-build-isolation --target "$HOME_DIR/extension" localstack/extension
}

pip_install() {
    local python=$1
    shift
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps "$@" >&2 ||
        fail "pip could not install: see its message above; check the network or the index in pip's configuration"
}

# LocalStack 4.14 runs on no other version.
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.13 is missing: 'apt-get install -y python3.13-venv' or 'uv python install 3.13' brings it; then set PYTHON to it"
}

# The emulator's Kinesis is a program for Node, which it fetches with npm when it is first used.
require_node() {
    command -v npm >/dev/null || say "npm is missing, so Kinesis will not answer: apt-get install -y nodejs npm"
}

# --- down, status, logs -----------------------------------------------------------------------------------------

down() {
    stop trigger
    stop emulator
    end_leftovers
    localstack/kafka.sh down
}

purge() {
    localstack/kafka.sh down --purge
    rm -rf "${HOME_DIR:?}"
    say "removed $HOME_DIR"
}

status() {
    local pid code=0
    localstack/kafka.sh status || code=1
    if pid="$(running_pid emulator)" && emulator_answers; then
        say "$(<"$HOME_DIR/emulator.what") runs (pid $pid), log in $HOME_DIR/emulator.log"
    elif [[ -n $pid ]]; then
        say "the emulator (pid $pid) does not answer: see $HOME_DIR/emulator.log, then 'localstack/cloud.sh down' and 'up'"
        code=1
    else
        say "the emulator does not run"
        code=1
    fi
    if pid="$(running_pid trigger)"; then
        say "the trigger runs (pid $pid), log in $HOME_DIR/trigger.log"
        cat "$HOME_DIR/trigger.txt" 2>/dev/null || true
    else
        say "the trigger does not run"
        code=1
    fi
    if ((code != 0)); then say "'localstack/cloud.sh up' starts what is missing"; fi
    return "$code"
}

logs() {
    local name present=()
    for name in "$HOME_DIR/../kafka/broker.log" "$HOME_DIR/emulator.log" "$HOME_DIR/trigger.log"; do
        if [[ -f $name ]]; then present+=("$name"); fi
    done
    ((${#present[@]} > 0)) || fail "there are no logs: 'localstack/cloud.sh up' starts the cloud"
    tail -n 20 "$@" "${present[@]}"
}

# --- processes --------------------------------------------------------------------------------------------------

# Starts NAME's command in a session of its own, so that Ctrl-C at a later command does not reach it.
spawn() {
    local name=$1 log="$HOME_DIR/$1.log"
    shift
    [[ ! -f $log ]] || mv "$log" "$log.1"
    local -a detached=(nohup)
    if command -v setsid >/dev/null; then detached=(setsid nohup); fi
    "${detached[@]}" "$@" >"$log" 2>&1 </dev/null &
    echo "$!" >"$HOME_DIR/$name.pid"
}

wait_until_ready() {
    local name=$1 is_ready=$2 deadline=$((SECONDS + START_SECONDS))
    until "$is_ready"; do
        if ! running_pid "$name" >/dev/null; then
            tail -n 20 "$HOME_DIR/$name.log" >&2
            fail "the $name ended while starting: its last lines are above, all of them in $HOME_DIR/$name.log"
        fi
        ((SECONDS < deadline)) ||
            fail "the $name does not answer after $START_SECONDS s: see $HOME_DIR/$name.log, then 'localstack/cloud.sh down'"
        sleep 0.3
    done
}

stop() {
    local name=$1 pid
    if ! pid="$(running_pid "$name")"; then
        say "the $name does not run"
        return
    fi
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_until_gone "$name" "$STOP_SECONDS"; then
        say "the $name did not stop within $STOP_SECONDS s, so it is killed"
        kill -KILL "$pid" 2>/dev/null || true
        wait_until_gone "$name" 10 || fail "pid $pid does not end, even killed: see $HOME_DIR/$name.log"
    fi
    say "stopped the $name (pid $pid)"
}

wait_until_gone() {
    local deadline=$((SECONDS + $2))
    while running_pid "$1" >/dev/null; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}

# Prints the pid of our process. A pid file that a crash left behind may name a process of somebody else by now.
running_pid() {
    local name=$1 pid command
    [[ -f $HOME_DIR/$name.pid ]] || return 1
    pid="$(<"$HOME_DIR/$name.pid")"
    if ! [[ $pid =~ ^[0-9]+$ ]] || ! command="$(ps -ww -o command= -p "$pid" 2>/dev/null)" || ! is_ours "$name" "$command" "$pid"; then
        rm -f "$HOME_DIR/$name.pid"
        return 1
    fi
    echo "$pid"
}

# A process that has just been spawned may still be one of those that start it.
is_ours() {
    case "$1" in
    emulator) [[ $2 == *".runtime.main" ]] && belongs_here "$3" ;;
    trigger) [[ $2 == *"--report $HOME_DIR/trigger.txt" ]] ;;
    esac
}

# The command line of an emulator does not say whose it is, but its environment does.
belongs_here() {
    [[ ! -r /proc/$1/environ ]] || grep -qzxF "LOCAL_CLOUD_HOME=$HOME_DIR" "/proc/$1/environ" 2>/dev/null ||
        tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF "LOCAL_CLOUD_HOME=$HOME_DIR"
}

# What an emulator leaves behind when it is killed: its Kinesis, and jobs.
end_leftovers() {
    local environ pid
    for environ in /proc/[0-9]*/environ; do
        pid="${environ#/proc/}" pid="${pid%/environ}"
        if grep -qzxF "LOCAL_CLOUD_HOME=$HOME_DIR" "$environ" 2>/dev/null; then
            # It may have ended by itself a moment ago.
            if kill -KILL "$pid" 2>/dev/null; then say "ended what a killed emulator left behind (pid $pid)"; fi
        fi
    done
}

# --- what they share --------------------------------------------------------------------------------------------

http_get() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
        cat <&3
    ) 2>/dev/null | tr -d '\0' || true
}

require_free_port() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null || fail "port $2 on 127.0.0.1 is in use by another program: stop it, or set $1 to a free port"
}

require_port() {
    if ! [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || (($2 > 65535)); then wrong "$1: '$2' is no number from 1 to 65535"; fi
}

say() {
    echo "cloud: $*" >&2
}

fail() {
    echo "cloud: $*" >&2
    exit 1
}

wrong() {
    echo "cloud: $*" >&2
    exit 2
}

wrong_usage() {
    usage >&2
    exit 2
}

main "$@"
