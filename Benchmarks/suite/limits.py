"""What grows: partitions, distance, the time a target does not answer, threads."""
import tempfile
import time

from .cases import Case, measure
from .processes import ERRORS, MB, Failed
from .runs import Run


def scale(args, partitions, rest=12):
    """Start, memory and CPU of a mirror with so many partitions, at rest and with a few records in each."""
    batches = max(1, min(400, 200_000 // partitions))
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
                time.sleep(6)
                before = run.subject.usage()
                time.sleep(rest)
                after = run.subject.usage()
                row["idle_cpu_percent"] = (after["cpu"] - before["cpu"]) / rest * 100
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
    except ERRORS as error:
        row["failed"] = str(error)
    return row


def wan(args, side, codec="none", batch_records=250, round_trip=200, megabits=500, megabytes=1500):
    """Share of a distant link that is filled with one partition, once it is under way and from the first record on."""
    row = {"far_side": side, "codec": codec, "batch_records": batch_records, "round_trip_ms": round_trip, "megabits": megabits}
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
                time.sleep(1)
                before = run.subject.usage()
                begin = time.monotonic()
                run.source.say("go")
                samples = []
                while not samples or samples[-1][1] < run.plan["records"]:
                    time.sleep(0.1)
                    run.sink.say("stats")
                    stats = run.sink.wait_event("stats", deadline, [run.subject])
                    samples.append((stats["time"], stats["records"]))
                after = run.subject.usage()
                run.sink.say("stats")
                final = run.sink.wait_event("stats", deadline)
                run.source.say("stats")
                served = run.source.wait_event("stats", deadline)["served"]
            finally:
                run.close()
        if final["bad"] or final["records"] != run.plan["records"]:
            raise Failed(f"{final['records']} records arrived where {run.plan['records']} were expected")
        link = megabits * 1e6 / 8
        # Bytes of the source: what the mirror compresses or joins anew would flatter it.
        part = run.plan["bytes"] / run.plan["records"]
        steady = [s for s in samples if 0.3 < s[1] / run.plan["records"] < 1]
        row["mb_per_s"] = run.plan["bytes"] / MB / (samples[-1][0] - begin)
        row["share"] = run.plan["bytes"] / (samples[-1][0] - begin) / link
        if len(steady) > 4:
            row["steady_share"] = (steady[-1][1] - steady[0][1]) * part / (steady[-1][0] - steady[0][0]) / link
        row["read_twice"] = served / run.plan["bytes"] - 1
        row["cpu_per_gb"] = (after["cpu"] - before["cpu"]) / (run.plan["bytes"] / 1e9)
        row["peak_rss_mb"] = after["peak"] / MB
        if args.samples:
            row["samples"] = [(round(t - begin, 3), round(n * part / MB, 1)) for t, n in samples]
    except ERRORS as error:
        row["failed"] = str(error)
    return row


def stall(args, seconds=60):
    """Memory while the target does not answer and the source has more than can be held; then everything arrives."""
    row = {"seconds": seconds, "partitions": 200}
    try:
        with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
            run = Run(args, folder, gate=True, partitions=200, bytes=int(2048 * MB * args.scale), batch_records=15)
            try:
                deadline = time.monotonic() + args.limit + seconds + 60
                run.start_sink()
                run.start_mirror()
                run.wait_assigned(deadline)
                # At full rate first: the stall comes in the middle of it.
                run.source.say("go")
                run.sink.wait_event("first", deadline, [run.subject])
                time.sleep(0.3)
                run.sink.say("stall")
                time.sleep(2)
                before = run.subject.usage()
                time.sleep(seconds)
                after = run.subject.usage()
                run.source.say("stats")
                row["read_mb"] = run.source.wait_event("stats", deadline)["served"] / MB
                run.sink.say("unstall")
                begin = time.monotonic()
                # Whatever was sent again under the same sequence is counted again by this sink: the end is when the
                # mirror has nothing more to send.
                done = run.sink.wait_event("done", deadline, [run.subject])
                row["caught_up_s"] = done["time"] - begin
                time.sleep(0.5)
                run.sink.say("stats")
                final = run.sink.wait_event("stats", deadline)
                row["bytes_mb"] = run.plan["bytes"] / MB
                row["stalled_rss_mb"] = after["rss"] / MB
                row["stalled_peak_rss_mb"] = after["peak"] / MB
                row["stalled_cpu_percent"] = (after["cpu"] - before["cpu"]) / seconds * 100
                row["peak_rss_mb"] = run.subject.usage()["peak"] / MB
                row["records"] = run.plan["records"]
                row["arrived"] = final["records"]
                row["bad"] = final["bad"]
            finally:
                run.close()
        if final["records"] < run.plan["records"]:
            raise Failed(f"{final['records']} records arrived where {run.plan['records']} were expected")
    except ERRORS as error:
        row["failed"] = str(error)
    return row


THREAD_CASES = [
    Case("16 KB batches, plain, 16 partitions", 1024, partitions=16, batch_records=15),
    Case("1-record batches of 100 B, 16 partitions", 128, partitions=16, batch_records=1, record_bytes=100),
    Case("compacted, 256 KB batches, lz4, 16 partitions", 256, partitions=16, variant="compacted", codec="lz4",
         batch_records=500),
]


def threads(args, case, count):
    """The same load moved by so many threads; the load side has the same cores."""
    row = {"case": case.name, "threads": count}
    try:
        extra, args.extra = args.extra, args.extra + f"kafka.mirror.threads = {count}\n"
        try:
            result = measure(args, case, peer=False)
        finally:
            args.extra = extra
        for key in ("mb_per_s", "records_per_s", "cpu_per_gb", "cores", "source_cores", "sink_cores", "load_cores", "peak_rss_mb", "switches"):
            row[key] = result[key]
    except ERRORS as error:
        row["failed"] = str(error)
    return row
