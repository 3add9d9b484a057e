"""Attacks on a running Reeve: from the network, from a neighbour on the machine, and from the estate that it looks after."""
import base64
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import stat
import struct
import subprocess
import tempfile

import pytest

import lab


@pytest.fixture(scope="module")
def reeve(tmp_path_factory):
    made = lab.Reeve(tmp_path_factory.mktemp("reeve")).start()
    yield made
    made.stop()


# ---- asking, byte by byte ----

def connect(reeve, plane="api"):
    scheme, _, where = reeve.endpoints()[plane].partition("://")
    host, _, port = where.rpartition(":")
    s = socket.create_connection((host, int(port)), timeout=30)
    if scheme == "https":
        s = ssl.create_default_context(cafile=reeve.endpoints()["caCertificate"]).wrap_socket(s, server_hostname=host)
    return s


def raw(reeve, octets, plane="api"):
    """(status, headers as lower-case pairs, body) of what a fresh connection gets for these octets."""
    with connect(reeve, plane) as s:
        s.sendall(octets)
        answer = b""
        try:
            while chunk := s.recv(65536):
                answer += chunk
        except (ConnectionResetError, ssl.SSLError):
            pass
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
    return int(lines[0].split()[1]) if answer else 0, [(n.lower(), v) for n, v in headers], body


def ask(reeve, method, path, token=None, body=None, headers=(), plane="api", host=None, kind="application/json"):
    host = host or reeve.endpoints()[plane].partition("://")[2]
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    data = b""
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(data)}"]
    lines += [f"{n}: {v}" for n, v in headers]
    return raw(reeve, "\r\n".join(lines).encode() + b"\r\n\r\n" + data, plane)


def value(headers, name):
    found = [v for n, v in headers if n == name]
    assert len(found) <= 1, found
    return found[0] if found else None


def made_token(reeve, role, name=None):
    p = reeve.call("token", "create", name or f"s-{role}", "--role", role, "-o", "json")
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)["token"]


def signed_in(reeve, role="admin"):
    p = reeve.call("token", "link", "--role", role, "-o", "json")
    assert p.returncode == 0, p.stderr
    status, headers, body = ask(reeve, "POST", "/api/v1/session", body={"code": json.loads(p.stdout)["code"]})
    assert status == 200, body
    return value(headers, "set-cookie").split(";")[0], json.loads(body)["csrf"], json.loads(p.stdout)["code"]


# ---- the front door ----

def routes(reeve):
    status, _, body = ask(reeve, "GET", "/api/v1/openapi.json")
    assert status == 200
    for path, operations in json.loads(body)["paths"].items():
        for method in operations:
            if method in ("get", "post", "put", "patch", "delete"):
                yield method.upper(), re.sub(r"\{[^}]*\}", "x", path)


OPEN = {("GET", "/api/v1/openapi.json"), ("GET", "/api/v1/schema.json"), ("GET", "/healthz"), ("GET", "/readyz"),
        ("POST", "/api/v1/session")}


def test_every_door_is_shut_and_looks_the_same(reeve):
    """No credentials, nonsense, an unknown token, another's cookie: one and the same 401 everywhere, before anything is parsed."""
    wrong = [None, f"rv_{'0' * 16}_{'0' * 64}"]
    seen = {}
    doors = [door for door in routes(reeve) if door not in OPEN]
    assert len(doors) > 25
    for method, path in doors:
        for number, token in enumerate(wrong[:1] if (method, path) != doors[0] else wrong):
            body = b"{" if method in ("POST", "PUT", "PATCH") else None
            status, headers, text = ask(reeve, method, path, token, body, [("Cookie", "__Host-reeve=0.1; a=b")])
            assert status == 401, (method, path)
            assert value(headers, "www-authenticate").startswith("Bearer")
            seen.setdefault(number, set()).add(text)
    assert all(len(texts) == 1 for texts in seen.values()), seen


def test_answers_are_harmless_in_a_browser(reeve):
    viewer = made_token(reeve, "viewer")
    for path, token, accept in (("/", None, "text/html"), ("/signin", None, "text/html"), ("/api/v1/status", viewer, "*/*"),
                                ("/api/v1/status", None, "text/html"), ("/api/v1/nothing", viewer, "text/html")):
        status, headers, _ = ask(reeve, "GET", path, token, headers=[("Accept", accept)])
        policy = value(headers, "content-security-policy")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy, (path, policy)
        assert value(headers, "x-content-type-options") == "nosniff"
        assert value(headers, "referrer-policy") == "no-referrer"
        assert value(headers, "strict-transport-security")
        assert not path.startswith("/api") or value(headers, "cache-control") == "no-store"
        assert not value(headers, "access-control-allow-origin") and not value(headers, "server")


def test_sessions_cannot_be_fixed_forged_or_carried_elsewhere(reeve):
    cookie, csrf, code = signed_in(reeve)
    origin = reeve.endpoints()["api"]
    good = [("Cookie", cookie), ("X-CSRF-Token", csrf), ("Origin", origin), ("Sec-Fetch-Site", "same-origin")]
    name = {"name": "s-forged", "role": "admin"}

    def without(number, *more):
        return [h for i, h in enumerate(good) if i != number] + list(more)

    refused = [without(1), without(1, ("X-CSRF-Token", "0" * 64)), without(1, ("X-CSRF-Token", csrf[:-1])),
               without(2, ("Origin", "https://evil.example")), without(2, ("Origin", "null")),
               without(2, ("Origin", origin.replace("https", "http"))), without(2, ("Origin", origin + ".evil.example")),
               without(3, ("Sec-Fetch-Site", "cross-site")), without(3, ("Sec-Fetch-Site", "same-site"))]
    for headers in refused:
        assert ask(reeve, "POST", "/api/v1/tokens", body=name, headers=headers)[0] == 403, headers
    assert ask(reeve, "POST", "/api/v1/tokens", body=name, headers=without(0))[0] == 401
    # a form cannot send it: no other type of body is read
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; application/json"):
        assert ask(reeve, "POST", "/api/v1/tokens", body=name, headers=good, kind=kind)[0] == 415, kind
    # whoever plants a cookie before the sign-in does not share the session
    p = json.loads(reeve.call("token", "link", "-o", "json").stdout)
    status, headers, _ = ask(reeve, "POST", "/api/v1/session", body={"code": p["code"]}, headers=[("Cookie", cookie)])
    fresh = value(headers, "set-cookie")
    assert status == 200 and not fresh.startswith(cookie)
    assert all(word in fresh for word in ("__Host-", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/;"))
    # a link works once, and by nobody at the same time as somebody else
    assert ask(reeve, "POST", "/api/v1/session", body={"code": code})[0] == 401
    race = json.loads(reeve.call("token", "link", "-o", "json").stdout)["code"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(reeve, "POST", "/api/v1/session", body={"code": race})[0], range(4)))
    assert sorted(answers) == [200, 401, 401, 401]
    # the session is no bearer token, and the cookie opens nothing on the other planes
    assert ask(reeve, "GET", "/api/v1/session", token=cookie.partition("=")[2])[0] == 401
    assert ask(reeve, "GET", "/api/v1/session", headers=[("Cookie", cookie)], plane="public")[0] == 404
    assert ask(reeve, "DELETE", "/api/v1/session", headers=good)[0] == 204
    assert ask(reeve, "GET", "/api/v1/session", headers=good[:1])[0] == 401


def test_roles_cannot_be_widened(reeve):
    tokens = {role: made_token(reeve, role) for role in ("viewer", "issuer", "operator")}
    target = {"apiVersion": "reeve/v1", "kind": "Target", "metadata": {"name": "mine"},
              "spec": {"connector": "local", "directory": "/tmp/x", "server": {
                  "kind": "nginx", "binary": "/tmp/mine", "certificateFile": "/tmp/c", "privateKeyFile": "/tmp/k"}}}
    steals = {"apiVersion": "reeve/v1", "kind": "Target", "metadata": {"name": "mine"},
              "spec": {**target["spec"], "connector": "ssh", "address": "127.0.0.1:1", "user": "x",
                       "hostKeys": ["SHA256:" + "A" * 43], "auth": {"passwordFile": str(reeve.data / "signer" / "kek")}}}
    profile = {"apiVersion": "reeve/v1", "kind": "Profile", "metadata": {"name": "wide"}, "spec": {"duration": "90d"}}
    for token in tokens.values():
        assert ask(reeve, "POST", "/api/v1/tokens", token, {"name": "t", "role": "admin"})[0] == 403
        assert ask(reeve, "POST", "/api/v1/links", token, {"role": "admin"})[0] == 403
        assert ask(reeve, "DELETE", "/api/v1/profiles/wide", token)[0] == 403
        for document in (target, steals, profile):
            assert ask(reeve, "POST", "/api/v1/apply", token, {"documents": [document]})[0] == 403
    for token in (tokens["viewer"], tokens["issuer"]):
        assert ask(reeve, "POST", "/api/v1/apply?dryRun=true", token, {"documents": []})[0] == 403
    assert ask(reeve, "GET", "/api/v1/audit", tokens["issuer"])[0] == 403
    assert "mine" not in reeve.call("get", "targets").stdout


def test_what_is_not_http_or_not_json_is_refused(reeve):
    admin = made_token(reeve, "admin")
    host = reeve.endpoints()["api"].partition("://")[2]
    deep = b'{"documents":' + b"[" * 100000 + b"]" * 100000 + b"}"
    wide = b'{"documents":[' + b"1," * 20000 + b"1]}"
    bodies = {b'{"documents":[],"documents":[]}': 400, deep: 400, wide: 400, b'{"documents":[]} x': 400, b'"\xff"': 400,
              b'{"documents":["\\u0000"]}': 400, b'{"documents":[1e999]}': 400, b"\xef\xbb\xbf{}": 400, b"": 400}
    for body, expected in bodies.items():
        status, _, text = ask(reeve, "POST", "/api/v1/apply", admin, body)
        assert status in (expected, 415), (body[:40], status)
        assert len(text) < 20000
    status, _, _ = ask(reeve, "POST", "/api/v1/apply", admin, headers=[("Content-Type", "application/json"),
                                                                       ("Content-Length", str(1 << 40))])
    assert status == 413
    head = f"Authorization: Bearer {admin}\r\nConnection: close\r\n".encode()
    ours = f"Host: {host}\r\n".encode()
    for octets in (b"GET /api/v1/status HTTP/1.1\r\n" + ours + ours + head,
                   b"GET /api/v1/status HTTP/1.1\r\n" + head,
                   b"GET /api/v1/status HTTP/1.1\r\nHost: evil.example/x\r\n" + head,
                   b"GET /api/v1/status HTTP/1.1\r\n" + ours + head + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                   b"GET /api/v1/status HTTP/1.1\r\n" + ours + head + b"X: a\r\n b\r\n",
                   b"GET /api/v1/status HTTP/1.1\r\n" + ours + head + b"X : a\r\n",
                   b"GET /api/v1/status HTTP/1.1\r\n" + ours + head + b"X: a\rb\r\n",
                   b"GET /api/v1/status HTTP/1.1\r\n" + ours + head + b"X: a\0b\r\n",
                   b"GET http://evil.example/api/v1/status HTTP/1.1\r\n" + ours + head,
                   b"GET /api/v1/%2e%2e/status HTTP/1.1\r\n" + ours + head, b"GET /api/v1/certificates/a%2fb HTTP/1.1\r\n" + ours + head,
                   b"GET /api/v1/certificates/a%00 HTTP/1.1\r\n" + ours + head, b"GET //api/v1/../status HTTP/1.1\r\n" + ours + head):
        status, _, _ = raw(reeve, octets + b"\r\n")
        assert 400 <= status < 500, octets
    assert ask(reeve, "GET", "/readyz")[0] == 200


def test_nothing_of_a_request_gets_into_a_header(reeve):
    admin = made_token(reeve, "admin")
    for path in ("/api/v1/certificates/a%0d%0aSet-Cookie:%20x=1", "/api/v1/x%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x",
                 "/api/v1/certificates?limit=%0d%0aSet-Cookie:x", "/api/v1/certificates?after=%0aSet-Cookie:x"):
        _, headers, _ = ask(reeve, "GET", path, admin, headers=[("Accept", "text/html")])
        assert value(headers, "set-cookie") is None, path
    _, headers, body = ask(reeve, "POST", "/api/v1/links", admin, {}, host="evil.example")
    assert "evil.example" not in body.decode() and all("evil.example" not in v for _, v in headers)
    # text is text: nothing that a terminal obeys comes back raw
    status, _, body = ask(reeve, "GET", "/api/v1/certificates/%c2%9b2J%e2%80%ae", admin)
    assert status in (400, 404) and "\u009b" not in body.decode() and "\u202e" not in body.decode()


def test_a_key_of_one_actor_says_nothing_to_another(reeve):
    admin, operator = made_token(reeve, "admin"), made_token(reeve, "operator")
    key = [("Idempotency-Key", "one")]
    wish = {"name": "s-twice", "role": "viewer"}
    assert ask(reeve, "POST", "/api/v1/tokens", admin, wish, key)[0] == 201
    assert ask(reeve, "POST", "/api/v1/tokens", admin, wish, key)[0] == 409  # the secret is not shown again
    assert ask(reeve, "POST", "/api/v1/tokens", operator, wish, key)[0] == 403
    assert ask(reeve, "POST", "/api/v1/apply", operator, {"documents": []}, key)[0] == 200


def test_guessing_is_slowed_down_and_the_known_come_in(reeve):
    """Wrong codes and tokens, all of a form, end in 429; a token that is in use goes on."""
    admin = made_token(reeve, "admin", "s-known")
    assert ask(reeve, "GET", "/api/v1/status", admin)[0] == 200
    own = lab.Reeve(pathlib.Path(tempfile.mkdtemp(prefix="reeve-test."))).start()
    try:
        known = made_token(own, "viewer")
        assert ask(own, "GET", "/api/v1/status", known)[0] == 200
        got = [ask(own, "POST", "/api/v1/session", body={"code": f"{n:016x}_{'0' * 64}"})[0] for n in range(12)]
        assert set(got[:10]) == {401} and got[-1] == 429, got
        status, headers, _ = ask(own, "GET", "/api/v1/status", f"rv_{'1' * 16}_{'0' * 64}")
        assert status == 429 and int(value(headers, "retry-after")) > 0
        assert ask(own, "GET", "/api/v1/status", known)[0] == 200
    finally:
        own.stop()
        shutil.rmtree(own.folder, ignore_errors=True)


def test_one_token_cannot_hold_all_event_streams(reeve):
    greedy, other = made_token(reeve, "viewer", "s-greedy"), made_token(reeve, "viewer", "s-other")
    host = reeve.endpoints()["api"].partition("://")[2]
    streams, last = [], b""

    def stream(token):
        s = connect(reeve)
        s.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        streams.append(s)
        return s.recv(64)

    try:
        for _ in range(200):
            last = stream(greedy)
            if b" 200 " not in last:
                break
        assert b" 429 " in last and 100 < len(streams) < 150, (len(streams), last)
        assert b" 200 " in stream(other)
        assert ask(reeve, "GET", "/api/v1/status", other)[0] == 200
    finally:
        for s in streams:
            s.close()


# ---- neighbours on the machine ----

def processes(reeve):
    """reeve up, reeved, reeve-signer."""
    found = [reeve.process.pid]
    for pid in found:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return {pid: pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in found}


def test_the_folder_is_closed_to_others(reeve):
    assert stat.S_IMODE(os.stat(reeve.data).st_mode) == 0o700
    for path in reeve.data.rglob("*"):
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        public = path.suffix == ".pem" and b"PRIVATE" not in path.read_bytes() or path.name == "current"
        if not path.is_symlink() and not public:
            assert mode & 0o077 == 0, (path, oct(mode))


@pytest.mark.parametrize("mode", [0o770, 0o755, 0o707])
def test_an_open_folder_is_not_worked_in(tmp_path, mode):
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(mode)
    p = lab.run(lab.BIN / "reeved", "--data", data, "--listen", "127.0.0.1:0", "--public", "127.0.0.1:0", check=False)
    assert p.returncode == 1 and "0700" in p.stderr, p.stderr
    assert list(data.iterdir()) == []


def test_processes_are_not_to_be_looked_into(reeve):
    daemons = {pid: name for pid, name in processes(reeve).items() if name in ("reeved", "reeve-signer")}
    assert sorted(daemons.values()) == ["reeve-signer", "reeved"]
    for pid, name in daemons.items():
        assert "Max core file size        0                    0" in pathlib.Path(f"/proc/{pid}/limits").read_text(), name
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0, name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_other_users_and_debuggers_stay_out():
    """Run by an ordinary user: nobody else gets in, and not even that user may trace it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="reeve-test."))
    folder.chmod(0o755)
    bins = shutil.copytree(lab.BIN, folder / "bin", ignore=lambda _, names: [n for n in names if n not in ("reeved", "reeve-signer")])
    home = folder / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    data = home / "data"
    log = (folder / "log").open("w")
    p = subprocess.Popen([bins / "reeved", "--data", data, "--listen", "127.0.0.1:0", "--public", "127.0.0.1:0"],
                         user=65534, group=65534, extra_groups=[], cwd=home, stdout=log, stderr=log)
    try:
        lab.wait_for("it is up", lambda: p.poll() is not None or (data / "endpoints.json").exists())
        assert p.poll() is None, (folder / "log").read_text()
        assert os.stat(f"/proc/{p.pid}/mem").st_uid == 0, "whoever is the same user may read its memory"

        def knock(path, uid):
            code = f"import socket\ns=socket.socket(socket.AF_UNIX)\ns.connect({str(path)!r})\nprint('in')"
            return subprocess.run(["python3", "-c", code], user=uid, group=uid, extra_groups=[], capture_output=True, text=True)

        for name in ("reeved.sock", "signer.sock"):
            assert "in" not in knock(data / name, 12345).stdout
        # and past the file modes, by who it is: the folder opened by mistake is not enough
        data.chmod(0o755)
        for name in ("reeved.sock", "signer.sock"):
            (data / name).chmod(0o777)
        code = (f"import socket\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(20)\ns.connect({str(data / 'reeved.sock')!r})\n"
                "s.sendall(b'GET /api/v1/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\nprint(s.recv(99))")
        q = subprocess.run(["python3", "-c", code], user=12345, group=12345, extra_groups=[], capture_output=True, text=True)
        assert " 401 " in q.stdout, q.stdout + q.stderr
        code = (f"import socket\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(20)\ns.connect({str(data / 'signer.sock')!r})\n"
                "print(s.recv(99))")
        q = subprocess.run(["python3", "-c", code], user=12345, group=12345, extra_groups=[], capture_output=True, text=True)
        assert q.stdout.strip() == "b''" or "reset" in q.stderr.lower(), q.stdout + q.stderr
    finally:
        p.terminate()
        p.wait(40)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_the_signer_outlives_a_hostile_front(reeve):
    path = str(reeve.data / "signer.sock")

    def dial():
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(path)
        return s

    signers = [pid for pid, name in processes(reeve).items() if name == "reeve-signer"]
    for octets in (b"\xff" * 64, struct.pack(">I", 0xffffffff), struct.pack("<I", 0xffffffff), b"\0" * 4, b"GET / HTTP/1.1\r\n\r\n",
                   os.urandom(4096), struct.pack(">I", 3) + b"{}x"):
        with dial() as s:
            try:
                s.sendall(octets)
                s.shutdown(socket.SHUT_WR)
                while s.recv(4096):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
    half = []
    try:
        for _ in range(100):  # and none of them says anything
            half.append(dial())
            half[-1].sendall(b"\0")
    except OSError:
        pass
    finally:
        for s in half:
            s.close()
    assert [pid for pid, name in processes(reeve).items() if name == "reeve-signer"] == signers
    lab.wait_for("it signs", lambda: ask(reeve, "GET", "/readyz")[0] == 200)
    assert reeve.call("doctor", "-q").returncode == 0


def test_the_walls_of_the_signer_hold(tmp_path):
    p = lab.run(lab.BIN / "reeve-signer", "--data", tmp_path, "--self-test", check=False)
    if p.returncode != 0 and "tsan" in str(lab.BIN):
        pytest.skip("the runtime of this sanitizer needs what the walls forbid")
    assert p.returncode == 0, p.stdout


# ---- the estate ----

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def shown(reeve):
    """All that people get to see about the estate, on terminals and in logs."""
    texts = {"log": reeve.text()}
    for argv in ("get certificates", "get certificates shop", "get certificates shop -o json", "why shop", "why shop -o json", "plan",
                 "audit list", "audit list -o json", "get targets -o json"):
        p = reeve.call(*argv.split())
        texts[argv] = p.stdout + p.stderr
    return texts


def assert_plain(texts):
    for where, text in texts.items():
        found = HIDDEN.search(text)
        assert not found, (where, text[max(0, found.start() - 80):found.end() + 20])


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31m \u202egpj.exe \u009b2J \u200b <img src=x onerror=alert(1)> \r\b"
TALES = {
    "lies about the end": f"clock 1700000000\nserver {HOSTILE}\nsay {HOSTILE}\nfailed check 16\nerror {HOSTILE}\nend\n",
    "lies about itself": f"clock 1700000000\nserver {HOSTILE}\ncurrent {'ab' * 32}\nprevious {'cd' * 32}\npair {'ab' * 32}\nend\n",
    "speaks in tongues": f"clock 1\n{HOSTILE} x\nend\n",
    "claims an endless switch": f"clock 1\narmed {'ab' * 32} 9223372036854775\nend\n",
    "shouts": None,
}


@pytest.mark.parametrize("tale", TALES)
def test_a_hostile_target_is_only_text(estate_of, tale):
    estate = estate_of()
    text, script = TALES[tale], estate.folder / "hostile"
    if text is None:
        script.write_text("#!/bin/sh\nprintf 'reeve-target 1\\n'; exec head -c 40000000 /dev/urandom\n")
    else:
        (estate.folder / "tale").write_text("reeve-target 1\n" + text)
        (estate.folder / "noise").write_text(HOSTILE)
        script.write_text(f"#!/bin/sh\ncat >/dev/null\ncat {estate.folder}/noise >&2\ncat {estate.folder}/tale\n"
                          f"exit {16 if 'failed' in text else 0}\n")
    script.chmod(0o755)
    estate.ssh.stop()
    with (estate.ssh.folder / "sshd_config").open("a") as config:
        config.write(f"ForceCommand {script}\n")
    lab.run("/usr/sbin/sshd", "-f", estate.ssh.folder / "sshd_config", "-E", estate.ssh.folder / "sshd.log")
    lab.wait_for("sshd is up", lambda: (estate.ssh.folder / "sshd.pid").exists())
    reeve = estate.reeve.start()
    assert reeve.call("apply", "-f", estate.write()).returncode in (0, 2, 3)
    told = ("fault", "current") if tale == "lies about itself" else ("fault",)
    lab.wait_for("it heard of it", lambda: any(t.get(name) for t in reeve.certificate()["targets"] for name in told))
    assert_plain(shown(reeve))
    assert reeve.certificate()["ready"] is False
    assert estate.edges[0].served() == estate.edges[0].original
    assert not reeve.died() and reeve.call("doctor", "-q").returncode == 0


def test_a_hostile_certificate_is_only_text(reeve, tmp_path):
    units = "".join(f"/OU={i:04}{'x' * 58}" for i in range(150))
    subject = "/CN=<script>alert(1)<\\/script>\x1b[2J\u202eevil\u009b1m/O='; DROP TABLE audit; --" + units
    lab.run("openssl", "req", "-x509", "-utf8", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
            "-keyout", tmp_path / "k", "-out", tmp_path / "c", "-subj", subject)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            try:
                s.settimeout(10)
                context.wrap_socket(s, server_side=True).close()
            except OSError:
                s.close()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(serve)
        try:
            (tmp_path / "m.yaml").write_text(json.dumps({
                "apiVersion": "reeve/v1", "kind": "Certificate", "metadata": {"name": "shop"},
                "spec": {"dnsNames": [lab.NAME], "mode": "Observe",
                         "verify": {"endpoints": [f"127.0.0.1:{listener.getsockname()[1]}"]}}}))
            reeve.call("apply", "-f", tmp_path / "m.yaml")
            seen = lab.wait_for("it looked", lambda: [e for t in reeve.certificate()["targets"] for e in t["endpoints"]
                                                      if e.get("fingerprint")])
            assert "alert(1)" in seen[0]["subject"] and len(seen[0]["subject"]) < 6000
            assert_plain(shown(reeve))
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            reeve.call("delete", "certificates", "shop")


def test_no_way_in_is_left_in_the_journal(tmp_path):
    reeve = lab.Reeve(tmp_path)
    out = tmp_path / "up.1.out"
    out.touch()
    reeve.start(JOURNAL_STREAM=f"{out.stat().st_dev}:{out.stat().st_ino}")
    try:
        lab.wait_for("it says so", lambda: "is up" in reeve.text())
        assert reeve.stop() == 0
        assert "signin#" not in reeve.text() and "reeve token link" in reeve.text()
    finally:
        reeve.stop()


def test_no_secret_is_left_lying_about(estate):
    """After real work: nothing of it in arguments, environments, logs, the database or any file that is not its place."""
    reeve = estate.reeve
    certificate = estate.certificate(privateKey={"algorithm": "ECDSA", "size": 256, "generateOn": "controller"})
    applied = reeve.call("apply", "-f", estate.write(*map(estate.target, estate.edges), certificate), "--wait")
    assert applied.returncode == 0, applied.stdout + applied.stderr + reeve.text()
    cookie, _, code = signed_in(reeve)
    token = made_token(reeve, "viewer")
    assert ask(reeve, "GET", "/api/v1/status", token)[0] == 200
    assert ask(reeve, "GET", "/api/v1/session", headers=[("Cookie", cookie)])[0] == 200
    slot = estate.edges[0].folder / "reeve" / "shop" / "slots" / estate.edges[0].served()
    secrets = {"token": token.rpartition("_")[2].encode(), "session": cookie.rpartition(".")[2].encode(),
               "link": code.rpartition("_")[2].encode(), "kek": (reeve.data / "signer" / "kek").read_bytes().strip()}
    keys = {"ssh key": estate.ssh.folder / "id", "subscriber key": slot / "key.pem", "own key": reeve.data / "tls" / "server.key"}
    for name, path in keys.items():
        lines = path.read_text().split("-----")[2].split()
        der = base64.b64decode("".join(lines))
        secrets[name] = lines[0].encode()
        secrets[f"{name}, as octets"] = der[len(der) // 2:][:24] if name == "ssh key" else der[36:60]
    assert all(len(octets) >= 16 for octets in secrets.values()), secrets

    places = {}
    for pid in processes(reeve):
        for what in ("cmdline", "environ"):
            try:
                places[f"{what} of {pid}"] = pathlib.Path(f"/proc/{pid}/{what}").read_bytes()
            except PermissionError:
                assert os.geteuid() != 0  # not dumpable: nobody else of this user reads it either
    for path in [*reeve.data.rglob("*"), reeve.out, reeve.log]:
        if path.is_file():
            places[str(path)] = path.read_bytes()
    places["audit"] = reeve.call("audit", "list", "-o", "json").stdout.encode()
    homes = {"kek": "signer/kek", "own key": "tls/server.key"}
    for name, octets in secrets.items():
        for place, text in places.items():
            if octets in text:
                assert place.endswith(homes.get(name, "nowhere")), f"the {name} lies in {place}"


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(12))
MANIFESTS = {"bomb": BOMB, "loop": "a: &a [*a]\n", "deep list": "[" * 50000, "deep map": "{a: " * 5000, "deep items": "- " * 50000 + "x",
             "huge": "x: " + "y" * (64 << 20), "many": "--- {}\n" * 400000, "escapes": "a: \"\\x1b[2J\\u202e\"\n",
             "tags": "!!python/object:os.system x\n", "binary": "\x00\x01", "merge": "<<: {apiVersion: reeve/v1}\nkind: Profile\n",
             "twice": "kind: Profile\nkind: Target\n"}


@pytest.mark.parametrize("case", MANIFESTS)
def test_manifests_do_not_explode(reeve, tmp_path, case):
    (tmp_path / "m.yaml").write_text(MANIFESTS[case])
    p = reeve.call("plan", "-f", tmp_path, timeout=60)
    assert p.returncode == 1 and p.stderr.startswith("reeve: "), (p.returncode, p.stderr[:300])
    assert len(p.stderr) < 40000
    assert not HIDDEN.search(p.stderr)


FIELDS = ["directory", "server.certificateFile", "server.privateKeyFile", "server.configFile", "server.prefix", "server.binary", "sudo",
          "address", "user", "auth.keyFile"]
EVIL = ["/x\nverb undo", "/x\rend", "/x/../../etc", "/x/./y", "//x", "/x/", "relative/x", "-oProxyCommand=id", "/x/$(id)", "/x/`id`",
        "/x/'id'", '/x/"id"', "/x;id", "/x|id", "/x\\y", "/x/{certificate}{other}", "/x\t", "/x/\u202e", "", " ", "/" + "x" * 5000,
        "/x\u0000y"]


def test_nothing_gets_from_a_manifest_into_a_program(reeve, tmp_path):
    admin = made_token(reeve, "admin")
    took = []
    for field in FIELDS:
        for evil in EVIL:
            spec = {"connector": "ssh", "address": "127.0.0.1:1", "user": "x", "hostKeys": ["SHA256:" + "A" * 43],
                    "auth": {"keyFile": "/k"}, "directory": "/d",
                    "server": {"kind": "nginx", "certificateFile": "/c", "privateKeyFile": "/k"}}
            *outer, last = field.split(".")
            (spec[outer[0]] if outer else spec)[last] = evil
            document = {"apiVersion": "reeve/v1", "kind": "Target", "metadata": {"name": "evil"}, "spec": spec}
            if ask(reeve, "POST", "/api/v1/apply?dryRun=true", admin, {"documents": [document]})[0] != 400:
                took.append((field, evil))
    assert not took
    for name in ("../x", "a/b", "A", "a b", "a\nb", "", ".", "..", "-a", "a" * 64, "a..b", "a\u202eb"):
        document = {"apiVersion": "reeve/v1", "kind": "Profile", "metadata": {"name": name}, "spec": {}}
        assert ask(reeve, "POST", "/api/v1/apply?dryRun=true", admin, {"documents": [document]})[0] == 400, name
