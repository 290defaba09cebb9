"""Source, mirror and sink, each in its own process."""
import os
import subprocess
import time

from .processes import BROKER, RDLOOP, WANPROXY, Failed, Process


def broker(mode, folder, name=None, tls=False, **options):
    command = [BROKER, mode]
    if tls:
        certificate, key = certificate_in(folder)
        options.update(certificate=certificate, key=key)
    for key, value in options.items():
        command += ["--" + key.replace("_", "-"), str(value)]
    return Process(command, name or mode, folder, pipes=True)


def certificate_in(folder):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    if not os.path.exists(certificate):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )
    return certificate, key


def properties(folder, source_port, sink_port, extra=""):
    path = os.path.join(folder, "mirror.properties")
    with open(path, "w") as file:
        file.write(
            "clusters = A, B\n"
            f"A.bootstrap.servers = 127.0.0.1:{source_port}\n"
            f"B.bootstrap.servers = 127.0.0.1:{sink_port}\n"
            "A->B.enabled = true\n"
            "A->B.topics = bench.*\n"
            "B->A.enabled = false\n"
            "emit.heartbeats.enabled = false\n"
            "A->B.emit.checkpoints.enabled = false\n"
            "replication.factor = 1\n"
            "offset-syncs.topic.replication.factor = 1\n"
            "offset.storage.replication.factor = 1\n"
            "A.consumer.isolation.level = read_committed\n" + extra
        )
    return path


class Run:
    """Source, sink and a process between them."""

    def __init__(self, args, folder, gate=True, **options):
        self.args = args
        self.folder = folder
        self.processes = []
        self.partitions = options.get("partitions", 1)
        self.tls = options.get("tls", False)
        self.source = self.add(broker("source", folder, gate="yes" if gate else "no", **options))
        self.plan = None
        if not options.get("live"):
            self.plan = self.source.wait_event("plan", time.monotonic() + 60)
        self.source_port = self.source.wait_event("ready", time.monotonic() + 60)["port"]
        self.sink = None

    def add(self, process):
        self.processes.append(process)
        return process

    def start_sink(self, **options):
        if self.plan:
            options["expect"] = self.plan["records"]
        self.sink = self.add(broker("sink", self.folder, tls=self.tls, **options))
        self.sink_port = self.sink.wait_event("ready", time.monotonic() + 10)["port"]

    def start_mirror(self, extra=""):
        extra = self.args.extra + extra
        if self.tls:
            for side in "AB":
                extra += f"{side}.security.protocol = SSL\n{side}.ssl.truststore.type = PEM\n"
                extra += f"{side}.ssl.truststore.location = {certificate_in(self.folder)[0]}\n"
        path = properties(self.folder, self.source_port, self.sink_port, extra)
        self.subject = self.add(Process([self.args.binary, "run", path], "mirror", self.folder))

    def put_far_away(self, side, round_trip, megabits):
        """A link between the mirror and one side; before the mirror starts."""
        process, port = (self.source, self.source_port) if side == "source" else (self.sink, self.sink_port)
        link = self.add(
            Process([WANPROXY, str(port), str(round_trip / 2), str(megabits)], "link", self.folder, pipes=True)
        )
        port = link.wait_event("ready", time.monotonic() + 10)["port"]
        process.say(f"advertise {port}")
        if side == "source":
            self.source_port = port
        else:
            self.sink_port = port
        return link

    def start_peer(self, codec):
        self.subject = self.add(
            Process(
                [RDLOOP, f"127.0.0.1:{self.source_port}", f"127.0.0.1:{self.sink_port}", "bench", "bench",
                 str(self.partitions), codec],
                "rdloop", self.folder,
            )
        )

    def wait_assigned(self, deadline):
        """Until every partition has been asked for and the process has come to rest."""
        while True:
            self.source.say("stats")
            if self.source.wait_event("stats", deadline, [self.subject])["asked"] >= self.partitions:
                break
            time.sleep(0.02)
        time.sleep(0.3)

    def load_cpu(self):
        """CPU seconds of source and sink until now."""
        return self.source.usage()["cpu"], self.sink.usage()["cpu"]

    def close(self):
        codes = {}
        for process in reversed(self.processes):
            codes[process.name] = process.end()
        return codes
