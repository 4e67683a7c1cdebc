#!/bin/sh
# Makes .venv with everything rlsuite needs, or pins versions anew ("setup.sh lock").
# Wants: some Python 3.11 to 3.14 and either uv or pip. Does nothing when nothing changed.
#   PYTHON=...         the interpreter to use; default: the best one found, 3.13 first
#   TORCH_BACKEND=cpu  torch without CUDA, gigabytes smaller (any value of uv's --torch-backend)
#   EXTRAS=...         extras to install; default: all,dev
set -eu
cd "$(dirname "$0")/.."

EXTRAS=${EXTRAS:-all,dev}
VERSIONS="3.13 3.14 3.12 3.11"
STAMP=.venv/.rlsuite-setup

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }

runs() { # runs PYTHON: is it a working interpreter of a version we support?
    [ -n "$1" ] && "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

is_version() { # is_version PYTHON X.Y
    [ -n "$1" ] && [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$2" ]
}

find_pyenv() {
    for candidate in "$(command -v pyenv || true)" "${PYENV_ROOT:-$HOME/.pyenv}/bin/pyenv"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ]; then printf '%s\n' "$candidate"; return; fi
    done
}

find_version() { # find_version X.Y: prints an interpreter of that version, if there is one
    for candidate in "$(command -v "python$1" || true)" "$(command -v python3 || true)" "$(command -v python || true)"; do
        if is_version "$candidate" "$1"; then printf '%s\n' "$candidate"; return; fi
    done
    pyenv=$(find_pyenv)
    if [ -n "$pyenv" ]; then # neither PATH nor uv sees what pyenv holds but has not switched on
        held=$("$pyenv" latest "$1" 2>/dev/null || true)
        candidate=$([ -n "$held" ] && "$pyenv" prefix "$held" 2>/dev/null || true)/bin/python
        if is_version "$candidate" "$1"; then printf '%s\n' "$candidate"; return; fi
    fi
    if [ -n "${UV:-}" ]; then
        candidate=$(UV_PYTHON_DOWNLOADS=never "$UV" python find --no-project "$1" 2>/dev/null || true)
        if is_version "$candidate" "$1"; then printf '%s\n' "$candidate"; fi
    fi
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        runs "$PYTHON" || fail "PYTHON=$PYTHON is no working Python 3.11 to 3.14."
        printf '%s\n' "$PYTHON"
        return
    fi
    for version in $VERSIONS; do
        found=$(find_version "$version")
        if [ -n "$found" ]; then printf '%s\n' "$found"; return; fi
    done
}

find_uv() {
    for candidate in "$(command -v uv || true)" .uv/bin/uv; do
        if [ -n "$candidate" ] && "$candidate" --version >/dev/null 2>&1; then UV=$candidate; return; fi
    done
    for candidate in ${PYTHON:-} "$(find_python)" python3; do
        if [ -n "$candidate" ] && "$candidate" -m pip --version >/dev/null 2>&1; then
            say "Fetching uv, the installer, into .uv ..."
            "$candidate" -m pip install --quiet --disable-pip-version-check --target .uv uv ||
                fail "uv could not be fetched with pip (see above). Check the network, or install uv and run this again."
            UV=.uv/bin/uv
            return
        fi
    done
    fail "Neither uv nor pip was found. Install one of them (on Debian: apt install python3-pip python3-venv) and run this again."
}

fingerprint() { # what an installation depends on
    { cat pyproject.toml requirements.lock scripts/setup.sh; printf '%s|%s|%s|%s\n' "$EXTRAS" "${TORCH_BACKEND:-}" "${PYTHON:-}" "$PWD"; } | cksum
}

lock() {
    find_uv
    say "Resolving the newest versions for Python 3.11 to 3.14 ..."
    "$UV" pip compile --quiet --universal --upgrade --python-version 3.11 --no-emit-index-url --no-header --no-annotate \
        --all-extras pyproject.toml --output-file requirements.lock
    say "requirements.lock: $(wc -l <requirements.lock) packages"
}

install_packages() {
    VIRTUAL_ENV="$PWD/.venv" "$UV" pip install --constraint requirements.lock ${TORCH_BACKEND:+--torch-backend="$TORCH_BACKEND"} \
        --editable ".[$EXTRAS]"
}

install() {
    find_uv
    if ! runs .venv/bin/python || [ -n "${PYTHON:-}" ]; then
        python=$(find_python)
        if [ -n "$python" ]; then
            export UV_PYTHON_DOWNLOADS=never # there is one: uv must not stall on fetching another
        else
            say "No Python 3.11 to 3.14 was found; fetching 3.13 ..."
            python=3.13
        fi
        rm -rf .venv
        "$UV" venv --quiet --python "$python" .venv
    fi
    version=$(.venv/bin/python -c 'import platform; print(platform.python_version())')
    say "Installing into .venv (Python $version) ..."
    install_packages || {
        say "Trying once more, with the certificates of this system ..." # networks that sign for themselves need them
        UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 install_packages
    } || fail "The installation failed (see above). Try again with: make setup"
    case $version in
    3.11.* | 3.12.*) say "Python $version: everything works; the Mario levels need Python 3.13 or a ROM file of your own (env.rom)." ;;
    esac
    fingerprint >"$STAMP"
}

if [ "${1:-}" = lock ]; then
    lock
elif ! [ -f "$STAMP" ] || [ "$(cat "$STAMP")" != "$(fingerprint)" ] || ! runs .venv/bin/python; then
    install
fi
