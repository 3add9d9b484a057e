# Shared by the scripts here: the packages of the distribution that each job needs, and a few words for the terminal.
# Sourced, not run. Everything comes from Debian 12 or 13 and, for the web pages, npm.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ -e /usr/share/llhttp/llhttp.c ] || [ "$(. /etc/os-release && echo "${VERSION_ID:-}")" = 12 ]; then
    llhttp=node-llhttp # Debian 12 ships the parser's C sources with this one
else
    llhttp=libllhttp-dev
fi
packages_build="gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libcurl4-openssl-dev libjansson-dev libssh-dev
    libsqlite3-dev libyaml-dev libssl-dev libseccomp-dev linux-libc-dev $llhttp nodejs npm ca-certificates"
packages_demo="nginx-light openssh-server openssh-client openssl util-linux curl"
packages_test="libcmocka-dev python3-minimal python3-pytest python3-jsonschema python3-yaml clang clang-format libclang-rt-14-dev
    sqlite3 gnutls-bin chromium chromium-driver python3-selenium jq procps"
[ "$llhttp" = node-llhttp ] || packages_test=${packages_test/libclang-rt-14-dev/libclang-rt-dev}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' green='' red='' plain=''
fi
step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s    %s%s\n' "$dim" "$*" "$plain"; }
good() { printf '%s    %s%s\n' "$green" "$*" "$plain"; }
fail() {
    printf '%s%s: %s%s\n' "$red" "$(basename "$0")" "$*" "$plain" >&2
    exit 1
}

# Installs what is missing of the named packages; as another user than root through sudo.
ensure_packages() {
    local name missing=()
    for name in "$@"; do
        # Node.js may be there from elsewhere, with npm in the same package.
        case $name in nodejs | npm) command -v "${name%js}" >/dev/null && continue ;; esac
        dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^.i' || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    step "Installing ${#missing[@]} missing packages"
    note "${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "these Debian packages are missing and sudo is not there: ${missing[*]}"
        as_root=(sudo)
    fi
    # A server that is installed here must not start by itself: what is needed is started by the scripts, on loopback.
    local policy=/usr/sbin/policy-rc.d made_policy=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
        "${as_root[@]}" chmod 755 $policy
        made_policy=1
    fi
    local log rc=0
    log=$(mktemp)
    { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 || rc=$?
    [ -z "$made_policy" ] || "${as_root[@]}" rm -f $policy
    if [ $rc -ne 0 ]; then
        tail -20 "$log" >&2
        rm -f "$log"
        fail "apt-get failed (its last lines are above)"
    fi
    rm -f "$log"
}

# Configures and builds one preset; quiet while all goes well.
build_preset() {
    local preset=$1 log=$top/build/$1.log
    shift
    mkdir -p "$top/build"
    if ! { cmake -S "$top" --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$log" 2>&1; then
        grep -E 'error|Error|FAILED' -A 6 "$log" | tail -40 >&2
        fail "the $preset build failed; all of it: $log"
    fi
}
