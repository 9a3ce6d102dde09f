#!/usr/bin/env bash
# One MinIO server on this machine, without Docker: built once from its Go module, its data stay below the repository,
# and it listens on 127.0.0.1 only. A tool to test with: its licence (AGPL) is not ours, and nothing of it is shipped.
set -euo pipefail

# The last version of the module; its date stands in it.
readonly MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
readonly START_SECONDS=60
readonly STOP_SECONDS=30

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly CACHE="${PENSTOCK_CACHE:-$HOME/.cache/penstock}/minio-${MINIO_VERSION##*-}"
HOME_DIR="${PENSTOCK_LOCAL:-.local}/minio"
# Absolute, so that two checkouts do not take each other's server for their own.
[[ $HOME_DIR == /* ]] || HOME_DIR="$(pwd -P)/$HOME_DIR"
readonly HOME_DIR
readonly PORT="${MINIO_PORT:-9000}"
export MINIO_ROOT_USER="${MINIO_ROOT_USER:-penstock}"
export MINIO_ROOT_PASSWORD="${MINIO_ROOT_PASSWORD:-penstock-secret}"
# Neither a web page on another port, nor a question at home whether there is a newer version.
export MINIO_BROWSER=off MINIO_UPDATE=off

usage() {
    cat <<USAGE
usage: localstack/minio.sh up | down [--purge] | status | install

  up       build MinIO if it is not there, start it and wait until it answers; one that was killed is started again
  down     stop the server that \`up\` started; --purge also removes its data
  status   say whether it runs; exit code 0 if it does, 1 if not
  install  only build it

environment: MINIO_PORT ($PORT), MINIO_ROOT_USER ($MINIO_ROOT_USER), MINIO_ROOT_PASSWORD,
  PENSTOCK_CACHE (the program: $CACHE), PENSTOCK_LOCAL (data and log: $HOME_DIR)
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
    install:1) install ;;
    help:* | --help:* | -h:*) usage ;;
    *) wrong_usage ;;
    esac
}

# --- up ---------------------------------------------------------------------------------------------------------

up() {
    local pid
    if ! [[ $PORT =~ ^[1-9][0-9]{0,4}$ ]] || ((PORT > 65535)); then wrong "MINIO_PORT: '$PORT' is no number from 1 to 65535"; fi
    if pid="$(running_pid)"; then
        say "already runs (pid $pid) at $(<"$HOME_DIR/minio.url")"
        [[ $(<"$HOME_DIR/minio.url") == "http://127.0.0.1:$PORT" ]] ||
            fail "asked for port $PORT: run 'localstack/minio.sh down' first, or set PENSTOCK_LOCAL for a second server"
        wait_until_ready "$pid"
        return
    fi
    install
    ! is_open || fail "port $PORT on 127.0.0.1 is in use by another program: stop it, or set MINIO_PORT to a free port"
    mkdir -p "$HOME_DIR/data"
    start
}

# A build that was cut off leaves a folder under another name, which nobody takes for the whole one.
install() {
    [[ ! -x $CACHE/minio ]] || return 0
    command -v go >/dev/null || fail "Go is missing: https://go.dev/dl, or apt-get install -y golang-go"
    say "building MinIO (some minutes, once) to $CACHE"
    mkdir -p "$(dirname "$CACHE")"
    local partial
    partial="$(mktemp -d "$CACHE.partial.XXXXXX")"
    # shellcheck disable=SC2064 # the folder's name is known now
    trap "rm -rf '$partial'" EXIT
    GOBIN="$partial" go install "github.com/minio/minio@$MINIO_VERSION" >&2 ||
        fail "Go could not build MinIO: see its message above; check the network or the proxy in GOPROXY"
    # Somebody else may have been faster: the same version, so either is right.
    mv -T "$partial" "$CACHE" 2>/dev/null || [[ -x $CACHE/minio ]] || mv "$partial" "$CACHE"
}

start() {
    local log="$HOME_DIR/minio.log" pid
    # In a session of its own, so that Ctrl-C at a later command does not reach it.
    local -a detached=(nohup)
    if command -v setsid >/dev/null; then detached=(setsid nohup); fi
    "${detached[@]}" "$CACHE/minio" server --quiet --address "127.0.0.1:$PORT" "$HOME_DIR/data" >>"$log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$HOME_DIR/minio.pid"
    echo "http://127.0.0.1:$PORT" >"$HOME_DIR/minio.url"
    wait_until_ready "$pid"
    say "runs (pid $pid) at http://127.0.0.1:$PORT, log in $log"
}

wait_until_ready() {
    local pid=$1 deadline=$((SECONDS + START_SECONDS))
    until answers; do
        if ! is_ours "$pid"; then
            tail -n 20 "$HOME_DIR/minio.log" >&2
            rm -f "$HOME_DIR/minio.pid"
            fail "the server ended while starting: its last lines are above, all of them in $HOME_DIR/minio.log"
        fi
        ((SECONDS < deadline)) ||
            fail "the server (pid $pid) does not answer after $START_SECONDS s: see $HOME_DIR/minio.log, then 'localstack/minio.sh down'"
        sleep 0.2
    done
}

# Its port opens before it can write.
answers() {
    [[ $(http_status /minio/health/cluster) == 200 ]]
}

# --- down, status -----------------------------------------------------------------------------------------------

down() {
    local pid
    if ! pid="$(running_pid)"; then
        say "does not run"
        return
    fi
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_until_gone "$pid" "$STOP_SECONDS"; then
        say "did not stop within $STOP_SECONDS s, so it is killed"
        kill -KILL "$pid" 2>/dev/null || true
        wait_until_gone "$pid" 10 || fail "pid $pid does not end, even killed: see $HOME_DIR/minio.log"
    fi
    rm -f "$HOME_DIR/minio.pid"
    say "stopped (pid $pid)"
}

wait_until_gone() {
    local pid=$1 deadline=$((SECONDS + $2))
    while is_ours "$pid"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}

purge() {
    rm -rf "${HOME_DIR:?}/data"
    say "removed $HOME_DIR/data"
}

status() {
    local pid
    if pid="$(running_pid)"; then
        say "runs (pid $pid) at $(<"$HOME_DIR/minio.url"), log in $HOME_DIR/minio.log"
    else
        say "does not run"
        exit 1
    fi
}

# --- what they share --------------------------------------------------------------------------------------------

# Prints the pid of our server. A pid file that a crash left behind may name a process of somebody else by now.
running_pid() {
    local pid
    [[ -f $HOME_DIR/minio.pid ]] || return 1
    pid="$(<"$HOME_DIR/minio.pid")"
    if ! [[ $pid =~ ^[0-9]+$ ]] || ! is_ours "$pid"; then
        rm -f "$HOME_DIR/minio.pid"
        return 1
    fi
    echo "$pid"
}

is_ours() {
    local command
    command="$(ps -ww -o command= -p "$1" 2>/dev/null)" || return 1
    [[ $command == *"minio server "*" $HOME_DIR/data" ]]
}

is_open() {
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

http_status() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$PORT"
        printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$1" >&3
        head -n 1 <&3 | cut -d ' ' -f 2
    ) 2>/dev/null || true
}

say() {
    echo "minio: $*"
}

fail() {
    echo "minio: $*" >&2
    exit 1
}

wrong() {
    echo "minio: $*" >&2
    exit 2
}

wrong_usage() {
    usage >&2
    exit 2
}

main "$@"
