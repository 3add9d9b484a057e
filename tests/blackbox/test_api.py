"""The API from outside: over TLS with our own CA, with tokens, by its own description."""
import json
import urllib.error
import urllib.request
import ssl

import jsonschema
import pytest

import lab


@pytest.fixture(scope="module")
def reeve(tmp_path_factory):
    made = lab.Reeve(tmp_path_factory.mktemp("reeve")).start()
    yield made
    made.stop()


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def ask(reeve, method, path, token=None, body=None, headers=None):
    context = ssl.create_default_context(cafile=reeve.endpoints()["caCertificate"])
    request = urllib.request.Request(reeve.endpoints()["api"] + path, method=method, headers={**(headers or {})},
                                     data=None if body is None else json.dumps(body).encode())
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return answer.status, lower(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, lower(error.headers), error.read()


def token(reeve, role):
    p = reeve.call("token", "create", f"t-{role}", "--role", role, "-o", "json")
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)["token"]


def test_health_needs_no_login_and_all_else_does(reeve):
    for path in ("/healthz", "/readyz"):
        assert ask(reeve, "GET", path)[0] == 200
    for path in ("/api/v1/certificates", "/api/v1/audit", "/api/v1/status"):
        status, headers, body = ask(reeve, "GET", path)
        assert status == 401, path
        assert headers["content-type"].startswith("application/problem+json")
        assert json.loads(body)["status"] == 401


def test_roles_hold(reeve):
    viewer, admin = token(reeve, "viewer"), token(reeve, "admin")
    assert ask(reeve, "GET", "/api/v1/certificates", viewer)[0] == 200
    assert ask(reeve, "POST", "/api/v1/apply", viewer, {"documents": []})[0] == 403
    assert ask(reeve, "POST", "/api/v1/tokens", viewer, {"name": "x", "role": "admin"})[0] == 403
    assert ask(reeve, "GET", "/api/v1/tokens", admin)[0] == 200
    assert ask(reeve, "GET", "/api/v1/certificates", "rv_nonsense_nonsense")[0] == 401


def test_what_it_says_of_itself_is_a_description_and_true(reeve):
    admin = token(reeve, "admin")
    status, _, body = ask(reeve, "GET", "/api/v1/openapi.json", admin)
    assert status == 200
    openapi = json.loads(body)
    assert openapi["openapi"].startswith("3.1")
    checked = 0
    for path, operations in openapi["paths"].items():
        operation = operations.get("get")
        if operation is None or "{" in path or "events" in path:
            continue
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
        if not content or "schema" not in content:
            continue
        status, _, body = ask(reeve, "GET", path, admin)
        assert status == 200, path
        schema = {**content["schema"], "components": openapi.get("components", {})}
        jsonschema.validate(json.loads(body), schema)
        checked += 1
    assert checked >= 5


def test_metrics_are_readable(reeve):
    status, _, body = ask(reeve, "GET", "/metrics", token(reeve, "viewer"))
    assert status == 200
    names = {line.split("{")[0].split(" ")[0] for line in body.decode().splitlines() if line and not line.startswith("#")}
    assert any(n.startswith("reeve_") for n in names)


def test_events_resume_where_they_were_left(reeve):
    admin = token(reeve, "admin")
    context = ssl.create_default_context(cafile=reeve.endpoints()["caCertificate"])
    request = urllib.request.Request(reeve.endpoints()["api"] + "/api/v1/events",
                                     headers={"Authorization": f"Bearer {admin}", "Last-Event-ID": "0"})
    with urllib.request.urlopen(request, context=context, timeout=30) as stream:
        ids = []
        for line in stream:
            if line.startswith(b"id:"):
                ids.append(int(line[3:]))
            if len(ids) == 3:
                break
    assert ids == [1, 2, 3]


def test_the_public_plane_serves_the_ca_certificate(reeve):
    with urllib.request.urlopen(reeve.endpoints()["public"] + "/ca/internal.crt", timeout=10) as answer:
        assert answer.headers["content-type"] == "application/pkix-cert"
        der = answer.read()
    p = lab.subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"], input=der, capture_output=True)
    assert p.returncode == 0 and b"CN" in p.stdout
