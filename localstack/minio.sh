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
readonly NAME=minio NOUN=server LOG="$HOME_DIR/minio.log" PID_FILE="$HOME_DIR/minio.pid"
readonly PORT="${MINIO_PORT:-9000}"
export MINIO_ROOT_USER="${MINIO_ROOT_USER:-penstock}"
export MINIO_ROOT_PASSWORD="${MINIO_ROOT_PASSWORD:-penstock-secret}"
# Neither a web page on another port, nor a question at home whether there is a newer version.
export MINIO_BROWSER=off MINIO_UPDATE=off

# shellcheck disable=SC1091 # it is checked by itself
source localstack/server.sh

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
    require_number MINIO_PORT "$PORT" 65535
    if pid="$(running_pid)"; then
        say "already runs (pid $pid) at $(address)"
        [[ $(address) == "http://127.0.0.1:$PORT" ]] ||
            fail "asked for port $PORT: run 'localstack/minio.sh down' first, or set PENSTOCK_LOCAL for a second server"
        wait_until_ready "$pid"
        return
    fi
    install
    require_free_port MINIO_PORT "$PORT"
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
    move_into_place "$partial" "$CACHE"
}

start() {
    echo "http://127.0.0.1:$PORT" >"$HOME_DIR/minio.url"
    run_in_background "$CACHE/minio" server --quiet --address "127.0.0.1:$PORT" "$HOME_DIR/data"
}

# Its port opens before it can write.
answers() {
    [[ $(http_status /minio/health/cluster) == 200 ]]
}

# --- what server.sh asks for -----------------------------------------------------------------------------------

is_its_command() {
    [[ $1 == *"minio server "*" $HOME_DIR/data" ]]
}

address() {
    cat "$HOME_DIR/minio.url"
}

http_status() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$PORT"
        printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$1" >&3
        head -n 1 <&3 | cut -d ' ' -f 2
    ) 2>/dev/null || true
}

main "$@"
