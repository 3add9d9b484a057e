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
packages_fuzz="libcmocka-dev clang libclang-rt-14-dev"
[ "$llhttp" = node-llhttp ] || packages_fuzz=${packages_fuzz/libclang-rt-14-dev/libclang-rt-dev}
packages_test="libcmocka-dev python3-minimal python3-pytest python3-jsonschema python3-yaml clang-format
    sqlite3 gnutls-bin chromium chromium-driver python3-selenium jq procps $packages_fuzz"

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

# One line a result, the same in every script, so that scripts/test can count them: report ok|FAIL|skip NAME [WORDS…]
report() {
    local colour=$green
    [ "$1" != FAIL ] || colour=$red
    [ "$1" != skip ] || colour=$dim
    printf '%s%-4s %s%s%s\n' "$colour" "$1" "$2" "$plain" "${3:+ ($3)}"
}
# The comment at the head of the script is its help.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 0
}
misused() { # misused WHAT KNOWN
    printf '%s: %s is not known here (there are: %s)\n' "$(basename "$0")" "$1" "$2" >&2
    exit 64
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

# Configures and builds: quiet while all goes well, the first errors and the name of the whole log when not.
# build_targets PRESET TARGET… [-- OPTION…]   options go to the configuring; no target means everything
build_targets() {
    local preset=$1 log=$top/build/$1.log targets=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        targets+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    mkdir -p "$top/build"
    if ! { cmake -S "$top" --preset "$preset" "$@" && cmake --build "$top/build/$preset" ${targets[0]+--target "${targets[@]}"}; } >"$log" 2>&1 </dev/null; then
        grep -E 'error|Error|FAILED' -A 6 "$log" | head -40 >&2
        fail "the $preset build failed; all of it: $log"
    fi
}
build_preset() { # build_preset PRESET [OPTION…]
    local preset=$1
    shift
    build_targets "$preset" -- "$@"
}
