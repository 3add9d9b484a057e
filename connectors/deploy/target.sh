# What Reeve does on a target, as one POSIX sh program. It arrives on standard input each time (connectors/deploy/script.c),
# behind it come lines "name value" up to "end", and then what a step brings along. Nothing of it is ever on a command line,
# and none of it stays on the target. It needs a POSIX sh, coreutils, flock and setsid of util-linux, and openssl.
#
#   DIRECTORY/CERTIFICATE/slots/FINGERPRINT/{fullchain.pem,key.pem,manifest.json}   whole pairs, never changed
#                        /current -> slots/...    what the server's files lead to     /previous -> slots/...
#                        /pending/SPKI/key.pem  keys that wait for a certificate
#                        /armed, back, decision only while a switch is armed; unreloaded while the server was not told
#                                               (docs/internals/deploying.md)
#
# Answers are lines "name value" between "reeve-target 1" and "end"; a failure is "failed PHASE STATUS" and "error TEXT".
# Status, also the exit status: 0 done, 10 does not fit, 11 not there, 12 locked, 13 not allowed, 14 disk full, 15 foreign
# error, 16 the new pair was refused, 17 tools, 18 too late, 19 not put back, 20 reload failed.
# Lines that end in "safety: NAME" are left out of builds with -DREEVE_CANARY=NAME: a test must then fail.

set -u
umask 077
LC_ALL=C PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
unset CDPATH
cr=$(printf '\r')

fail() { # fail PHASE STATUS TEXT...
    fail_phase=$1 fail_status=$2
    shift 2
    answer "failed $fail_phase $fail_status" "error $*" end
    exit "$fail_status"
}
answer() {
    printf '%s\n' "$@"
}
disk() { # disk WHAT: something could not be written
    fail_room=$(stat -f -c '%a %S' "$directory" 2>/dev/null) && [ $((${fail_room% *} * ${fail_room#* })) -lt 65536 ] &&
        fail disk 14 "no room in $directory for $1"
    fail "${2:-disk}" 13 "could not write $1 as user $(id -un 2>/dev/null || id -u)"
}
is_hash() { # is_hash TEXT [DIGITS]
    case $1 in '' | *[!0-9a-f]*) return 1 ;; esac
    [ ${#1} -eq "${2:-64}" ]
}
nap() {
    sleep 0.1 8>&- 9>&- 2>/dev/null || sleep 1 8>&- 9>&-
}
uptime_now() { # seconds that no clock step changes
    read -r uptime_text _ </proc/uptime
    echo "${uptime_text%%.*}"
}

# ---- reading

read_parameters() {
    verb='' directory='' certificate='' certificate_file='' key_file='' kind='' binary='' config='' prefix='' sudo=''
    fingerprint='' spki='' armed=0 patience=20 algorithm='' size='' rotation='' subject='' san='' parameters=''
    while IFS= read -r line; do
        value=${line#* }
        case $line in
        end) break ;;
        'verb '*) verb=$value ;;
        'directory '*) directory=$value ;;
        'certificate '*) certificate=$value ;;
        'certificate_file '*) certificate_file=$value ;;
        'key_file '*) key_file=$value ;;
        'kind '*) kind=$value ;;
        'binary '*) binary=$value ;;
        'config '*) config=$value ;;
        'prefix '*) prefix=$value ;;
        'sudo '*) sudo=$value ;;
        'fingerprint '*) fingerprint=$value ;;
        'spki '*) spki=$value ;;
        'armed '*) armed=$value ;;
        'patience '*) patience=$value ;;
        'algorithm '*) algorithm=$value ;;
        'size '*) size=$value ;;
        'rotation '*) rotation=$value ;;
        'subject '*) subject=$value ;;
        'san '*) san=$value ;;
        *) fail input 10 "unknown parameter" ;;
        esac
        case $line in 'verb '*) ;; *) parameters="$parameters$line
" ;; esac
    done
    [ "${line:-}" = end ] || fail input 10 "the parameters broke off"
    case $directory in /*) ;; *) fail input 10 "no directory" ;; esac
    case $certificate in '' | .* | */*) fail input 10 "no certificate name" ;; esac
    case $armed$patience in *[!0-9]*) fail input 10 "not a number" ;; esac
    base=$directory/$certificate
}
need_tools() {
    missing=
    for tool in openssl/openssl flock/util-linux setsid/util-linux timeout/coreutils stat/coreutils sync/coreutils \
        readlink/coreutils tail/coreutils; do
        command -v "${tool%/*}" >/dev/null 2>&1 || missing="$missing ${tool%/*} (package ${tool#*/})"
    done
    [ -z "$missing" ] || fail tools 17 "missing on the target:$missing"
    command -v "$binary" >/dev/null 2>&1 || fail tools 17 "the server program $binary is not on the target"
    [ -z "$sudo" ] || command -v "$sudo" >/dev/null 2>&1 || fail tools 17 "$sudo is not on the target"
}

# ---- pairs

fingerprint_of() { # of the first certificate in a file
    fingerprint_text=$(openssl x509 -in "$1" -noout -fingerprint -sha256 2>/dev/null) || return 1
    printf '%s' "${fingerprint_text#*=}" | tr -d : | tr A-F a-f
}
public_key_of() {
    openssl pkey -in "$1" -passin pass: -pubout 2>/dev/null
}
spki_of() {
    spki_text=$(openssl pkey -in "$1" -passin pass: -pubout -outform DER 2>/dev/null | openssl dgst -sha256 -r) || return 1
    printf '%s' "${spki_text%% *}"
}
pair_matches() { # pair_matches CERTIFICATE KEY
    pair_public=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) && [ -n "$pair_public" ] || return 1
    [ "$pair_public" = "$(public_key_of "$2")" ]
}
slot_whole() {
    [ ! -L "$base/slots/$1" ] && [ -f "$base/slots/$1/key.pem" ] &&
        [ "$(fingerprint_of "$base/slots/$1/fullchain.pem")" = "$1" ] &&
        pair_matches "$base/slots/$1/fullchain.pem" "$base/slots/$1/key.pem"
}
pointed() { # pointed current|previous|back: the fingerprint, empty when none
    pointed_text=$(readlink "$base/$1" 2>/dev/null) || return 0
    is_hash "${pointed_text#slots/}" && printf '%s' "${pointed_text#slots/}"
    return 0
}
linked() { # both of the server's files lead through current
    [ "$(readlink "$certificate_file" 2>/dev/null)" = "$base/current/fullchain.pem" ] &&
        [ "$(readlink "$key_file" 2>/dev/null)" = "$base/current/key.pem" ]
}
point() { # point LINK AT: by one rename, never with a moment without the link
    rm -f "$1.reeve-new" && ln -s "$2" "$1.reeve-new" && mv -fT "$1.reeve-new" "$1" && sync "${1%/*}"
}
own_key() { # the owner and mode of the key that is there now, but never for everybody
    key_mode=600
    if key_stat=$(stat -L -c '%a %u:%g' "$key_file" 2>/dev/null); then
        key_mode=${key_stat% *}
        key_mode=${key_mode%?}0
        chown "${key_stat#* }" "$1" 2>/dev/null || chgrp "${key_stat##*:}" "$1" 2>/dev/null
    fi
    chmod "$key_mode" "$1"
}
make_slot() { # make_slot FINGERPRINT, out of slots/.new with both files: synced, then named by one rename
    chmod 644 "$base/slots/.new/fullchain.pem" && own_key "$base/slots/.new/key.pem" || return 1
    slot_text=$(openssl x509 -in "$base/slots/.new/fullchain.pem" -noout -serial -enddate) || return 1
    slot_serial=${slot_text#*=} slot_end=${slot_text##*=}
    printf '{"fingerprint":"%s","spki":"%s","serial":"%s","notAfter":"%s","stagedAt":%s}\n' "$1" \
        "$(spki_of "$base/slots/.new/key.pem")" "${slot_serial%%
*}" "$slot_end" "$(date +%s)" >"$base/slots/.new/manifest.json" || return 1
    sync "$base/slots/.new/fullchain.pem" "$base/slots/.new/key.pem" "$base/slots/.new/manifest.json" "$base/slots/.new" &&
        rm -rf "$base/slots/${1:?}" && mv -fT "$base/slots/.new" "$base/slots/$1" && sync "$base/slots"
}

# ---- directories and the lock

safe_directory() { # not a link, ours or root's, and not everybody may write in it (M-41)
    if [ ! -d "$1" ] || [ -L "$1" ]; then fail input 13 "$1 is not a directory of its own"; fi
    safe_stat=$(stat -c '%u %a' "$1") || fail input 13 "$1 cannot be looked at"
    case ${safe_stat% *} in 0 | "$(id -u)") ;; *) fail input 13 "$1 belongs to another user" ;; esac
    open_to_all "$1" && fail input 13 "everybody may write in $1"
    return 0
}
open_to_all() {
    case $(stat -L -c %a "$1") in 1???) return 1 ;; *[2367]) return 0 ;; *) return 1 ;; esac
}
make_directories() {
    [ -d "$directory" ] || (umask 066 && mkdir -p "$directory") || disk "$directory"
    open_to_all "$directory" && fail input 13 "everybody may write in $directory"
    for made in "$base" "$base/slots" "$base/pending"; do
        [ -e "$made" ] || mkdir -m 711 "$made" 2>/dev/null || [ -d "$made" ] || disk "$made"
        safe_directory "$made"
    done
}
take_lock() { # take_lock SECONDS: on descriptor 9, for as long as it is open anywhere
    [ -d "$base" ] && [ -r "$base" ] || return 1
    exec 9<"$base"
    lock_tries=$(($1 * 10))
    until flock -n 9; do
        [ "$lock_tries" -gt 0 ] || return 1
        lock_tries=$((lock_tries - 1))
        nap
    done
}
must_lock() { # the lock, with a switch whose guard died brought to an end first
    take_lock 3 || fail lock 12 "somebody else holds the lock of $base$(armed_text)"
    heal
    rm -rf "$base/slots/.new"
}

# ---- the server. Output goes to a file: a program that it leaves behind must not hold our pipes or the lock.

server() { # server ARGUMENT...
    set -- "$binary" ${config:+-c "$config"} ${prefix:+-p "$prefix"} "$@"
    [ -z "$sudo" ] || set -- "$sudo" -n "$@"
    server_said=$base/.said
    (: >"$server_said") 2>/dev/null || server_said=/dev/null
    timeout -k 2 "$patience" "$@" >"$server_said" 2>&1 </dev/null 8>&- 9>&-
}
server_check() {
    case $kind in nginx) server -t ;; *) fail input 10 "unknown kind of server" ;; esac
}
server_reload() {
    case $kind in nginx) server -s reload ;; *) fail input 10 "unknown kind of server" ;; esac
}
said() { # said STATUS: what the server wrote, as lines for the log, and why it failed
    if [ -s "$base/.said" ]; then
        tail -c 1500 "$base/.said" | while IFS= read -r line || [ -n "$line" ]; do
            answer "say $line"
        done
    fi
    rm -f "$base/.said"
    case $1 in 0) ;; 124 | 137) answer "say (no end within $patience s: stopped)" ;; *) answer "say (exit status $1)" ;; esac
}

# ---- an armed switch: armed says "FINGERPRINT DEADLINE PID PHASE"; back is the way back, made beforehand, so that putting
# back is one rename that needs no room; decision says keep or undo, and who links it first has decided.

read_armed() {
    armed_fingerprint='' armed_until=0 armed_phase=''
    [ -e "$base/armed" ] && read -r armed_fingerprint armed_until _ armed_phase <"$base/armed" 2>/dev/null && is_hash "$armed_fingerprint"
}
armed_text() {
    read_armed && printf ', where a switch to %s is armed' "$armed_fingerprint"
    return 0
}
write_armed() { # write_armed PHASE
    printf '%s %s %s %s\n' "$fingerprint" "$deadline" "$$" "$1" >"$base/.armed" && sync "$base/.armed" &&
        mv -fT "$base/.armed" "$base/armed" && sync "$base"
}
disarm() {
    rm -f "$base/armed" "$base/decision" "$base/back"
    sync "$base"
}
conclude_keep() {
    [ ! -L "$base/back" ] || mv -fT "$base/back" "$base/previous"
    disarm
}
put_back() { # the old pair is current again, and the server is told; if that fails, the next step tells it again
    if [ -L "$base/back" ]; then
        mv -fT "$base/back" "$base/current" || return 1
    elif [ "$(pointed current)" = "$armed_fingerprint" ]; then
        rm -f "$base/current" # there was none before
    fi
    sync "$base"
    server_reload && return 0
    ln -sT reload "$base/unreloaded" 2>/dev/null
    return 1
}
heal() { # with the lock: what was left undone is done, and a switch that nobody guards any more is ended
    if [ -L "$base/unreloaded" ]; then
        server_reload
        heal_status=$?
        said "$heal_status"
        [ $heal_status -ne 0 ] || rm -f "$base/unreloaded"
    fi
    read_armed || return 0
    if [ "$(readlink "$base/decision")" = keep ] 2>/dev/null; then
        conclude_keep
        answer "say (a switch to $armed_fingerprint had lost its guard after keep: kept)"
    else
        put_back # safety: undo
        disarm
        answer "say (a switch to $armed_fingerprint had lost its guard: put back)"
    fi
    rm -f "$base/.said"
}

# The guard runs by itself, in a session of its own, with the lock: flip, check, reload, wait for the decision, and put
# back without one. It reports once, on descriptor 8, and lives on.
guard() {
    exec >&8
    trap '' HUP PIPE INT
    trap 'ln -sT undo "$base/decision" 2>/dev/null' TERM
    deadline=$(($(date +%s) + armed)) armed_fingerprint=$fingerprint guard_end=$(($(uptime_now) + armed))
    rm -f "$base/decision" "$base/back"
    guard_old=$(pointed current)
    if [ -n "$guard_old" ]; then
        ln -s "slots/$guard_old" "$base/back" || disk "the way back"
    fi
    write_armed flip || { disarm; disk "the armed switch"; }
    point "$base/current" "slots/$fingerprint" || { put_back; disarm; disk "the pointer"; }
    server_check
    guard_status=$?
    [ $guard_status -eq 0 ] || guard_failed check 16 "the server's check fails with the new pair"
    server_reload
    guard_status=$?
    [ $guard_status -eq 0 ] || guard_failed reload 20 "the reload failed"
    rm -f "$base/.said" "$base/unreloaded"
    write_armed wait
    answer "switched $fingerprint" "armed $fingerprint $deadline" end
    exec 8>&- >/dev/null
    while [ ! -L "$base/decision" ] && [ "$(uptime_now)" -lt "$guard_end" ]; do nap; done
    ln -sT undo "$base/decision" 2>/dev/null
    if [ "$(readlink "$base/decision")" = keep ]; then
        conclude_keep
    else
        put_back # safety: undo
        disarm
    fi
    rm -f "$base/.said"
}
guard_failed() { # guard_failed PHASE STATUS TEXT, with the server's status in guard_status
    said "$guard_status"
    put_back || answer "say (telling the server about the old pair failed too)"
    said 0
    disarm
    fail "$1" "$2" "$3; the old pair is back"
}

# ---- the steps

observe() {
    answer "clock $(date +%s)"
    observe_at=$directory
    while [ ! -d "$observe_at" ]; do
        observe_at=${observe_at%/*}
        [ -n "$observe_at" ] || observe_at=/
    done
    if observe_room=$(stat -f -c '%a %S' "$observe_at" 2>/dev/null); then
        answer "free $((${observe_room% *} * ${observe_room#* }))"
    fi
    observe_server=$(timeout 5 "$binary" -v 2>&1 </dev/null)
    observe_server=${observe_server#*version: }
    answer "server ${observe_server%%
*}"
    if [ -d "$base" ]; then
        safe_directory "$base"
        if take_lock 0; then
            heal
            exec 9<&-
        elif ! read_armed; then
            answer locked
        fi
    fi
    if read_armed; then
        answer "armed $armed_fingerprint $armed_until"
    fi
    if linked; then
        observe_current=$(pointed current)
    else
        observe_current=$(fingerprint_of "$certificate_file")
        [ ! -e "$certificate_file" ] || answer "foreign"
    fi
    [ -z "$observe_current" ] || answer "current $observe_current"
    observe_previous=$(pointed previous)
    [ -z "$observe_previous" ] || answer "previous $observe_previous"
    for observe_slot in "$base"/slots/*; do
        observe_slot=${observe_slot##*/}
        if is_hash "$observe_slot" && slot_whole "$observe_slot"; then
            answer "pair $observe_slot"
        fi
    done
    for observe_key in "$base"/pending/*; do
        observe_key=${observe_key##*/}
        if is_hash "$observe_key" && [ "$(spki_of "$base/pending/$observe_key/key.pem")" = "$observe_key" ]; then
            answer "key $observe_key"
        fi
    done
}

generate() { # generate FILE
    case $algorithm/$size in
    ECDSA/256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" ;;
    ECDSA/384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$1" ;;
    Ed25519/*) openssl genpkey -algorithm ED25519 -out "$1" ;;
    RSA/2048 | RSA/3072 | RSA/4096) openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$size" -out "$1" ;;
    *) fail input 10 "unknown kind of key" ;;
    esac
}
key_kind_of() { # as in the declaration: "ECDSA/256"
    key_text=$(openssl pkey -in "$1" -passin pass: -noout -text_pub 2>/dev/null) || return 1
    case $key_text in
    *'ASN1 OID: prime256v1'*) echo ECDSA/256 ;;
    *'ASN1 OID: secp384r1'*) echo ECDSA/384 ;;
    ED25519*) echo Ed25519/256 ;;
    *'Public-Key: (2048 bit)'*Modulus*) echo RSA/2048 ;;
    *'Public-Key: (3072 bit)'*Modulus*) echo RSA/3072 ;;
    *'Public-Key: (4096 bit)'*Modulus*) echo RSA/4096 ;;
    esac
}
begin_key() {
    make_directories
    must_lock
    rm -rf "$base/pending/.new"
    mkdir "$base/pending/.new" || disk "a key"
    drop_old pending 8
}
end_key() { # pending/.new becomes pending/SPKI
    spki=$(spki_of "$base/pending/.new/key.pem")
    is_hash "$spki" || { rm -rf "$base/pending/.new"; fail input 10 "this is not a private key that openssl can read"; }
    chmod 600 "$base/pending/.new/key.pem"
    { sync "$base/pending/.new/key.pem" "$base/pending/.new" && rm -rf "$base/pending/${spki:?}" &&
        mv -fT "$base/pending/.new" "$base/pending/$spki" && sync "$base/pending"; } || disk "a key"
    answer "spki $spki"
}
make_key() {
    begin_key
    key_current=$base/slots/$(pointed current)/key.pem
    if [ "$rotation" = Never ] && [ -f "$key_current" ] && [ "$(key_kind_of "$key_current")" = "$algorithm/$size" ]; then
        cp "$key_current" "$base/pending/.new/key.pem" || disk "a key"
    else
        key_said=$(generate "$base/pending/.new/key.pem" 2>&1) || {
            rm -rf "$base/pending/.new"
            [ -z "$key_said" ] || answer "say ${key_said%%
*}"
            disk "a key"
        }
    fi
    # The names are DER that the controller encoded, as hex digits: nothing in them means anything to openssl's configuration.
    { answer '[req]' 'prompt = no' 'distinguished_name = dn' 'string_mask = utf8only' "${san:+req_extensions = ext}" '[dn]' \
        "${subject:+CN = $subject}" '[ext]' "${san:+subjectAltName = DER:$san}" >"$base/pending/.new/request.cnf"; } || disk "a request"
    if [ -n "$subject" ]; then set --; else set -- -subj /; fi
    key_csr=$(openssl req -new -sha256 -config "$base/pending/.new/request.cnf" -key "$base/pending/.new/key.pem" "$@" \
        -outform DER 2>"$base/pending/.new/error" | openssl base64 -A)
    if [ -z "$key_csr" ]; then
        tail -n 2 "$base/pending/.new/error" | while IFS= read -r line; do answer "say $line"; done
        rm -rf "$base/pending/.new"
        fail key 10 "openssl made no certification request"
    fi
    rm -f "$base/pending/.new/request.cnf" "$base/pending/.new/error"
    end_key
    answer "csr $key_csr"
}
take_key() { # a key that was made elsewhere comes behind the parameters
    begin_key
    key_written=yes
    while IFS= read -r line; do
        [ "$line" != end ] || break
        printf '%s\n' "$line" || key_written=no
    done >"$base/pending/.new/key.pem"
    if [ "${line:-}" != end ] || [ $key_written = no ]; then
        rm -rf "$base/pending/.new"
        [ $key_written = yes ] || disk "a key"
        fail input 10 "the key broke off"
    fi
    end_key
}

drop_old() { # drop_old slots|pending COUNT: all but the newest, and never what a pointer names
    drop_current=$(pointed current) drop_previous=$(pointed previous) drop_back=$(pointed back) drop_kept=0
    # shellcheck disable=SC2012 # names are checked below
    ls -1t "$base/$1" | while IFS= read -r drop_name; do
        is_hash "$drop_name" || continue
        case $drop_name in "$drop_current" | "$drop_previous" | "$drop_back" | "$fingerprint") continue ;; esac
        drop_kept=$((drop_kept + 1))
        [ "$drop_kept" -gt "$2" ] || continue
        shred -u "$base/$1/$drop_name/key.pem" 2>/dev/null
        rm -rf "$base/$1/${drop_name:?}"
    done
}

# Certificates come behind the parameters: the leaf, its chain, "end". Strict text: several servers stop at a blank line or
# read a CR as part of the base64.
read_certificates() { # to fullchain.pem, and what follows the leaf to chain.pem
    : >"$base/slots/.new/chain.pem"
    certificates_inside=no certificates_count=0
    while IFS= read -r line; do
        case $line in
        end) break ;;
        -----BEGIN\ CERTIFICATE-----) [ $certificates_inside = no ] || return 1; certificates_inside=yes ;;
        -----END\ CERTIFICATE-----) [ $certificates_inside = yes ] || return 1; certificates_inside=no ;;
        '' | *"$cr"* | *[!A-Za-z0-9+/=]*) return 1 ;;
        *) [ $certificates_inside = yes ] || return 1 ;;
        esac
        printf '%s\n' "$line" >&3 || return 2
        [ "$certificates_count" -eq 0 ] || printf '%s\n' "$line" >&4 || return 2
        case $line in -----END*) certificates_count=$((certificates_count + 1)) ;; esac
    done 3>"$base/slots/.new/fullchain.pem" 4>"$base/slots/.new/chain.pem"
    [ "${line:-}" = end ] && [ $certificates_inside = no ] && [ "$certificates_count" -gt 0 ]
}
not_staged() { # not_staged TEXT: the pair is refused
    rm -rf "$base/slots/.new"
    fail pair 10 "$1"
}
stage() {
    is_hash "$fingerprint$spki" 128 || fail input 10 "no fingerprint"
    make_directories
    must_lock
    if slot_whole "$fingerprint"; then
        rm -rf "$base/pending/${spki:?}"
        return 0
    fi
    [ -f "$base/pending/$spki/key.pem" ] ||
        fail key 11 "the key of this certificate is not on the target (public key $spki)"
    mkdir -m 711 "$base/slots/.new" || disk "a pair"
    read_certificates
    case $? in
    0) ;;
    2) rm -rf "$base/slots/.new" && disk "a pair" ;;
    *) not_staged "the certificates are not clean PEM: a blank line, a carriage return, or a block broke off" ;;
    esac
    stage_text=$base/slots/.new/fullchain.pem stage_chain=$base/slots/.new/chain.pem
    cp "$base/pending/$spki/key.pem" "$base/slots/.new/key.pem" || { rm -rf "$base/slots/.new"; disk "a pair"; }
    [ "$(fingerprint_of "$stage_text")" = "$fingerprint" ] || not_staged "the leaf is not the certificate $fingerprint"
    pair_matches "$stage_text" "$base/slots/.new/key.pem" || not_staged "the key does not belong to the certificate" # safety: paircheck
    stage_said=$(openssl verify -partial_chain -trusted "$stage_text" "$stage_text" 2>&1) || {
        stage_said=${stage_said#*lookup: }
        not_staged "by the target's clock ($(date -u +%Y-%m-%dT%H:%M:%SZ)): ${stage_said%%
*}"
    }
    if [ -s "$stage_chain" ]; then
        stage_said=$(openssl verify -partial_chain -trusted "$stage_chain" "$stage_text" 2>&1) || {
            stage_said=${stage_said#*lookup: }
            not_staged "the chain does not lead to the leaf: ${stage_said%%
*}"
        }
    fi
    rm -f "$stage_chain"
    make_slot "$fingerprint" || { rm -rf "$base/slots/.new"; disk "a pair"; }
    drop_old slots 6
    rm -rf "$base/pending/${spki:?}"
}

# What is served now becomes a slot, current points to it, and then the server's files become links through current: each
# of these steps leaves the same bytes behind the same names.
adopt() {
    for adopt_file in "$certificate_file" "$key_file"; do
        [ -d "${adopt_file%/*}" ] || fail adopt 11 "the directory of $adopt_file does not exist"
        [ -w "${adopt_file%/*}" ] || fail adopt 13 "user $(id -un) may not put a link in ${adopt_file%/*}"
        open_to_all "${adopt_file%/*}" && fail adopt 13 "everybody may write in ${adopt_file%/*}"
    done
    if [ -e "$certificate_file" ] || [ -e "$key_file" ]; then
        for adopt_file in "$certificate_file" "$key_file"; do
            if [ -f "$adopt_file" ] && [ -r "$adopt_file" ]; then continue; fi
            fail adopt 13 "$adopt_file is not a file that user $(id -un) may read"
        done
        pair_matches "$certificate_file" "$key_file" ||
            fail adopt 10 "the key that is there now does not belong to the certificate that is there now"
        adopt_fingerprint=$(fingerprint_of "$certificate_file")
        if ! slot_whole "$adopt_fingerprint"; then
            { mkdir -m 711 "$base/slots/.new" && cp "$certificate_file" "$base/slots/.new/fullchain.pem" &&
                cp "$key_file" "$base/slots/.new/key.pem" && make_slot "$adopt_fingerprint"; } ||
                { rm -rf "$base/slots/.new"; disk "the pair that is there now"; }
        fi
        point "$base/current" "slots/$adopt_fingerprint" || disk "the pointer"
    fi # else: links that lead nowhere are as good as files that are not there
    point "$certificate_file" "$base/current/fullchain.pem" || disk "$certificate_file" adopt
    point "$key_file" "$base/current/key.pem" || disk "$key_file" adopt
}

switch_to() {
    is_hash "$fingerprint" || fail input 10 "no fingerprint"
    [ "$armed" -gt 0 ] || fail input 10 "a switch needs a time for its undo"
    [ -d "$base/slots/$fingerprint" ] || fail pair 11 "this pair is not on the target"
    make_directories
    # Asked again while the guard of the first time is at work or waits: the same end.
    while read_armed && [ "$armed_fingerprint" = "$fingerprint" ] && ! take_lock 0; do
        if [ "$armed_phase" = wait ]; then
            answer "switched $fingerprint" "armed $fingerprint $armed_until"
            return 0
        fi
        nap
    done
    must_lock
    slot_whole "$fingerprint" || fail pair 10 "the staged pair is damaged"
    if [ -e "$certificate_file" ]; then
        server_check
        switch_status=$?
        if [ $switch_status -ne 0 ]; then
            said "$switch_status"
            fail check-before 15 "the server's own check fails without the new pair; nothing was changed"
        fi
    fi
    linked || adopt
    if [ "$(pointed current)" = "$fingerprint" ]; then # kept before, by a switch whose answer was lost
        server_reload
        switch_status=$?
        said "$switch_status"
        [ $switch_status -eq 0 ] || fail reload 20 "the reload failed; the pair was current before"
        answer "switched $fingerprint"
        return 0
    fi
    # shellcheck disable=SC2154 # program is the text of this very program, set by the line that starts it
    switch_report=$(setsid sh -c "$program" reeve 8>&1 >/dev/null 2>&1 <<PARAMETERS &
verb guard
${parameters}end
PARAMETERS
    )
    exec 9<&-
    case $switch_report in
    *"
end") ;;
    *) fail undo 19 "the switch ended without a word; looking again brings it to an end" ;;
    esac
    case $switch_report in
    "failed "* | *"
failed "*) # the guard has put the old pair back already
        answer "$switch_report"
        exit 16
        ;;
    esac
    answer "${switch_report%
end}"
}

keep() {
    is_hash "$fingerprint" || fail input 10 "no fingerprint"
    [ -d "$base" ] || fail late 18 "nothing was switched here"
    if read_armed && [ "$armed_fingerprint" = "$fingerprint" ]; then
        ln -sT keep "$base/decision" 2>/dev/null
        take_lock $((2 * patience + 5)) || fail lock 12 "the guard of the switch does not come to an end"
    else
        take_lock 3 || fail lock 12 "somebody else holds the lock of $base$(armed_text)"
    fi
    heal
    [ "$(pointed current)" = "$fingerprint" ] || fail late 18 "the target has put the old pair back already"
    drop_old slots 2
}

undo() {
    is_hash "$fingerprint" || fail input 10 "no fingerprint"
    [ -d "$base" ] || return 0
    if read_armed && [ "$armed_fingerprint" = "$fingerprint" ]; then
        ln -sT undo "$base/decision" 2>/dev/null
        take_lock $((2 * patience + 5)) || fail lock 12 "the guard of the switch does not come to an end"
    else
        take_lock 3 || fail lock 12 "somebody else holds the lock of $base$(armed_text)"
    fi
    heal
    [ ! -L "$base/unreloaded" ] || fail undo 19 "the old pair is current again, but the server could not be told"
    [ "$(pointed current)" = "$fingerprint" ] || return 0
    # Kept before: back to the previous pair, if that is still one to serve.
    undo_to=$(pointed previous)
    if [ -z "$undo_to" ] || [ "$undo_to" = "$fingerprint" ] || ! slot_whole "$undo_to"; then
        fail previous 18 "there is no previous pair to go back to"
    fi
    openssl x509 -in "$base/slots/$undo_to/fullchain.pem" -noout -checkend 0 >/dev/null 2>&1 ||
        fail previous 18 "the previous pair has expired: no safe pair to go back to"
    point "$base/current" "slots/$undo_to" || disk "the pointer"
    server_check
    undo_status=$?
    if [ $undo_status -ne 0 ]; then
        said "$undo_status"
        point "$base/current" "slots/$fingerprint" || disk "the pointer"
        fail check-before 15 "the server's own check fails; nothing was changed"
    fi
    server_reload
    undo_status=$?
    said "$undo_status"
    [ $undo_status -eq 0 ] && return 0
    ln -sT reload "$base/unreloaded" 2>/dev/null
    fail undo 19 "the previous pair is current, but the server could not be told"
}

main() {
    answer "reeve-target 1"
    read_parameters
    need_tools
    case $verb in
    observe) observe ;;
    key) make_key ;;
    take-key) take_key ;;
    stage) stage ;;
    switch) switch_to ;;
    keep) keep ;;
    undo) undo ;;
    guard) guard ;;
    *) fail input 10 "unknown step" ;;
    esac
    answer end
}
main
