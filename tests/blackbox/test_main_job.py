"""From a manifest to a certificate that real servers serve."""
from lab import BIN, NAME, run, served


def chains(port, reeve):
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-verify_hostname", NAME,
               "-verify_return_error", "-CAfile", reeve.endpoints()["caCertificate"], "-no-CApath", "-no-CAstore",
               check=False, input="").returncode == 0


def test_two_servers_converge_renew_and_come_back(estate_of):
    estate = estate_of(edges=2)
    reeve = estate.reeve.start()
    folder = estate.write()
    one, two = estate.edges

    plan = reeve.call("plan", "-f", folder)
    assert plan.returncode == 2, plan.stdout + plan.stderr
    assert "shop" in plan.stdout
    assert [e.served() for e in estate.edges] == [one.original, two.original], "planning changed something"
    assert reeve.call("get", "certificates", "shop").returncode == 1

    applied = reeve.call("apply", "-f", folder, "--wait")
    assert applied.returncode == 0, applied.stdout + applied.stderr + reeve.text()
    assert all(chains(e.port, reeve) for e in estate.edges)
    first = [e.served() for e in estate.edges]
    assert first[0] != first[1], "each target has a key of its own"
    assert first == [e.pointer() for e in estate.edges]
    view = reeve.certificate()
    assert view["state"] == "Ready" and view["ready"] is True
    assert [t["issued"]["fingerprint"] for t in view["targets"]] == first
    assert reeve.call("apply", "-f", folder).returncode == 0
    assert reeve.call("plan", "-f", folder).returncode == 0, "applying the same again changes nothing"

    renewed = reeve.call("renew", "shop", "--wait")
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr + reeve.text()
    second = [e.served() for e in estate.edges]
    assert not set(first) & set(second)
    assert all(chains(e.port, reeve) for e in estate.edges)

    one.freeze()
    failed = reeve.call("renew", "shop", "--wait")
    assert failed.returncode in (4, 5), failed.stdout + failed.stderr
    assert [e.served() for e in estate.edges] == second, "the failed one was put back, the other not touched"
    assert one.pointer() == second[0]
    assert reeve.certificate()["ready"] in (True, False)
    why = reeve.call("why", "shop")
    assert "edge-1" in why.stdout and "put back" in why.stdout.lower(), why.stdout

    one.write_conf()
    again = reeve.call("renew", "shop", "--wait")
    assert again.returncode == 0, again.stdout + again.stderr + reeve.text()
    third = [e.served() for e in estate.edges]
    assert not set(second) & set(third)
    assert reeve.call("audit", "verify").returncode == 0
    checked = reeve.fsck()
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert reeve.stop() == 0, reeve.text()


def test_drift_is_found_and_mended(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    assert reeve.call("apply", "-f", estate.write(), "--wait").returncode == 0, reeve.text()
    mine = edge.served()
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", edge.folder / "r.key",
        "-out", edge.folder / "r.crt", "-days", 9, "-subj", "/CN=Rival", "-addext", f"subjectAltName=DNS:{NAME}")
    for kind in ("key", "crt"):  # what a rival tool does: it replaces the links by files of its own
        path = edge.folder / "tls" / f"shop.{kind}"
        path.unlink()
        path.write_bytes((edge.folder / f"r.{kind}").read_bytes())
    run(edge.nginx, "-e", edge.folder / "error.log", "-p", edge.folder, "-c", edge.conf, "-s", "reload")
    from lab import wait_for
    wait_for("the rival's certificate is served", lambda: served(edge.port) not in (None, mine))
    assert reeve.call("verify", "shop").returncode in (0, 2, 3, 4)
    wait_for("Reeve's certificate is served again", lambda: served(edge.port) == mine, 60)
    wait_for("Ready", lambda: reeve.certificate()["ready"], 60)


def test_nothing_is_written_in_mode_observe(estate):
    reeve, edge = estate.reeve, estate.edges[0]
    certificate = estate.certificate(mode="Observe")
    certificate["spec"].pop("deploy")
    certificate["spec"]["verify"] = {"endpoints": [{"address": f"127.0.0.1:{edge.port}", "serverName": NAME}]}
    assert reeve.call("apply", "-f", estate.write(certificate)).returncode in (0, 2, 3), reeve.text()
    from lab import wait_for
    seen = wait_for("looked", lambda: [e for t in reeve.certificate()["targets"] for e in t["endpoints"] if e.get("fingerprint")])
    assert seen[0]["fingerprint"] == edge.original
    assert edge.served() == edge.original and edge.pointer() is None


def test_programs_say_what_they_are():
    assert run(BIN / "reeve", "version").stdout.startswith("reeve ")
    assert "--data" in run(BIN / "reeved", "--help").stdout
