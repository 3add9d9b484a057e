"""What a declaration can ask for besides the ordinary: each on a real server."""
import json

import pytest

from lab import NAME, run, served, wait_for


def leaf(edge):
    p = run("openssl", "s_client", "-connect", f"127.0.0.1:{edge.port}", "-servername", NAME, check=False, input="")
    return run("openssl", "x509", "-noout", "-text", input=p.stdout).stdout


def test_propose_waits_for_a_person(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    folder = estate.write(estate.target(edge), estate.certificate(mode="Propose"))
    waiting = reeve.call("apply", "-f", folder, "--wait")
    assert waiting.returncode == 5, waiting.stdout + waiting.stderr
    assert edge.served() == edge.original and edge.pointer() is None
    assert "approve" in reeve.call("why", "shop").stdout
    assert reeve.call("approve", "shop").returncode in (0, 2, 3)
    wait_for("Ready", lambda: reeve.certificate()["ready"], 60)
    assert edge.served() == edge.pointer() != edge.original
    first = edge.served()
    assert reeve.call("renew", "shop", "--wait").returncode == 5, "the next round is asked for again"
    assert edge.served() == first


def test_a_key_made_by_the_controller_travels_once(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    certificate = estate.certificate(privateKey={"algorithm": "RSA", "size": 2048, "generateOn": "controller"})
    assert reeve.call("apply", "-f", estate.write(estate.target(edge), certificate), "--wait").returncode == 0, reeve.text()
    assert "Public-Key: (2048 bit)" in leaf(edge)
    key = next(line for line in edge.key.read_text().splitlines() if line and not line.startswith("-----"))
    for path in reeve.data.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), f"the key lies in {path}"
    assert key not in reeve.text()


@pytest.mark.parametrize("spec, sign", [({"algorithm": "ECDSA", "size": 384}, "P-384"), ({"algorithm": "Ed25519"}, "ED25519")])
def test_kinds_of_keys(estate, spec, sign):
    reeve, edge = estate.reeve, estate.edges[0]
    assert reeve.call("apply", "-f", estate.write(estate.target(edge), estate.certificate(privateKey=spec)), "--wait").returncode == 0, reeve.text()
    assert sign in leaf(edge)


def test_a_changed_declaration_is_a_new_certificate_and_a_kept_key_is_kept(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    kept = {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"}
    one = estate.certificate(privateKey=kept)
    assert reeve.call("apply", "-f", estate.write(estate.target(edge), one), "--wait").returncode == 0, reeve.text()
    first, key = edge.served(), edge.key.read_text()
    two = estate.certificate(privateKey=kept, dnsNames=[NAME, "www.example.com"])
    folder = estate.write(estate.target(edge), two)
    difference = reeve.call("diff", "-f", folder)
    assert difference.returncode == 2 and "www.example.com" in difference.stdout
    assert reeve.call("apply", "-f", folder, "--wait").returncode == 0, reeve.text()
    assert edge.served() != first and "DNS:www.example.com" in leaf(edge)
    assert edge.key.read_text() == key


def test_a_restart_changes_nothing(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    assert reeve.call("apply", "-f", estate.write(), "--wait").returncode == 0, reeve.text()
    before = edge.served()
    assert reeve.stop() == 0, reeve.text()
    assert served(edge.port) == before
    reeve.start()
    assert reeve.certificate()["ready"]
    assert reeve.call("apply", "-f", estate.manifests, "--wait").returncode == 0
    assert edge.served() == before
    issued = [e for e in reeve.json("audit", "list")["items"] if e["action"] == "certificate.issued" and "shop" in json.dumps(e)]
    assert len(issued) <= 1


def test_a_removed_certificate_is_left_alone(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    assert reeve.call("apply", "-f", estate.write(), "--wait").returncode == 0, reeve.text()
    before = edge.served()
    assert reeve.call("delete", "profile", "tls-server").returncode == 1, "what is built in cannot be removed"
    assert reeve.call("delete", "certificate", "shop").returncode == 0
    assert reeve.call("get", "certificates", "shop").returncode == 1
    assert edge.served() == before, "what is served stays"
    assert reeve.fsck().returncode == 0


def test_a_profile_forbids_names(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    profile = {"apiVersion": "reeve/v1", "kind": "Profile", "metadata": {"name": "inside"},
               "spec": {"duration": "30d", "names": {"permittedDns": ["corp.example.net"]}}}
    p = reeve.call("apply", "-f", estate.write(profile, estate.target(edge), estate.certificate(profile="inside")))
    assert p.returncode == 1 and NAME in p.stderr and "inside" in p.stderr, p.stderr
    assert edge.pointer() is None


def test_two_certificates_on_one_server_keep_out_of_each_others_way(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    other = estate.certificate(dnsNames=["other.example.com"])
    other["metadata"]["name"] = "other"
    clash = estate.target(edge)
    clash["spec"]["server"].update(certificateFile=str(edge.crt), privateKeyFile=str(edge.key))
    p = reeve.call("apply", "-f", estate.write(clash, estate.certificate(), other))
    assert p.returncode == 1 and "shop" in p.stderr and "other" in p.stderr, p.stderr
