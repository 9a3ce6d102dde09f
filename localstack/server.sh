# shellcheck shell=bash
# What the scripts that run one server in the background share: they source it after they have set
#   NAME        how the script calls itself, as in `localstack/NAME.sh down`
#   NOUN        what it runs, in a word
#   HOME_DIR    the server's folder; its data are in HOME_DIR/data
#   LOG, PID_FILE
#   START_SECONDS, STOP_SECONDS
# and with the functions usage, answers (whether it serves), address (where it runs) and
# is_its_command COMMAND (whether this is the command line of our server).

# Starts a command as the server and waits until it serves.
run_in_background() {
    # In a session of its own, so that Ctrl-C at a later command does not reach it.
    local pid
    local -a detached=(nohup)
    if command -v setsid >/dev/null; then detached=(setsid nohup); fi
    "${detached[@]}" "$@" >>"$LOG" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$PID_FILE"
    wait_until_ready "$pid"
    say "runs (pid $pid) at $(address), log in $LOG"
}

wait_until_ready() {
    local pid=$1 deadline=$((SECONDS + START_SECONDS))
    until answers; do
        if ! is_ours "$pid"; then
            tail -n 20 "$LOG" >&2
            rm -f "$PID_FILE"
            fail "the $NOUN ended while starting: its last lines are above, all of them in $LOG"
        fi
        ((SECONDS < deadline)) ||
            fail "the $NOUN (pid $pid) does not answer after $START_SECONDS s: see $LOG, then 'localstack/$NAME.sh down'"
        sleep 0.3
    done
}

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
        wait_until_gone "$pid" 10 || fail "pid $pid does not end, even killed: see $LOG"
    fi
    rm -f "$PID_FILE"
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
        say "runs (pid $pid) at $(address), log in $LOG"
    else
        say "does not run"
        exit 1
    fi
}

# Prints the pid of our server. A pid file that a crash left behind may name a process of somebody else by now.
running_pid() {
    local pid
    [[ -f $PID_FILE ]] || return 1
    pid="$(<"$PID_FILE")"
    if ! [[ $pid =~ ^[0-9]+$ ]] || ! is_ours "$pid"; then
        rm -f "$PID_FILE"
        return 1
    fi
    echo "$pid"
}

is_ours() {
    local command
    command="$(ps -ww -o command= -p "$1" 2>/dev/null)" || return 1
    is_its_command "$command"
}

is_open() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

require_free_port() {
    ! is_open "$2" || fail "port $2 on 127.0.0.1 is in use by another program: stop it, or set $1 to a free port"
}

require_number() {
    if ! [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || (($2 > $3)); then wrong "$1: '$2' is no number from 1 to $3"; fi
}

# Puts a folder that is whole in its place. Somebody else may have been faster: theirs is of the same version.
move_into_place() {
    local partial=$1 folder=$2
    mv -T "$partial" "$folder" 2>/dev/null || [[ -d $folder ]] || mv "$partial" "$folder"
}

say() {
    echo "$NAME: $*"
}

fail() {
    echo "$NAME: $*" >&2
    exit 1
}

wrong() {
    echo "$NAME: $*" >&2
    exit 2
}

wrong_usage() {
    usage >&2
    exit 2
}
