#!/bin/sh
# Makes .venv from the lock file, once, and again when the lock file changes. What the machine lacks is said in one line.
set -eu

lock=requirements/development.txt
installed=.venv/installed.txt

fail() {
    echo "threadneedle: $1" >&2
    exit 1
}

# How this machine's package manager is told to install something; $1 is the Debian name, $2 everybody else's.
install_command() {
    sudo=$([ "$(id -u)" = 0 ] || echo "sudo ")
    if command -v apt-get >/dev/null 2>&1; then echo "${sudo}apt-get install -y $1"
    elif command -v dnf >/dev/null 2>&1; then echo "${sudo}dnf install -y $2"
    elif command -v apk >/dev/null 2>&1; then echo "${sudo}apk add $2"
    elif command -v brew >/dev/null 2>&1; then echo "brew install $2"
    else echo "uv python install 3.12"
    fi
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo "none")
    fail "Python 3.11 or newer is needed, found: $found. To mend it: $(install_command 'python3.11 python3.11-venv' python3.11)"
}

check_venv_module() {
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        fail "this Python $version has no venv. To mend it: $(install_command "python$version-venv" "python$version")"
}

is_current() {
    cmp -s "$lock" "$installed" && .venv/bin/python -c '' 2>/dev/null
}

install() {
    echo "threadneedle: making .venv with $("$1" --version)" >&2
    "$1" -m venv --clear .venv
    echo "threadneedle: installing $(grep -c '==' "$lock") locked packages, once; this takes a minute or more" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
        --only-binary :all: --requirement "$lock" ||
        fail "the locked packages were not installed; is the package index within reach? To try again: the same command"
    cp "$lock" "$installed"
}

cd "$(dirname "$0")/.."
if is_current; then
    exit 0
fi
python=$(find_python)
check_venv_module "$python"
# Two commands started at once in a fresh clone: the second waits here and then finds the work done.
mkdir -p var
exec 9>var/bootstrap.lock
"$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
is_current || install "$python"
