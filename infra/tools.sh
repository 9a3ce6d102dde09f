# shellcheck shell=bash
# What the scripts beside it share: the tools they need, and the copy that tests work on. It is sourced.

readonly TOOLS="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/infra"
readonly MIN_TERRAFORM_MINOR=11
readonly CARGO_LAMBDA_VERSION=1.9.2

need_terraform() {
    local version minor where="https://developer.hashicorp.com/terraform/install has 1.$MIN_TERRAFORM_MINOR or newer"
    command -v terraform >/dev/null || fail "Terraform is missing: $where"
    version="$(terraform version | sed -n 's/^Terraform v//p')"
    minor="${version#1.}"
    if [[ $version != 1.* ]] || ((${minor%%.*} < MIN_TERRAFORM_MINOR)); then fail "Terraform $version is too old: $where"; fi
}

# The provider has 800 MB: once on the disk is enough for all modules that are tested, which have no lock file.
share_the_provider() {
    export TF_PLUGIN_CACHE_DIR="$TOOLS/providers" TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE=1
    mkdir -p "$TF_PLUGIN_CACHE_DIR"
}

# Sets VENV. The name of the folder holds a hash of what it was made from: other versions go to another folder.
install_python_tools() {
    local python requirements
    requirements="$(dirname "${BASH_SOURCE[0]}")/tests/requirements.txt"
    VENV="$TOOLS/python-$(sha256sum "$requirements" | cut -c1-16)"
    if [[ -e $VENV/ready ]]; then return; fi
    python="$(find_python)"
    rm -rf "$VENV"
    "$python" -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    touch "$VENV/ready"
}

# Puts cargo-lambda on the PATH, with which functions are built and watched.
install_cargo_lambda() {
    local venv
    venv="${TOOLS%/*}/cargo-lambda-$CARGO_LAMBDA_VERSION"
    if [[ ! -e $venv/complete ]]; then
        rm -rf "$venv"
        "$(find_python)" -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "cargo-lambda==$CARGO_LAMBDA_VERSION" ||
            fail "cargo-lambda $CARGO_LAMBDA_VERSION could not be installed: see pip's message above"
        touch "$venv/complete"
    fi
    PATH="$venv/bin:$PATH"
}

# Prints as many ports of 127.0.0.1 that nobody has.
free_ports() {
    "$(find_python)" - "$1" <<'PYTHON'
import socket
import sys

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(each.getsockname()[1] for each in sockets))
PYTHON
}

# The one that can read TOML.
find_python() {
    local python
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$python" -c 'import tomllib' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    fail "Python 3.11 or newer is missing: apt-get install python3 python3-venv"
}

# The modules find a package as `make package` leaves it; one that is made up will do.
copy_infra() {
    local from
    from="$(dirname "${BASH_SOURCE[0]}")"
    cp -R "$from" "$1/infra"
    find "$1/infra" -name '.terraform*' ! -name .tflint.hcl -prune -exec rm -rf {} +
    find "$1/infra" \( -name '*.tfstate*' -o -name '*.tfvars' -o -name backend.hcl \) -delete
    mkdir -p "$1/target"
    cp -R "$from/modules/pipeline/tests/package" "$1/target/lambda"
}

fail() {
    echo "infra: $*" >&2
    exit 1
}
