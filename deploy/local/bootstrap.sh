#!/bin/sh
# Makes a bare machine able to run the project, then becomes the Python program that runs it.
#
#   bootstrap.sh environment   only .venv, from the hashed lock
#   bootstrap.sh machine       the system's packages as well, and a browser for the tests
#   bootstrap.sh run           both but the browser, and then the whole system in the foreground
#
# Where everything is there already it looks at a few files and installs nothing. Packages are
# installed without starting the services they bring: only our own private servers run.
set -eu

cd "$(dirname "$0")/../.."

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# ---- the system's packages ----------------------------------------------------------------------

exists() { # exists PROGRAM [PATH-PATTERN...]: on the PATH, or where distributions hide it
    program=$1; shift
    command -v "$program" >/dev/null 2>&1 && return 0
    for candidate in "/usr/sbin/$program" "$@"; do
        [ -x "$candidate" ] && return 0
    done
    return 1
}

with_browser=

missing_packages() { # prints the Debian names
    exists initdb /usr/lib/postgresql/*/bin/initdb || echo postgresql
    exists rabbitmq-server /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server ||
        echo rabbitmq-server
    exists redis-server || echo redis-server
    exists nginx || echo nginx
    [ -z "$with_browser" ] || exists chromium || echo chromium
    find_python || echo python3-venv
}

# pyenv leaves commands on the PATH that fail when run, and Debian a python3 that cannot make an
# environment: only trying tells.
find_python() {
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 \
        /usr/bin/python3 /opt/homebrew/bin/python3; do
        [ -n "$candidate" ] || continue
        python=$(command -v "$candidate" 2>/dev/null) || continue
        "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1 && return 0
    done
    return 1
}

install_packages() {
    packages=$(missing_packages | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    case $(uname -s) in
        Darwin) install_with_homebrew ;;
        *) install_with_apt ;;
    esac
}

install_with_homebrew() {
    command -v brew >/dev/null 2>&1 ||
        die "Please install Homebrew, or these programs by hand: $packages"
    formulae=$(printf '%s' "$packages" | sed \
        -e 's/postgresql/postgresql@17/' -e 's/rabbitmq-server/rabbitmq/' \
        -e 's/redis-server/redis/' -e 's/python3-venv/python@3.13/')
    say "Installing with Homebrew: $formulae"
    # shellcheck disable=SC2086 # a list of words
    brew install $formulae
}

install_with_apt() {
    command -v apt-get >/dev/null 2>&1 ||
        die "Please install these packages, or what they are called on your system: $packages"
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "Please run this as root: apt-get install $packages"
        sudo=sudo
    fi
    say "Installing with apt: $packages"
    trap restore_machine EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    # Without this file, Debian starts every service it installs, on the standard ports.
    if [ ! -e "$policy" ]; then
        policy_is_ours=yes
        printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
        $sudo chmod 755 "$policy"
    fi
    apt update
    case " $packages " in *" postgresql "*)
        apt install postgresql-common
        # A default cluster is not needed; the setting is only ours for the next line.
        $sudo cp -p "$cluster_settings" "$cluster_settings.before"
        echo 'create_main_cluster = false' | $sudo tee -a "$cluster_settings" >/dev/null
        ;;
    esac
    # shellcheck disable=SC2086 # a list of words
    apt install $packages
    restore_machine
    trap - EXIT INT TERM HUP
    find_python || apt install python3.11-venv
}

apt() {
    action=$1; shift
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$action" ${1:+--no-install-recommends} \
        "$@" >&2 || die "apt-get $action failed; what it said stands above"
}

policy=/usr/sbin/policy-rc.d
cluster_settings=/etc/postgresql-common/createcluster.conf
policy_is_ours=

restore_machine() {
    [ -z "$policy_is_ours" ] || $sudo rm -f "$policy"
    [ ! -e "$cluster_settings.before" ] || $sudo mv "$cluster_settings.before" "$cluster_settings"
    policy_is_ours=
}

# ---- the Python environment ---------------------------------------------------------------------

stamp=.venv/installed-lock

install_environment() {
    lock=$(cksum requirements.lock)
    if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$lock" ]; then
        return 0
    fi
    find_python || die "Please install Python 3.11 or newer, with its venv module."
    if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        say "Creating .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
    fi
    say "Installing Python packages from requirements.lock"
    install_with_uv || .venv/bin/python -m pip install --require-hashes -r requirements.lock >&2 ||
        die "The Python packages could not be installed; what pip said stands above."
    printf '%s\n' "$lock" >"$stamp"
}

# uv is many times faster than pip. It does not read pip's settings; where packages come from is no
# question of trust here, as each has to have the hash in the lock.
install_with_uv() {
    .venv/bin/python -m pip install --quiet uv >&2 || return 1
    UV_INDEX_URL=${UV_INDEX_URL:-$(pip_setting index-url)}
    UV_EXTRA_INDEX_URL=${UV_EXTRA_INDEX_URL:-$(pip_setting extra-index-url)}
    UV_FIND_LINKS=${UV_FIND_LINKS:-$(pip_setting find-links)}
    export UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS
    [ -n "$UV_INDEX_URL" ] || unset UV_INDEX_URL
    [ -n "$UV_EXTRA_INDEX_URL" ] || unset UV_EXTRA_INDEX_URL
    [ -n "$UV_FIND_LINKS" ] || unset UV_FIND_LINKS
    .venv/bin/python -m uv pip install --python .venv/bin/python --require-hashes \
        --index-strategy unsafe-best-match --compile-bytecode -r requirements.lock >&2
}

pip_setting() { # the environment's setting, else the configuration file's
    .venv/bin/python -m pip config get ":env:.$1" 2>/dev/null ||
        .venv/bin/python -m pip config get "global.$1" 2>/dev/null || true
}

# ---- what is asked for --------------------------------------------------------------------------

case ${1:-} in
    environment)
        install_environment
        ;;
    machine)
        with_browser=yes
        install_packages
        install_environment
        ;;
    run)
        install_packages
        install_environment
        exec .venv/bin/python -m deploy.local run
        ;;
    *)
        die "usage: bootstrap.sh environment|machine|run"
        ;;
esac
