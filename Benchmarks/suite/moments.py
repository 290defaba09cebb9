"""Start, rest and latency."""
import statistics
import tempfile
import time

from .processes import ERRORS, MB, Failed
from .runs import Run


def first_record(args):
    """Seconds from the start of the process to the first record at the target."""
    results = []
    row = {"what": "start"}
    try:
        for _ in range(3):
            with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
                run = Run(args, folder, gate=False, partitions=4, bytes=8 << 20)
                try:
                    run.start_sink()
                    run.start_mirror()
                    event = run.sink.wait_event("first", time.monotonic() + args.limit, [run.subject])
                    results.append(event["time"] - run.subject.started)
                finally:
                    run.close()
        row.update(seconds=statistics.median(results), all=results)
    except ERRORS as error:
        row["failed"] = str(error)
    return row


def idle(args, partitions, seconds=10):
    """CPU share and memory of a mirror with nothing to do."""
    row = {"what": "rest", "partitions": partitions}
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
        row.update(
            cpu_percent=(after["cpu"] - before["cpu"]) / seconds * 100,
            rss_mb=after["rss"] / MB,
            switches_per_s=(after["switches"] - before["switches"]) / seconds,
        )
    except ERRORS as error:
        row["failed"] = str(error)
    return row


def live(args, rate, seconds):
    """Records that appear one by one, so many a second: what arrives, and when."""
    with tempfile.TemporaryDirectory(prefix="kafka-mirror-bench-") as folder:
        run = Run(args, folder, gate=True, partitions=4, live=rate, record_bytes=200)
        try:
            run.start_sink(latency="yes")
            run.start_mirror()
            run.wait_assigned(time.monotonic() + args.limit)
            before, load_before = run.subject.usage(), run.load_cpu()
            begin = time.monotonic()
            run.source.say("live")
            time.sleep(seconds)
            run.sink.say("stats")
            stats = run.sink.wait_event("stats", time.monotonic() + 10, [run.subject])
            after, load_after = run.subject.usage(), run.load_cpu()
        finally:
            run.close()
    if "latency_p50_ms" not in stats:
        raise Failed("no record arrived")
    passed = stats["time"] - begin
    return {
        "rate": rate,
        "arrived_per_s": stats["records"] / passed,
        "p50_ms": stats["latency_p50_ms"],
        "p99_ms": stats["latency_p99_ms"],
        "max_ms": stats["latency_max_ms"],
        "cpu_percent": (after["cpu"] - before["cpu"]) / passed * 100,
        "load_cpu_percent": (sum(load_after) - sum(load_before)) / passed * 100,
        "records_per_batch_out": stats["records"] / max(1, stats["batches"]),
    }


# More than any machine delivers: the source appends as fast as it can.
UNLIMITED = 5_000_000


def latencies(args):
    """Added latency (arrival at the sink minus append at the source) at 1,000 records/s and at half of what gets through
    when the source appends as fast as it can, the load side on the same cores."""
    rows = []
    rate = 1_000
    for what in ("1,000 records/s", "full load", "half load"):
        row = {"load": what, "rate": rate}
        try:
            row.update(live(args, rate, 3 if what == "full load" else 6))
            if what == "full load":
                row["rate"] = None
        except ERRORS as error:
            row["failed"] = str(error)
        rows.append(row)
        if "failed" in row:
            break
        rate = UNLIMITED if what == "1,000 records/s" else int(row["arrived_per_s"] / 2)
    return rows
