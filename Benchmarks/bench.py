#!/usr/bin/env python3
"""Drives the end-to-end benchmarks: source, mirror and sink each in its own process.

CPU time is that of the mirror process alone, from the moment it waits for records at every partition until the sink has
acknowledged the last one; the records appear at once in between. Ratios to a bare relay of as many bytes, measured in
the same run, are the result. Uses the standard library only.
"""
import argparse
import ctypes
import json
import os
import platform
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, ".build")
BROKER = os.path.join(BUILD, "release", "bench-broker")
MICRO = os.path.join(BUILD, "release", "bench-micro")
RELAY = os.path.join(BUILD, "peers", "relay")
RDLOOP = os.path.join(BUILD, "peers", "rdloop")
WANPROXY = os.path.join(BUILD, "peers", "wanproxy")
MB = 1e6


class Failed(Exception):
    pass


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Process:
    """A child with its own log; killed when the case ends."""

    def __init__(self, command, name, folder, pipes=False, environment=None):
        self.name = name
        self.log_path = os.path.join(folder, name + ".log")
        self.log = open(self.log_path, "wb")
        self.started = time.monotonic()
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else self.log,
            stderr=self.log,
            preexec_fn=die_with_parent,
            env={**os.environ, **(environment or {})},
        )
        self.pid = self.child.pid
        self.lines = []
        self.rest = b""

    def say(self, text):
        self.child.stdin.write((text + "\n").encode())
        self.child.stdin.flush()

    def wait_event(self, event, deadline, others=()):
        """The next line with this event; fails when the time is up or a process of the case has ended."""
        while True:
            while self.lines:
                line = json.loads(self.lines.pop(0))
                if line["event"] == "failed":
                    raise Failed(f"{self.name}: {line['reason']}")
                if line["event"] == event:
                    return line
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"no '{event}' from the {self.name} in time")
            if select.select([self.child.stdout], [], [], min(left, 0.2))[0]:
                data = os.read(self.child.stdout.fileno(), 65536)
                if not data:
                    raise Failed(f"the {self.name} has ended: {self.tail()}")
                parts = (self.rest + data).split(b"\n")
                self.rest = parts.pop()
                self.lines += parts
            for other in others:
                if other.child.poll() is not None:
                    raise Failed(f"the {other.name} has ended with {other.child.returncode}: {other.tail()}")

    def tail(self):
        self.log.flush()
        with open(self.log_path, "rb") as file:
            return file.read()[-600:].decode(errors="replace").strip().replace("\n", " | ")

    def usage(self):
        """CPU seconds, context switches, resident and peak bytes until now."""
        user = system = 0
        switches = 0
        status = {}
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
            ticks = os.sysconf("SC_CLK_TCK")
            user, system = int(fields[11]) / ticks, int(fields[12]) / ticks
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/status") as file:
                    for line in file:
                        if "ctxt_switches" in line:
                            switches += int(line.split()[1])
            except OSError:
                pass
        with open(f"/proc/{self.pid}/status") as file:
            for line in file:
                if line.startswith(("VmHWM", "VmRSS")):
                    status[line[:5]] = int(line.split()[1]) * 1024
        return {
            # The process's CPU clock, as clock_getcpuclockid gives it: exact, and threads that have ended count.
            "cpu": time.clock_gettime((~self.pid << 3) | 2),
            "user": user,
            "system": system,
            "switches": switches,
            "rss": status.get("VmRSS", 0),
            "peak": status.get("VmHWM", 0),
        }

    def end(self):
        """SIGTERM, then SIGKILL after 10 s; gives how it ended."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            if stream:
                try:
                    stream.close()
                except OSError:
                    pass
        self.log.close()
        return self.child.returncode


class Case:
    def __init__(self, name, megabytes, peer=True, relay=True, **options):
        self.name = name
        self.megabytes = megabytes
        self.peer = peer
        self.relay = relay
        self.options = options


# 1 KB records unless said otherwise; sizes are of the batches as they travel.
CASES = [
    Case("256 KB batches, plain, 4 partitions", 1024, partitions=4),
    Case("256 KB batches, lz4, 4 partitions", 512, partitions=4, codec="lz4", batch_records=500),
    Case("256 KB batches, zstd, 4 partitions", 512, partitions=4, codec="zstd", batch_records=700),
    Case("256 KB batches, gzip, 4 partitions", 256, partitions=4, codec="gzip", batch_records=650),
    Case("256 KB batches, snappy, 4 partitions", 512, partitions=4, codec="snappy", batch_records=450),
    Case("256 KB batches, plain, 1 partition", 512, partitions=1, peer=False),
    Case("16 KB batches, plain, 4 partitions", 512, partitions=4, batch_records=15),
    Case("16 KB batches, lz4, 4 partitions", 256, partitions=4, batch_records=30, codec="lz4"),
    Case("5-record batches of 100 B, 4 partitions", 128, partitions=4, batch_records=5, record_bytes=100),
    Case("1-record batches of 100 B, 4 partitions", 64, partitions=4, batch_records=1, record_bytes=100),
    Case("1-record batches of 1 KB, 4 partitions", 256, partitions=4, batch_records=1),
    Case("16 KB batches, plain, 200 partitions", 512, partitions=200, batch_records=15, peer=False),
    Case("16 KB batches, plain, 1,000 partitions", 1024, partitions=1000, batch_records=15, peer=False),
    Case("5-record batches of 1 KB, 5,000 partitions", 128, partitions=5000, batch_records=5, peer=False),
    Case("transactional, 256 KB batches, plain, 4 partitions", 512, partitions=4, variant="transactional"),
    Case("compacted, 256 KB batches, lz4, 4 partitions", 128, partitions=4, variant="compacted", codec="lz4",
         batch_records=500),
    Case("TLS on both sides, 256 KB batches, plain, 4 partitions", 512, partitions=4, tls=True, peer=False),
]


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


def relay(megabytes):
    """CPU seconds and wall seconds of a bare relay per GB."""
    result = subprocess.run(
        [RELAY, str(int(megabytes * MB))], capture_output=True, timeout=120, preexec_fn=die_with_parent
    )
    if result.returncode != 0:
        raise Failed("the relay failed: " + result.stderr.decode())
    line = json.loads(result.stdout)
    giga = line["bytes"] / 1e9
    return {
        "cpu_per_gb": (line["user"] + line["system"]) / giga,
        "mb_per_s": line["bytes"] / MB / line["seconds"],
        "switches": line["switches"],
    }


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

    def close(self):
        codes = {}
        for process in reversed(self.processes):
            codes[process.name] = process.end()
        return codes


def measure(args, case, peer):
    """One transfer through the mirror or the peer."""
    options = dict(case.options)
    options["bytes"] = int(case.megabytes * MB * args.scale)
    with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
        run = Run(args, folder, **options)
        try:
            deadline = time.monotonic() + args.limit
            if peer:
                run.start_sink(topic=run.partitions)
                run.start_peer(options.get("codec", "none"))
            else:
                run.start_sink()
                run.start_mirror()
            run.wait_assigned(deadline)
            before = run.subject.usage()
            begin = time.monotonic()
            run.source.say("go")
            done = run.sink.wait_event("done", deadline, [run.subject])
            after = run.subject.usage()
            seconds = done["time"] - begin
            time.sleep(0.2)
            run.sink.say("stats")
            final = run.sink.wait_event("stats", time.monotonic() + 10)
        finally:
            codes = run.close()
        if final["bad"]:
            raise Failed(f"{final['bad']} batches were refused or damaged")
        if final["records"] != run.plan["records"]:
            raise Failed(f"{final['records']} records arrived where {run.plan['records']} were expected")
        size = run.plan["bytes"]
        cpu = after["cpu"] - before["cpu"]
        return {
            "bytes": size,
            "records": run.plan["records"],
            "seconds": seconds,
            "cpu": cpu,
            "cpu_per_gb": cpu / (size / 1e9),
            "records_per_core_s": run.plan["records"] / cpu if cpu else 0,
            "mb_per_s": size / MB / seconds,
            "records_per_s": run.plan["records"] / seconds,
            "peak_rss_mb": after["peak"] / MB,
            "idle_rss_mb": before["rss"] / MB,
            "switches": after["switches"] - before["switches"],
            "records_per_batch_in": run.plan["records"] / run.plan["batches"],
            "records_per_batch_out": final["records"] / max(1, final["batches"]),
            "produce_requests": final["requests"],
            "exit": codes.get("rdloop" if peer else "mirror"),
        }


def median(results, key="cpu"):
    return sorted(results, key=lambda r: r[key])[len(results) // 2]


def run_case(args, case):
    row = {"case": case.name}
    try:
        relays, mirrors, peers = [], [], []
        for _ in range(args.repeat):
            if case.relay:
                relays.append(relay(max(256, case.megabytes * args.scale)))
            mirrors.append(measure(args, case, peer=False))
            if case.peer and not args.no_peer:
                peers.append(measure(args, case, peer=True))
        row["mirror"] = median(mirrors)
        if relays:
            row["relay"] = median(relays, "cpu_per_gb")
            row["ratio_to_relay"] = row["mirror"]["cpu_per_gb"] / row["relay"]["cpu_per_gb"]
        if peers:
            row["librdkafka"] = median(peers)
            row["ratio_of_librdkafka"] = row["librdkafka"]["cpu_per_gb"] / row["mirror"]["cpu_per_gb"]
    except (Failed, subprocess.TimeoutExpired, OSError) as error:
        row["failed"] = str(error)
    return row


# MARK: other measurements


def first_record(args):
    """Seconds from the start of the process to the first record at the target, topics existing on both sides or not."""
    results = []
    try:
        for _ in range(max(3, args.repeat)):
            with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
                run = Run(args, folder, gate=False, partitions=4, bytes=8 << 20)
                try:
                    run.start_sink()
                    run.start_mirror()
                    event = run.sink.wait_event("first", time.monotonic() + args.limit, [run.subject])
                    results.append(event["time"] - run.subject.started)
                finally:
                    run.close()
        return {"seconds": sorted(results)[len(results) // 2], "all": results}
    except (Failed, OSError) as error:
        return {"failed": str(error)}


def idle(args, partitions, seconds=10):
    """CPU share and memory of a mirror with nothing to do."""
    try:
        with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
            run = Run(args, folder, gate=True, partitions=partitions, bytes=partitions << 12, batch_records=1)
            try:
                run.start_sink()
                run.start_mirror()
                run.wait_assigned(time.monotonic() + args.limit)
                time.sleep(2)
                before = run.subject.usage()
                time.sleep(seconds)
                after = run.subject.usage()
            finally:
                run.close()
        return {
            "partitions": partitions,
            "cpu_percent": (after["cpu"] - before["cpu"]) / seconds * 100,
            "rss_mb": after["rss"] / MB,
            "switches_per_s": (after["switches"] - before["switches"]) / seconds,
        }
    except (Failed, OSError) as error:
        return {"partitions": partitions, "failed": str(error)}


def latency(args, rate=1000, seconds=6):
    """Added latency: arrival at the sink minus append at the source."""
    try:
        with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
            run = Run(args, folder, gate=True, partitions=4, live=rate)
            try:
                run.start_sink(latency="yes")
                run.start_mirror()
                run.wait_assigned(time.monotonic() + args.limit)
                before = run.subject.usage()
                run.source.say("live")
                time.sleep(seconds)
                run.sink.say("stats")
                stats = run.sink.wait_event("stats", time.monotonic() + 10, [run.subject])
                after = run.subject.usage()
            finally:
                run.close()
        if "latency_p50_ms" not in stats:
            raise Failed("no record arrived")
        return {
            "rate": rate,
            "p50_ms": stats["latency_p50_ms"],
            "p99_ms": stats["latency_p99_ms"],
            "max_ms": stats["latency_max_ms"],
            "cpu_percent": (after["cpu"] - before["cpu"]) / seconds * 100,
        }
    except (Failed, OSError) as error:
        return {"rate": rate, "failed": str(error)}


def scale(args, partitions):
    """Start, memory and CPU of a mirror with so many partitions, at rest and with a few records in each."""
    batches = max(1, min(64, 200_000 // partitions))
    options = dict(partitions=partitions, topics=max(1, partitions // 100), batch_records=5, record_bytes=200)
    options["bytes"] = partitions * batches * 1_200
    row = {"partitions": partitions, "topics": options["topics"]}
    try:
        with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
            run = Run(args, folder, gate=True, **options)
            try:
                deadline = time.monotonic() + args.limit + partitions / 200
                run.start_sink()
                run.start_mirror()
                run.wait_assigned(deadline)
                row["start_s"] = time.monotonic() - run.subject.started - 0.3
                started = run.subject.usage()
                row["start_cpu_s"] = started["cpu"]
                time.sleep(8)
                before = run.subject.usage()
                time.sleep(15)
                after = run.subject.usage()
                row["idle_cpu_percent"] = (after["cpu"] - before["cpu"]) / 15 * 100
                row["idle_rss_mb"] = after["rss"] / MB
                begin = time.monotonic()
                run.source.say("go")
                done = run.sink.wait_event("done", deadline + 60, [run.subject])
                busy = run.subject.usage()
                row["busy_s"] = done["time"] - begin
                row["busy_cpu_us_per_record"] = (busy["cpu"] - after["cpu"]) / run.plan["records"] * 1e6
                row["peak_rss_mb"] = busy["peak"] / MB
                row["records"] = run.plan["records"]
            finally:
                run.close()
    except (Failed, OSError) as error:
        row["failed"] = str(error)
    return row


def wan(args, side, codec="none", batch_records=250, round_trip=200, megabits=500, megabytes=1500):
    """Share of a distant link that is filled with one partition, once it is under way and from the first record on."""
    row = {"far side": side, "codec": codec, "batch_records": batch_records, "round_trip_ms": round_trip, "megabits": megabits}
    try:
        with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
            size = int(megabytes * MB)
            run = Run(args, folder, gate=True, partitions=1, bytes=size, codec=codec, batch_records=batch_records)
            try:
                deadline = time.monotonic() + args.limit + 60
                run.start_sink()
                run.put_far_away(side, round_trip, megabits)
                run.start_mirror()
                run.wait_assigned(deadline)
                before = run.subject.usage()
                begin = time.monotonic()
                run.source.say("go")
                samples = []
                while not samples or samples[-1][1] < run.plan["bytes"]:
                    time.sleep(0.25)
                    run.sink.say("stats")
                    stats = run.sink.wait_event("stats", deadline, [run.subject])
                    samples.append((stats["time"], stats["bytes"], stats["records"]))
                    if stats["records"] >= run.plan["records"]:
                        break
                after = run.subject.usage()
                run.sink.say("stats")
                final = run.sink.wait_event("stats", deadline)
            finally:
                run.close()
        if final["bad"] or final["records"] != run.plan["records"]:
            raise Failed(f"{final['records']} records arrived where {run.plan['records']} were expected")
        link = megabits * 1e6 / 8
        # Bytes of the source: what the mirror compresses or joins anew would flatter it.
        part = run.plan["bytes"] / run.plan["records"]
        steady = [s for s in samples if s[2] > run.plan["records"] * 0.3 and s[2] < run.plan["records"]]
        row["mb_per_s"] = run.plan["bytes"] / MB / (samples[-1][0] - begin)
        row["share"] = run.plan["bytes"] / (samples[-1][0] - begin) / link
        if len(steady) > 4:
            row["steady_share"] = (steady[-1][2] - steady[0][2]) * part / (steady[-1][0] - steady[0][0]) / link
        row["cpu_per_gb"] = (after["cpu"] - before["cpu"]) / (run.plan["bytes"] / 1e9)
        row["peak_rss_mb"] = after["peak"] / MB
    except (Failed, OSError) as error:
        row["failed"] = str(error)
    return row


def stall(args, seconds=60):
    """Memory while the target does not answer for a minute and the source has more than can be held; then all arrives."""
    row = {"seconds": seconds}
    try:
        with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
            run = Run(args, folder, gate=True, partitions=200, bytes=int(1024 * MB * args.scale), batch_records=15)
            try:
                deadline = time.monotonic() + args.limit + seconds + 60
                run.start_sink()
                run.start_mirror()
                run.wait_assigned(deadline)
                run.sink.say("stall")
                run.source.say("go")
                time.sleep(2)
                before = run.subject.usage()
                time.sleep(seconds)
                after = run.subject.usage()
                run.sink.say("unstall")
                run.sink.wait_event("done", deadline, [run.subject])
                time.sleep(0.5)
                run.sink.say("stats")
                final = run.sink.wait_event("stats", deadline)
                row["stalled_rss_mb"] = after["rss"] / MB
                row["stalled_cpu_percent"] = (after["cpu"] - before["cpu"]) / seconds * 100
                row["peak_rss_mb"] = run.subject.usage()["peak"] / MB
                # Whatever was sent again under the same sequence is counted again by this sink.
                row["records"] = run.plan["records"]
                row["arrived"] = final["records"]
            finally:
                run.close()
    except (Failed, OSError) as error:
        row["failed"] = str(error)
    return row


def threads(args, count):
    """The same load moved by so many threads."""
    case = Case("", 1024, partitions=16, batch_records=15)
    try:
        extra, args.extra = args.extra, args.extra + f"kafka.mirror.threads = {count}\n"
        try:
            result = measure(args, case, peer=False)
        finally:
            args.extra = extra
        keys = ("mb_per_s", "cpu_per_gb", "peak_rss_mb", "switches")
        return {"threads": count, **{key: result[key] for key in keys}}
    except (Failed, OSError) as error:
        return {"threads": count, "failed": str(error)}


# MARK: output


def machine():
    model = ""
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def table(rows):
    lines = [
        "| case | MB/s | records/s | CPU s/GB | relay | x relay | k records/core s | peak RSS MB | switches | "
        "records per batch in -> out | librdkafka CPU s/GB | x less |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if "failed" in row:
            lines.append(f"| {row['case']} | failed: {row['failed']} |" + " |" * 10)
            continue
        m, r, p = row["mirror"], row.get("relay"), row.get("librdkafka")
        lines.append(
            f"| {row['case']} | {m['mb_per_s']:.0f} | {m['records_per_s']:,.0f} | {m['cpu_per_gb']:.2f} | "
            + (f"{r['cpu_per_gb']:.2f} | {row['ratio_to_relay']:.2f} | " if r else " | | ")
            + f"{m['records_per_core_s'] / 1000:,.0f} | {m['peak_rss_mb']:.0f} | {m['switches']:,} | "
            f"{m['records_per_batch_in']:.0f} -> {m['records_per_batch_out']:.0f} | "
            + (f"{p['cpu_per_gb']:.2f} | {row['ratio_of_librdkafka']:.1f} |" if p else " | |")
        )
    return "\n".join(lines)


SCALES = [10, 100, 1_000, 10_000, 50_000]
LINKS = [
    dict(side="source"), dict(side="sink"), dict(side="source", codec="lz4", batch_records=500),
    dict(side="sink", codec="lz4", batch_records=500), dict(side="sink", batch_records=15),
]


def number(value, form):
    return form.format(value) if value is not None else ""


def simple_table(rows, columns):
    """A table of rows that are dictionaries; `columns` are (title, key, format)."""
    lines = ["| " + " | ".join(c[0] for c in columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        if "failed" in row:
            first = columns[0][2].format(row[columns[0][1]])
            lines.append(f"| {first} | failed: {row['failed']} |" + " |" * (len(columns) - 2))
        else:
            lines.append("| " + " | ".join(number(row.get(key), form) for _, key, form in columns) + " |")
    return "\n".join(lines)


SCALE_COLUMNS = [
    ("partitions", "partitions", "{:,}"), ("topics", "topics", "{:,}"), ("start s", "start_s", "{:.2f}"),
    ("CPU s of the start", "start_cpu_s", "{:.2f}"), ("at rest, % of a core", "idle_cpu_percent", "{:.2f}"),
    ("at rest, RSS MB", "idle_rss_mb", "{:.0f}"), ("records", "records", "{:,}"),
    ("busy, CPU us/record", "busy_cpu_us_per_record", "{:.2f}"), ("peak RSS MB", "peak_rss_mb", "{:.0f}"),
]
WAN_COLUMNS = [
    ("far side", "far side", "{}"), ("codec", "codec", "{}"), ("records per batch", "batch_records", "{}"),
    ("MB/s", "mb_per_s", "{:.1f}"), ("share of the link, from the first record on", "share", "{:.0%}"),
    ("under way", "steady_share", "{:.0%}"), ("CPU s/GB", "cpu_per_gb", "{:.2f}"), ("peak RSS MB", "peak_rss_mb", "{:.0f}"),
]
THREAD_COLUMNS = [
    ("threads", "threads", "{}"), ("MB/s", "mb_per_s", "{:.0f}"), ("CPU s/GB", "cpu_per_gb", "{:.2f}"),
    ("peak RSS MB", "peak_rss_mb", "{:.0f}"), ("switches", "switches", "{:,}"),
]


def slow_path(result):
    """CPU of re-encoding a compacted batch as a multiple of its decompression and compression with the libraries alone:
    of the step, and of the whole mirror, sockets included."""
    micro = result.get("micro", [])
    for index, line in enumerate(micro[:-1]):
        if line["name"] == "rebuild compacted batches, lz4":
            alone = micro[index + 1]
            row = {"step": line["ns"] / alone["ns"], "codec_alone_cpu_per_gb": alone["s_per_stored_gb"]}
            for case in result["cases"]:
                if case["case"].startswith("compacted") and "mirror" in case:
                    row["mirror"] = case["mirror"]["cpu_per_gb"] / alone["s_per_stored_gb"]
            return row
    return None


PARTS = ["micro", "cases", "bars", "scale", "wan", "stall", "threads"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", help="kafka-mirror, built with optimisation")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas: " + ", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="everything once, with less data and fewer partitions")
    parser.add_argument("--case", help="only cases whose name matches this expression, and no other part")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each case; the median by CPU time counts")
    parser.add_argument("--scale", type=float, default=1, help="factor for the bytes of every case")
    parser.add_argument("--limit", type=float, default=60, help="seconds that a run may take")
    parser.add_argument("--no-peer", action="store_true", help="without librdkafka")
    parser.add_argument("--extra", default="", help="more lines of properties, separated by ;")
    parser.add_argument("--json", default=os.path.join(BUILD, "results.json"))
    args = parser.parse_args()
    args.binary = os.path.abspath(args.binary)
    args.extra = "".join(line.strip() + "\n" for line in args.extra.split(";"))
    if args.quick:
        args.repeat, args.scale = 1, args.scale * 0.25
    parts = ["cases"] if args.case else args.only.split(",")
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")

    result = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "command": " ".join(sys.argv), "cases": []}
    print(result["machine"], flush=True)
    failures = 0

    def add(key, row):
        nonlocal failures
        failures += "failed" in row
        result.setdefault(key, []).append(row)
        print(key, json.dumps(row), flush=True)

    if "micro" in parts:
        micro = subprocess.run([MICRO], capture_output=True, timeout=300, preexec_fn=die_with_parent)
        lines = [json.loads(line) for line in micro.stdout.splitlines()]
        result["micro"] = lines
        for line in lines:
            print(f"{line['name']:<52} {line['ns']:>12,.1f} ns/op {line['mb_per_s']:>10,.0f} MB/s", flush=True)
    if "cases" in parts:
        for case in CASES:
            if args.case and not re.search(args.case, case.name):
                continue
            row = run_case(args, case)
            failures += "failed" in row
            result["cases"].append(row)
            print(table([row]).splitlines()[-1], flush=True)
    if "bars" in parts:
        for name, body in [
            ("first record", lambda: first_record(args)),
            ("idle, 4 partitions", lambda: idle(args, 4)),
            ("latency at 1,000 records/s", lambda: latency(args)),
            ("latency at 50,000 records/s", lambda: latency(args, rate=50_000)),
        ]:
            result[name] = body()
            failures += "failed" in result[name]
            print(name, json.dumps(result[name]), flush=True)
    if "scale" in parts:
        for count in SCALES[:4] if args.quick else SCALES:
            add("scale", scale(args, count))
    if "wan" in parts:
        for link in LINKS[:2] if args.quick else LINKS:
            add("wan", wan(args, **link, megabytes=600 if args.quick else 1500))
    if "stall" in parts:
        add("stall", stall(args, 10 if args.quick else 60))
    if "threads" in parts:
        for count in (1, 2):
            add("threads", threads(args, count))
    result["slow path"] = slow_path(result)

    for key, text in [
        ("cases", lambda rows: table(rows)),
        ("scale", lambda rows: simple_table(rows, SCALE_COLUMNS)),
        ("wan", lambda rows: simple_table(rows, WAN_COLUMNS)),
        ("threads", lambda rows: simple_table(rows, THREAD_COLUMNS)),
    ]:
        if result.get(key):
            print("\n" + text(result[key]))
    for key in ("stall", "slow path"):
        if result.get(key):
            print(f"\n{key}: {json.dumps(result[key])}")
    with open(args.json, "w") as file:
        json.dump(result, file, indent=1)
    print("written to", os.path.relpath(args.json))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
