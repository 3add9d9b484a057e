"""Every refusal says what, where and what was expected, and changes nothing."""
import pytest

from lab import NAME, run

BAD = {
    # what is wrong: (the manifest, what the error must name)
    "unknown field": ("""
apiVersion: reeve/v1
kind: Certificate
metadata: {name: shop}
spec:
  dnsName: [shop.example.com]
  mode: Observe
""", [":6:", "spec.dnsName", "dnsNames"]),
    "bad name": ("""
apiVersion: reeve/v1
kind: Certificate
metadata: {name: shop}
spec:
  dnsNames:
  - "a_b.example.com"
  mode: Observe
  verify: {endpoints: ["127.0.0.1:443"]}
""", [":7:", "spec.dnsNames[0]", "a_b.example.com"]),
    "bad size": ("""
apiVersion: reeve/v1
kind: Certificate
metadata: {name: shop}
spec:
  dnsNames: [shop.example.com]
  privateKey: {algorithm: RSA, size: 1024}
  mode: Observe
  verify: {endpoints: ["127.0.0.1:443"]}
""", [":7:", "spec.privateKey.size", "2048"]),
    "no such kind": ("""
apiVersion: reeve/v1
kind: Certficate
metadata: {name: shop}
spec: {}
""", [":3:", "kind", "Certificate"]),
    "not YAML": ("""
apiVersion: reeve/v1
kind: [unclosed
""", ["bad.yaml"]),
    "no such target": ("""
apiVersion: reeve/v1
kind: Certificate
metadata: {name: shop}
spec:
  dnsNames: [shop.example.com]
  deploy: {targets: {names: [nowhere]}}
""", ["nowhere"]),
    "no such profile": ("""
apiVersion: reeve/v1
kind: Certificate
metadata: {name: shop}
spec:
  dnsNames: [shop.example.com]
  profile: tls-sever
  mode: Observe
  verify: {endpoints: ["127.0.0.1:443"]}
""", ["tls-sever"]),
}


@pytest.fixture(scope="module")
def reeve(tmp_path_factory):
    import lab
    made = lab.Reeve(tmp_path_factory.mktemp("reeve")).start()
    yield made
    made.stop()


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_manifest_is_refused_whole(reeve, tmp_path, fault):
    text, expected = BAD[fault]
    good = "apiVersion: reeve/v1\nkind: Profile\nmetadata: {name: fine}\nspec: {duration: 30d}\n"
    (tmp_path / "a-good.yaml").write_text(good)
    (tmp_path / "bad.yaml").write_text(text)
    for verb in ("plan", "apply", "diff"):
        p = reeve.call(verb, "-f", tmp_path)
        assert p.returncode == 1, p.stdout + p.stderr
        for part in ["bad.yaml", *expected]:
            assert part in p.stderr, f"{verb}: {part!r} is not in:\n{p.stderr}"
    assert "fine" not in reeve.call("get", "profiles").stdout, "the good half of a bad set was applied"


@pytest.mark.parametrize("argv, status", [
    (["aply"], 64), (["get"], 64), (["get", "nothings"], 64), (["apply"], 64), (["get", "certificates", "no-such"], 1),
    (["renew", "no-such"], 1), (["why", "no-such"], 1), (["apply", "-f", "/does/not/exist"], 1), (["--wrong"], 64),
])
def test_a_wrong_command_line_says_so(reeve, argv, status):
    p = reeve.call(*argv)
    assert p.returncode == status, p.stdout + p.stderr
    assert p.stderr.startswith("reeve: "), p.stderr


def request(tmp_path, *args, subject="/", key=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"), ext=f"subjectAltName=DNS:{NAME}"):
    csr = tmp_path / "r.csr"
    run("openssl", "req", "-new", *key, "-nodes", "-keyout", tmp_path / "r.key", "-out", csr, "-subj", subject, "-addext", ext, *args)
    return csr


def test_a_request_is_signed(reeve, tmp_path):
    p = reeve.call("issue", "--issuer", "internal", "--profile", "tls-server", "--csr", request(tmp_path))
    assert p.returncode == 0, p.stderr
    (tmp_path / "chain.pem").write_text(p.stdout)
    ca = reeve.endpoints()["caCertificate"]
    run("openssl", "verify", "-x509_strict", "-CAfile", ca, "-untrusted", tmp_path / "chain.pem", "-verify_hostname", NAME,
        tmp_path / "chain.pem")
    run("certtool", "--verify", "--verify-hostname", NAME, "--load-ca-certificate", ca, "--infile", tmp_path / "chain.pem")


@pytest.mark.parametrize("case, expected", [
    ("weak", "2048"), ("broken", "signature"), ("foreign", "CA certificate"), ("text", "PEM"), ("profile", "no-such")])
def test_a_bad_request_is_refused(reeve, tmp_path, case, expected):
    profile = "no-such" if case == "profile" else "tls-server"
    csr = tmp_path / "r.csr"
    if case == "weak":
        request(tmp_path, key=("-newkey", "rsa:1024"))
    elif case == "foreign":
        request(tmp_path, "-addext", "basicConstraints=critical,CA:TRUE")
    elif case == "text":
        csr.write_text("hello")
    else:
        request(tmp_path)
    if case == "broken":
        der = bytearray(__import__("base64").b64decode("".join(csr.read_text().splitlines()[1:-1])))
        der[-3] ^= 1
        csr.write_text("-----BEGIN CERTIFICATE REQUEST-----\n" + __import__("base64").encodebytes(bytes(der)).decode()
                       + "-----END CERTIFICATE REQUEST-----\n")
    before = len(reeve.json("audit", "list")["items"])
    p = reeve.call("issue", "--issuer", "internal", "--profile", profile, "--csr", csr)
    assert p.returncode == 1 and expected.lower() in p.stderr.lower(), p.stderr
    assert p.stdout == ""
    issued = [e for e in reeve.json("audit", "list")["items"][before:] if e["action"] == "certificate.issued"]
    assert not issued


def test_a_second_reeved_on_the_same_data_refuses_to_start(reeve):
    import lab
    p = run(lab.BIN / "reeved", "--data", reeve.data, "--listen", "127.0.0.1:0", "--public", "127.0.0.1:0", check=False)
    assert p.returncode == 1
    assert str(reeve.process.pid) in p.stderr or "another" in p.stderr, p.stderr
    assert reeve.call("doctor", "-q").returncode == 0


def test_the_manifest_of_the_readme_is_understood(reeve, tmp_path):
    import lab
    text = (lab.TOP / "README.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "estate.yaml").write_text(text.replace("SHA256:…", "SHA256:" + "A" * 43))
    p = reeve.call("plan", "-f", tmp_path)
    assert p.returncode == 2, p.stdout + p.stderr
