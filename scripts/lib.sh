# Shared by the scripts here: the packages of the distribution that each job needs, and a few words for the terminal.
# Sourced, not run. Everything comes from Debian 12 or 13 and, for the web pages, npm.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH=$PATH:/usr/sbin:/sbin # nginx and sshd; a user's own PATH lacks them

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
packages_test="libcmocka-dev python3-minimal python3-pytest python3-pytest-xdist python3-jsonschema python3-yaml clang-format
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

# Reads what apt-get or ninja say and tells how far they are: in place on a terminal, elsewhere a line every 15 s.
#   TOOL 2>&1 | tee LOG | progress
progress() {
    local line part='' rc words='' said='' from=$SECONDS at=$SECONDS all=0 fetched=0 unpacked=0 set_up=0 drawn=''
    while :; do
        rc=0
        IFS= read -rt 1 line || rc=$?
        if [ $rc -gt 128 ]; then # a second went by without a whole line
            part+=$line
        elif [ $rc -ne 0 ]; then
            break
        else
            line=$part$line part=''
            case $line in
            *" newly installed, "*) all=${line% newly installed*} all=${all##* } ;;
            "Need to get 0 B/"*) ;;
            "Need to get "*) note "$all packages with all that they need: ${line#Need to get }" ;;
            Get:*) [ "$all" = 0 ] || words="fetched $((fetched += 1)) of $all" ;;
            Unpacking*) words="unpacked $((unpacked += 1)) of $all" ;;
            "Setting up"*) words="set up $((set_up += 1)) of $all" ;;
            \[*/*\]*) words=${line%%]*} words=${words#[} words="${words/\// of } steps done" ;;
            esac
        fi
        [ -n "$words" ] || continue
        if [ -t 1 ]; then
            printf '\r\e[K%s    %s, %d s%s' "$dim" "$words" $((SECONDS - from)) "$plain"
            drawn=1
        elif [ $((SECONDS - at)) -ge 15 ] && [ "$words" != "$said" ]; then
            note "$words, $((SECONDS - from)) s"
            said=$words at=$SECONDS
        fi
    done
    [ -z "$drawn" ] || printf '\r\e[K'
}

# Takes the lock of an existing file or folder for the rest of the shell it is called in.
locked() { # locked PATH WORDS-WHEN-SOMEBODY-ELSE-HAS-IT
    exec 9<"$1"
    flock -n 9 || { note "$2" && flock 9; }
}

# Installs what is missing of the named packages; as another user than root through sudo.
ensure_packages() {
    private_folder_possible
    command -v dpkg-query >/dev/null || fail "this needs Debian 12 or 13: there is no dpkg here"
    find_missing "$@"
    [ ${#missing[@]} -gt 0 ] || return 0
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
        command -v sudo >/dev/null || fail "packages are missing, and without sudo only root can install them:
    apt-get install --no-install-recommends ${missing[*]}"
    fi
    step "Installing missing packages"
    (install_missing "$@") || exit
}
private_folder_possible() { # says so early when $TMPDIR is of no use
    local try
    try=$(mktemp -d "${TMPDIR:-/tmp}/reeve.XXXXXX" 2>/dev/null) || fail "no folder can be made in ${TMPDIR:-/tmp}: set TMPDIR to one where $(id -un) may write"
    rmdir "$try"
}
find_missing() { # sets missing
    local name
    missing=()
    for name in "$@"; do
        # Node.js may be there from elsewhere, with npm in the same package.
        case $name in nodejs | npm) command -v "${name%js}" >/dev/null && continue ;; esac
        dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^.i' || missing+=("$name")
    done
}
install_missing() {
    locked /var/lib/dpkg "another of these scripts is installing packages; waiting for it"
    find_missing "$@"
    [ ${#missing[@]} -gt 0 ] || return 0
    note "${missing[*]}" | fold -sw 110 | sed '2,$s/^/    /'
    # A server that is installed here must not start by itself: what is needed is started by the scripts, on loopback.
    policy=/usr/sbin/policy-rc.d made_policy='' log=''
    trap 'rm -f "$log"; [ -z "$made_policy" ] || "${as_root[@]}" rm -f $policy' EXIT
    trap 'exit 130' INT TERM HUP
    if [ ! -e $policy ]; then
        made_policy=1
        "${as_root[@]}" sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
    fi
    local rc
    log=$(mktemp) || fail "no temporary file can be made"
    # Interrupting stops the downloads, but not the rest: half-installed packages would stand in everybody's way.
    "${as_root[@]}" env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -c '
        get() { apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=600 "$@"; }
        apt-get update -q && get --download-only "$@" && trap "" INT && get "$@"' sh \
        "${missing[@]}" 2>&1 </dev/null 9<&- | tee -i "$log" |
        (trap 'note "interrupted: this ends as soon as apt can be left"' INT && progress)
    rc=${PIPESTATUS[0]}
    [ "$rc" -eq 0 ] || tail -20 "$log" >&2
    [ "$rc" -eq 0 ] || fail "apt-get failed (its last lines are above)"
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
    { mkdir -p "$top/build" && [ -w "$top/build" ] && [ -w "$top/web" ]; } 2>/dev/null ||
        fail "$(id -un) may not write in $top: build as the user to whom it belongs, or in a copy of your own"
    [ -e "$top/web/node_modules/.reeve-installed" ] || note "the first build fetches the web pages' packages too (npm, about 100 MB)"
    [ -w "${HOME:-/nonexistent}" ] || export npm_config_cache="$top/build/npm" # npm fails without a place for its cache
    ( # one build at a time in this folder: web/node_modules is common to all
        locked "$top/build" "another build is under way in this folder; waiting for it"
        { cmake -S "$top" --preset "$preset" "$@" && cmake --build "$top/build/$preset" ${targets[0]+--target "${targets[@]}"}; } \
            2>&1 </dev/null 9<&- | tee "$log" | progress
        exit "${PIPESTATUS[0]}"
    ) || {
        [ $? -ne 130 ] || exit 130
        grep -vE '^\[[0-9]+/[0-9]+\]' "$log" | grep -E 'error:|Error |FAILED' -A 6 | cut -c 1-300 | head -40 >&2
        fail "the $preset build failed; all of it: $log"
    }
}
build_preset() { # build_preset PRESET [OPTION…]
    local preset=$1
    shift
    build_targets "$preset" -- "$@"
}
