#!/usr/bin/env bash
# Everything that can be said of the Terraform code without a cloud: infra/test.sh
#
# Format, lint, the tests of each module with a provider that is made up, checkov, and mistakes that are planted to see
# whether these checks notice them. It works on a copy, so nothing is left in the tree.
# Needs Terraform and Python 3.11; Go for tflint, once; network for the provider and the tools, once.
set -euo pipefail

readonly TFLINT_VERSION=v0.64.0

cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck disable=SC1091 # it is checked by itself
source ./tools.sh

main() {
    need_terraform
    share_the_provider
    command -v shellcheck >/dev/null || fail "shellcheck is missing: apt-get install shellcheck"
    install_python_tools
    install_tflint
    work="$(mktemp -d)"
    # shellcheck disable=SC2064 # the folder's name is known now
    trap "rm -rf '$work'" EXIT
    copy_infra "$work"
    step "shell scripts" shellcheck ./*.sh
    step "Python" python_checks
    step "format" terraform fmt -check -recursive -diff .
    for folder in "$work"/infra/modules/* "$work"/infra/live/* "$work"/infra/bootstrap; do
        step "${folder#"$work"/infra/}" terraform_checks "$folder"
    done
    step "tflint" tflint_checks
    # It would ask its maker's server for names of rules that it has.
    step "checkov" "$VENV/bin/checkov" --directory "$work/infra" --framework terraform --quiet --compact --skip-download
    step "planted mistakes" mistakes
    echo "infra: all checks passed"
}

step() {
    local began=$SECONDS name=$1
    shift
    "$@" || fail "$name: see above"
    echo "infra: $name ($((SECONDS - began)) s)"
}

terraform_checks() {
    terraform -chdir="$1" init -backend=false -input=false >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
    terraform -chdir="$1" validate -no-color >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
    if [[ -d $1/tests ]]; then
        local -a variables=()
        if [[ -f $1/terraform.tfvars.example ]]; then variables=(-var-file=terraform.tfvars.example); fi
        terraform -chdir="$1" test -no-color "${variables[@]}" >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
    fi
}

tflint_checks() {
    (cd "$work/infra" && "$TOOLS/bin/tflint" --recursive --config "$work/infra/.tflint.hcl")
}

python_checks() {
    "$VENV/bin/ruff" check --no-cache --quiet . && "$VENV/bin/ruff" format --no-cache --quiet --check --diff . &&
        "$VENV/bin/mypy" --cache-dir "$TOOLS/mypy" --no-error-summary package.py tests/*.py && run_pytest test_package.py test_bucket.py test_terraform.py test_names.py
}

# Most of it is starting the provider, once for each mistake: as many at a time as there are cores.
mistakes() {
    INFRA_COPY="$work/infra" run_pytest --numprocesses auto test_mistakes.py
}

# In a folder of its own: in the shared one, other runs of pytest remove what they take for old.
run_pytest() {
    (cd tests && PYTHONDONTWRITEBYTECODE=1 "$VENV/bin/pytest" --quiet -p no:cacheprovider --basetemp "$work/pytest" "$@")
}

install_tflint() {
    if [[ -x $TOOLS/bin/tflint && $("$TOOLS/bin/tflint" --version) == *"${TFLINT_VERSION#v}"* ]]; then return; fi
    command -v go >/dev/null || fail "tflint needs Go to be built: apt-get install golang, or put tflint ${TFLINT_VERSION#v} into $TOOLS/bin"
    echo "infra: building tflint $TFLINT_VERSION (some minutes, once)"
    GOBIN="$TOOLS/bin" go install "github.com/terraform-linters/tflint@$TFLINT_VERSION"
}

main
