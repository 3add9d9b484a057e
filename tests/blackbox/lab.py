"""A private estate on loopback: nginx servers and an sshd of the test's own, and a Reeve that looks after them.

Everything lives in one temporary folder, listens on free ports of 127.0.0.1, and is ended by process id.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("REEVE_BIN", TOP / "build" / "dev" / "bin"))
NAME = "shop.example.com"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=60):
    """The first true value of condition(), asked again until the deadline; the deadline is a failure."""
    until = time.monotonic() + seconds
    pause = 0.01
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < until, f"waited {seconds} s in vain: {what}"
        threading.Event().wait(pause)  # between two looks, never instead of one
        pause = min(pause * 1.5, 0.25)


def run(*argv, check=True, input=None, env=None, timeout=120):
    p = subprocess.run([str(a) for a in argv], input=input, capture_output=True, text=True, env=env, timeout=timeout)
    assert not check or p.returncode == 0, f"{argv}: exit {p.returncode}\n{p.stdout}\n{p.stderr}"
    return p


def served(port, name=NAME):
    """SHA-256 fingerprint of the certificate that a fresh handshake shows, or None."""
    p = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, check=False, input="")
    q = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", check=False, input=p.stdout)
    return q.stdout.partition("=")[2].strip().replace(":", "").lower() or None


class Edge:
    """One nginx with a certificate that is not Reeve's."""

    def __init__(self, folder, name, days=2, subject=NAME):
        self.name, self.folder, self.port = name, folder / name, free_port()
        for sub in ("tls", "tmp"):
            (self.folder / sub).mkdir(parents=True)
        self.crt, self.key = self.folder / "tls" / "shop.crt", self.folder / "tls" / "shop.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
            "-out", self.crt, "-days", days, "-subj", "/O=Old Corp/CN=Old Corp", "-addext", f"subjectAltName=DNS:{subject}")
        self.conf = self.folder / "nginx.conf"
        self.write_conf()
        self.nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        self.start()

    def write_conf(self, extra="", crt=None, key=None):
        temp = "".join(f"    {kind}_temp_path {self.folder}/tmp/{kind};\n"
                       for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.conf.write_text(f"""worker_processes 2;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
{temp}    {extra}
    server {{
        listen 127.0.0.1:{self.port} ssl;
        server_name {NAME};
        ssl_certificate {crt or self.crt};
        ssl_certificate_key {key or self.key};
        location / {{ return 200 "hello\\n"; }}
    }}
}}
""")

    def start(self):
        run(self.nginx, "-e", self.folder / "error.log", "-p", self.folder, "-c", self.conf)
        self.original = wait_for("nginx serves", lambda: served(self.port))

    def freeze(self):
        """From the next reload on it serves a copy of today's pair, whatever the pointer says. `nginx -t` likes it."""
        frozen = self.folder / "frozen"
        frozen.mkdir(exist_ok=True)
        shutil.copy(self.crt, frozen / "shop.crt")
        shutil.copy(self.key, frozen / "shop.key")
        self.write_conf(crt=frozen / "shop.crt", key=frozen / "shop.key")

    def pointer(self):
        current = self.folder / "reeve" / "shop" / "current"
        return os.path.basename(os.readlink(current)) if current.is_symlink() else None

    def served(self):
        return served(self.port)

    def stop(self):
        end_by_pidfile(self.folder / "nginx.pid")


def end_by_pidfile(path):
    try:
        pid = int(path.read_text())
        os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return
    wait_for(f"{path} ends", lambda: not pathlib.Path(f"/proc/{pid}").exists() or is_zombie(pid), 20)


def is_zombie(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Ssh:
    def __init__(self, folder):
        self.folder, self.port = folder / "ssh", free_port()
        self.folder.mkdir()
        for key in ("host", "id"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key)
        shutil.copy(self.folder / "id.pub", self.folder / "authorized_keys")
        root = os.geteuid() == 0
        if root:
            os.makedirs("/run/sshd", exist_ok=True)
        (self.folder / "sshd_config").write_text(f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.folder}/host
AuthorizedKeysFile {self.folder}/authorized_keys
PidFile {self.folder}/sshd.pid
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM {"yes" if root else "no"}
PrintMotd no
""")
        run("/usr/sbin/sshd", "-f", self.folder / "sshd_config", "-E", self.folder / "sshd.log")
        wait_for("sshd is up", lambda: (self.folder / "sshd.pid").exists())
        self.host_key = run("ssh-keygen", "-lf", self.folder / "host.pub").stdout.split()[1]
        self.user = run("id", "-un").stdout.strip()

    def stop(self):
        end_by_pidfile(self.folder / "sshd.pid")


class Reeve:
    """A reeved of the test's own, and the command line that talks to it."""

    def __init__(self, folder, env=None, args=()):
        self.folder, self.data, self.env, self.args = folder, folder / "data", dict(env or {}), list(args)
        self.process = None
        self.starts = 0

    def start(self, ready=True, **env):
        self.starts += 1
        self.out = self.folder / f"up.{self.starts}.out"
        self.log = self.folder / f"up.{self.starts}.log"
        endpoints = self.data / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        with self.out.open("w") as out, self.log.open("w") as log:
            self.process = subprocess.Popen(
                [BIN / "reeve", "up", "--data", self.data, "--listen", "127.0.0.1:0", "--public", "127.0.0.1:0",
                 "--settle", "6s", *self.args],
                stdout=out, stderr=log, env={**os.environ, **self.env, **env})
        if ready:
            wait_for("reeved is ready", lambda: self.died() or (endpoints.exists() and self.call("doctor", "-q").returncode == 0))
            assert not self.died(), self.text()
        return self

    def died(self):
        return self.process is not None and self.process.poll() is not None

    def text(self):
        return self.out.read_text() + self.log.read_text()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)
        return self.process.returncode if self.process is not None else None

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)

    def endpoints(self):
        return json.loads((self.data / "endpoints.json").read_text())

    def call(self, *argv, **options):
        env = {**os.environ, "REEVE_DATA": str(self.data), "NO_COLOR": "1"}
        return run(BIN / "reeve", *argv, check=False, env=env, **options)

    def json(self, *argv):
        p = self.call(*argv, "-o", "json")
        assert p.stdout, f"{argv}: exit {p.returncode}\n{p.stderr}"
        return json.loads(p.stdout)

    def certificate(self, name="shop"):
        return self.json("get", "certificates", name)

    def fsck(self):
        return run(BIN / "reeve-fsck", "--data", self.data, check=False)


class Estate:
    def __init__(self, folder, edges=1, connector="ssh"):
        self.folder = folder
        self.connector = connector
        self.edges = [Edge(folder, f"edge-{n + 1}") for n in range(edges)]
        self.ssh = Ssh(folder) if connector == "ssh" else None
        self.reeve = Reeve(folder)
        self.manifests = folder / "manifests"

    def target(self, edge, **changes):
        spec = {
            "connector": self.connector,
            "server": {"kind": "nginx", "binary": edge.nginx, "prefix": str(edge.folder), "configFile": str(edge.conf),
                       "certificateFile": f"{edge.folder}/tls/{{certificate}}.crt",
                       "privateKeyFile": f"{edge.folder}/tls/{{certificate}}.key"},
            "directory": str(edge.folder / "reeve"),
            "endpoints": [f"127.0.0.1:{edge.port}"],
        }
        if self.ssh:
            spec.update(address=f"127.0.0.1:{self.ssh.port}", user=self.ssh.user, hostKeys=[self.ssh.host_key],
                        auth={"keyFile": str(self.ssh.folder / "id")})
        spec.update(changes)
        return {"apiVersion": "reeve/v1", "kind": "Target", "metadata": {"name": edge.name, "labels": {"role": "edge"}}, "spec": spec}

    def certificate(self, **changes):
        spec = {
            "dnsNames": [NAME],
            "deploy": {"targets": {"matchLabels": {"role": "edge"}},
                       "strategy": {"type": "BlueGreen", "batches": [1, "100%"], "maxFailed": 1, "undo": "auto"}},
            "mode": "Manage",
        }
        spec.update(changes)
        return {"apiVersion": "reeve/v1", "kind": "Certificate", "metadata": {"name": "shop"}, "spec": spec}

    def write(self, *documents):
        """JSON is YAML: one document a file."""
        shutil.rmtree(self.manifests, ignore_errors=True)
        self.manifests.mkdir()
        for number, document in enumerate(documents or [*map(self.target, self.edges), self.certificate()]):
            (self.manifests / f"{number}.yaml").write_text(json.dumps(document))
        return self.manifests

    def stop(self):
        rc = self.reeve.stop()
        for part in [*self.edges, *([self.ssh] if self.ssh else [])]:
            part.stop()
        return rc
