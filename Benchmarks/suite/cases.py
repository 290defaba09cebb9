"""End to end: every kind of batch through the mirror, and through librdkafka, beside a bare relay."""
import statistics
import tempfile
import time

from .processes import ERRORS, MB, Failed, codec_step, relay
from .runs import Run


class Case:
    def __init__(self, name, megabytes, peer=True, relay=True, step=None, **options):
        self.name = name
        self.megabytes = megabytes
        self.peer = peer
        self.relay = relay
        # The step of bench-micro that works on the same batches.
        self.step = step
        self.options = options


# 1 KB records unless said otherwise; sizes are of the batches as they travel.
CASES = [
    Case("256 KB batches, plain, 4 partitions", 1024, partitions=4),
    Case("256 KB batches, lz4, 4 partitions", 1024, partitions=4, codec="lz4", batch_records=500),
    Case("256 KB batches, zstd, 4 partitions", 1024, partitions=4, codec="zstd", batch_records=700),
    Case("256 KB batches, gzip, 4 partitions", 512, partitions=4, codec="gzip", batch_records=650),
    Case("256 KB batches, snappy, 4 partitions", 512, partitions=4, codec="snappy", batch_records=450),
    Case("256 KB batches, plain, 1 partition", 512, partitions=1, peer=False),
    Case("16 KB batches, plain, 4 partitions", 1024, partitions=4, batch_records=15),
    Case("16 KB batches, lz4, 4 partitions", 1024, partitions=4, batch_records=30, codec="lz4"),
    Case("5-record batches of 100 B, 4 partitions", 128, partitions=4, batch_records=5, record_bytes=100),
    Case("5-record batches of 100 B, lz4, 4 partitions", 64, partitions=4, batch_records=5, record_bytes=100, codec="lz4"),
    Case("1-record batches of 100 B, 4 partitions", 64, partitions=4, batch_records=1, record_bytes=100),
    Case("1-record batches of 1 KB, 4 partitions", 256, partitions=4, batch_records=1),
    Case("16 KB batches, plain, 200 partitions", 1024, partitions=200, batch_records=15, peer=False),
    Case("16 KB batches, plain, 1,000 partitions", 1024, partitions=1000, batch_records=15, peer=False),
    Case("5-record batches of 1 KB, 5,000 partitions", 128, partitions=5000, batch_records=5, peer=False),
    Case("transactional, 256 KB batches, plain, 4 partitions", 512, partitions=4, variant="transactional"),
    Case("compacted, 256 KB batches, lz4, 4 partitions", 256, partitions=4, variant="compacted", codec="lz4",
         batch_records=500, step="compacted batches, lz4"),
    Case("TLS on both sides, 256 KB batches, plain, 4 partitions", 512, partitions=4, tls=True, peer=False),
]


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
            load_before = run.load_cpu()
            begin = time.monotonic()
            run.source.say("go")
            done = run.sink.wait_event("done", deadline, [run.subject])
            after = run.subject.usage()
            load = [now - then for now, then in zip(run.load_cpu(), load_before)]
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
            # Of source and sink; two cores are all there is for the three of them.
            "load_cpu": sum(load),
            "cores": cpu / seconds,
            "source_cores": load[0] / seconds,
            "sink_cores": load[1] / seconds,
            "load_cores": sum(load) / seconds,
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


# A slow peer is measured less often: it takes much longer than all the rest, and its figures are far apart from ours.
PEER_SECONDS = 10


def median(results, key="cpu"):
    return sorted(results, key=lambda r: r[key])[len(results) // 2]


def multiples(mirror, steps):
    """What rebuilding batches and the mirror cost as multiples of decompressing and compressing alone."""
    rebuild, alone = (statistics.mean(step[index] for step in steps) for index in (0, 1))
    return {"alone_cpu_per_gb": alone, "step": rebuild / alone, "mirror": mirror["cpu_per_gb"] / alone}


def run_case(args, case):
    row = {"case": case.name}
    try:
        relays, mirrors, codecs = [], [], []
        for _ in range(args.repeat):
            if case.relay:
                relays.append(relay(max(256, case.megabytes * args.scale)))
            # Before and after, as the speed of a virtual machine differs from one minute to the next.
            steps = [codec_step(case.step)] if case.step else []
            mirrors.append(measure(args, case, peer=False))
            if case.step:
                steps.append(codec_step(case.step))
                codecs.append(multiples(mirrors[-1], steps))
        row["mirror"] = median(mirrors)
        if codecs:
            row["codec"] = {key: statistics.median(codec[key] for codec in codecs) for key in codecs[0]}
        if relays:
            row["relay"] = median(relays, "cpu_per_gb")
            # Of a relay and the mirror right after it: the machine is not equally fast at all times.
            row["ratio_to_relay"] = statistics.median(
                mirror["cpu_per_gb"] / relay["cpu_per_gb"] for mirror, relay in zip(mirrors, relays)
            )
        if case.peer and not args.no_peer:
            peers = []
            while len(peers) < args.repeat and sum(peer["seconds"] for peer in peers) < PEER_SECONDS:
                peers.append(measure(args, case, peer=True))
            row["librdkafka"] = median(peers)
            row["ratio_of_librdkafka"] = row["librdkafka"]["cpu_per_gb"] / row["mirror"]["cpu_per_gb"]
    except ERRORS as error:
        row["failed"] = str(error)
    return row
