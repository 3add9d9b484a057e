# The demonstration's fleet: two nginx and one sshd of its own on loopback, without rights where it has none. Sourced.
# Needs nothing from outside its folder; stop_fleet ends exactly the processes that start_fleet began.

free_port() { # a port nobody listens on, below the ephemeral range
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        case " ${taken_ports:-} " in *" $port "*) continue ;; esac
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            taken_ports="${taken_ports:-} $port"
            free_port_found=$port
            return
        fi
    done
}

nginx_conf() { # nginx_conf DIR PORT
    cat >"$1/nginx.conf" <<CONF
worker_processes 2;
pid "$1/nginx.pid";
error_log "$1/error.log" warn;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path "$1/tmp/body";
    proxy_temp_path "$1/tmp/proxy";
    fastcgi_temp_path "$1/tmp/fastcgi";
    uwsgi_temp_path "$1/tmp/uwsgi";
    scgi_temp_path "$1/tmp/scgi";
    server {
        listen 127.0.0.1:$2 ssl;
        server_name shop.example.com;
        ssl_certificate "$1/tls/shop.crt";
        ssl_certificate_key "$1/tls/shop.key";
        location / { return 200 "hello from $(basename "$1")\n"; }
    }
}
CONF
}

foreign_pair() { # foreign_pair DIR NAME DAYS: a pair from a CA that is not ours
    local ca=$fleet/old-ca
    if [ ! -e "$ca.pem" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$ca.key" -out "$ca.pem" -days 3650 \
            -subj "/O=Old Corp/CN=Old Corp CA" 2>/dev/null
    fi
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1/tls/shop.key" -out "$1/shop.csr" \
        -subj "/CN=$2" 2>/dev/null
    printf 'subjectAltName=DNS:%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' "$2" >"$1/shop.ext"
    openssl x509 -req -in "$1/shop.csr" -CA "$ca.pem" -CAkey "$ca.key" -CAcreateserial -days "$3" -extfile "$1/shop.ext" \
        -out "$1/tls/shop.crt" 2>/dev/null
    chmod 600 "$1/tls/shop.key"
    rm -f "$1/shop.csr" "$1/shop.ext"
}

fingerprint_of() {
    openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr 'A-F' 'a-f'
}

start_fleet() {
    fleet=$1
    local sshd=/usr/sbin/sshd pam=no
    mkdir -p "$fleet"
    for edge in edge-1 edge-2; do
        mkdir -p "$fleet/$edge/tls" "$fleet/$edge/tmp"
    done
    foreign_pair "$fleet/edge-1" shop.example.com 2
    foreign_pair "$fleet/edge-2" old-shop.example.net 300
    fleet_fp1=$(fingerprint_of "$fleet/edge-1/tls/shop.crt") fleet_fp2=$(fingerprint_of "$fleet/edge-2/tls/shop.crt")
    free_port && edge1=$free_port_found
    free_port && edge2=$free_port_found
    free_port && ssh_port=$free_port_found
    nginx_conf "$fleet/edge-1" "$edge1"
    nginx_conf "$fleet/edge-2" "$edge2"
    nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
    for edge in edge-1 edge-2; do
        "$nginx" -e "$fleet/$edge/error.log" -p "$fleet/$edge" -c "$fleet/$edge/nginx.conf"
    done
    # sshd: as root it wants its empty folder and PAM; as anyone else it serves that one user.
    if [ "$(id -u)" -eq 0 ]; then
        mkdir -p /run/sshd
        pam=yes
    fi
    mkdir -p "$fleet/ssh"
    ssh-keygen -q -t ed25519 -N '' -C 'demo host key' -f "$fleet/ssh/host"
    ssh-keygen -q -t ed25519 -N '' -C 'demo deploy key' -f "$fleet/ssh/id"
    cp "$fleet/ssh/id.pub" "$fleet/ssh/authorized_keys"
    cat >"$fleet/ssh/sshd_config" <<CONF
Port $ssh_port
ListenAddress 127.0.0.1
HostKey "$fleet/ssh/host"
AuthorizedKeysFile "$fleet/ssh/authorized_keys"
PidFile "$fleet/ssh/sshd.pid"
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM $pam
PrintMotd no
CONF
    "$sshd" -f "$fleet/ssh/sshd_config" -E "$fleet/ssh/sshd.log"
    host_key=$(ssh-keygen -lf "$fleet/ssh/host.pub" | awk '{print $2}')
}

end_processes() { # end_processes PID…: asks them to end, and insists after 10 s
    local pid until=$((SECONDS + 10))
    [ $# -eq 0 ] || kill "$@" 2>/dev/null || true
    for pid in "$@"; do
        while kill -0 "$pid" 2>/dev/null && [ "$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null)" != Z ]; do
            [ $SECONDS -lt $until ] || kill -9 "$pid" 2>/dev/null || true
            sleep 0.1
        done
    done
}

users_of() { # users_of PATTERN: the processes that have such a file open; nobody but ours uses files in our own folder
    find /proc/[0-9]*/fd -lname "$1" 2>/dev/null | cut -d/ -f3 | sort -u
}

stop_fleet() {
    [ -n "${fleet:-}" ] || return 0
    local file pids=()
    # What was left to itself on a target in the middle of a switch puts the old pair back when it is asked to end.
    # shellcheck disable=SC2046
    end_processes $(users_of "$fleet/edge-*/reeve/*")
    for file in "$fleet"/edge-1/nginx.pid "$fleet"/edge-2/nginx.pid "$fleet"/ssh/sshd.pid; do
        [ ! -s "$file" ] || pids+=("$(cat "$file")")
    done
    end_processes "${pids[@]}"
    # shellcheck disable=SC2046
    end_processes $(users_of "$fleet/*")
}

pointer_of() { # the fingerprint that edge-N's pointer names
    basename "$(readlink "$fleet/edge-$1/reeve/shop/current")"
}

damage_edge1() { # the server's configuration names a copy of today's pair: a switch will go unnoticed by the server
    mkdir -p "$fleet/edge-1/frozen"
    cp -L "$fleet/edge-1/tls/shop.crt" "$fleet/edge-1/tls/shop.key" "$fleet/edge-1/frozen/"
    cp "$fleet/edge-1/nginx.conf" "$fleet/edge-1/nginx.conf.good"
    sed -i "s#$fleet/edge-1/tls/#$fleet/edge-1/frozen/#" "$fleet/edge-1/nginx.conf"
}

repair_edge1() {
    mv "$fleet/edge-1/nginx.conf.good" "$fleet/edge-1/nginx.conf"
    rm -rf "$fleet/edge-1/frozen"
}

write_manifests() { # write_manifests DIR
    mkdir -p "$1"
    local edge port
    for edge in edge-1 edge-2; do
        port=$edge1
        [ $edge = edge-1 ] || port=$edge2
        cat >"$1/$edge.yaml" <<YAML
apiVersion: reeve/v1
kind: Target
metadata: {name: $edge, labels: {role: edge}}
spec:
  connector: ssh
  address: 127.0.0.1:$ssh_port
  user: $(id -un)
  hostKeys: ["$host_key"]
  auth: {keyFile: "$fleet/ssh/id"}
  server:
    kind: nginx
    binary: "$nginx"
    prefix: "$fleet/$edge"
    configFile: "$fleet/$edge/nginx.conf"
    certificateFile: "$fleet/$edge/tls/{certificate}.crt"
    privateKeyFile: "$fleet/$edge/tls/{certificate}.key"
  directory: "$fleet/$edge/reeve"
  endpoints: ["127.0.0.1:$port"]
YAML
    done
    cat >"$1/certificate.yaml" <<YAML
apiVersion: reeve/v1
kind: Certificate
metadata: {name: shop, labels: {env: demo}, owner: team-pay}
spec:
  dnsNames: [shop.example.com]
  issuerRef: {name: internal}
  profile: tls-server
  privateKey: {algorithm: ECDSA, size: 256, rotationPolicy: Always, generateOn: target}
  renewBefore: 33%
  deploy:
    targets: {matchLabels: {role: edge}}
    strategy: {type: BlueGreen, batches: [1, 100%], maxFailed: 1, undo: auto}
  mode: Manage
YAML
}
