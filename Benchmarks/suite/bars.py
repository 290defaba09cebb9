"""The bars: what was promised, what was measured, whether it is reached."""


LINEAR = "no step from 10 to 50,000 partitions worse than linear, by more than a quarter"


def case_rows(result, *starts):
    return [row for row in result.get("cases", []) if row["case"].startswith(starts) and "mirror" in row]


def short(row):
    return row["case"].replace(" batches", "")


def linear(rows, key):
    """The worst step of a series: how many times its growth is that of the partitions; below 1 is better than linear."""
    worst = 0
    good = [row for row in rows if key in row]
    for before, after in zip(good, good[1:]):
        if before[key] > 0:
            worst = max(worst, after[key] / before[key] / (after["partitions"] / before["partitions"]))
    return worst if len(good) > 1 else None


def bars(result):
    """(bar, measured, reached); reached is None where nothing was measured."""
    found = []

    def add(bar, measured, reached):
        found.append((bar, measured, reached))

    def at_most(bar, rows, value, limit, form, least=False):
        rows = [row for row in rows if value(row) is not None]
        if not rows:
            return add(bar, "not measured", None)
        values = {short(row) if "case" in row else "": value(row) for row in rows}
        worst = (min if least else max)(values, key=values.get)
        low, high = min(values.values()), max(values.values())
        text = form.format(low) if low == high else f"{form.format(low)} - {form.format(high)}"
        if len(values) > 1:
            text += f" ({'least' if least else 'most'}: {worst})"
        add(bar, text, values[worst] >= limit if least else values[worst] < limit if bar.startswith("RSS") else values[worst] <= limit)

    ratio = lambda row: row.get("ratio_to_relay")
    peer = lambda row: row.get("ratio_of_librdkafka")
    of_mirror = lambda key: lambda row: row["mirror"][key]
    at_most("CPU <= 2.0 x relay, 256 KB batches, every codec", case_rows(result, "256 KB"), ratio, 2.0, "{:.2f} x")
    at_most("CPU <= 3 x relay, 16 KB batches", case_rows(result, "16 KB"), ratio, 3.0, "{:.2f} x")
    at_most("RSS < 128 MB in every case", case_rows(result, ""), of_mirror("peak_rss_mb"), 128, "{:.0f} MB")
    core = of_mirror("records_per_core_s")
    million = lambda row: core(row) / 1e6
    at_most("5-record batches >= 1 M records/s and core", case_rows(result, "5-record batches of 100"), million, 1, "{:.2f} M", True)
    at_most("1-record batches >= 400 k records/s and core", case_rows(result, "1-record"), million, 0.4, "{:.2f} M", True)
    at_most("1-record batches are joined at the target", case_rows(result, "1-record"),
            of_mirror("records_per_batch_out"), 2, "{:.0f} records per batch", True)
    slow = next((row["codec"] for row in case_rows(result, "compacted") if "codec" in row), None)
    add("slow path <= 1.5 x the codec alone (compacted lz4)",
        f"{slow['step']:.2f} x for the step, {slow['mirror']:.2f} x for the whole mirror" if slow else "not measured",
        max(slow["step"], slow["mirror"]) <= 1.5 if slow else None)
    at_most(">= 2 x less CPU than librdkafka, plain 1 KB records", case_rows(result, "256 KB batches, plain", "16 KB batches, plain, 4"),
            peer, 2, "{:.1f} x", True)
    at_most(">= 5 x less CPU than librdkafka, lz4 and zstd", case_rows(result, "256 KB batches, lz4", "256 KB batches, zstd"),
            peer, 5, "{:.1f} x", True)
    at_most("the same of small batches (not promised)", case_rows(result, "16 KB batches, lz4", "5-record batches of 100 B, lz4"),
            peer, 5, "{:.1f} x", True)
    calm = [row for row in result.get("latency", []) if row["load"] == "1,000 records/s" and "p99_ms" in row]
    if calm:
        row = calm[0]
        add("added latency at 1,000 records/s p50 < 2 ms, p99 < 10 ms", f"{row['p50_ms']:.2f} ms, {row['p99_ms']:.2f} ms",
            row["p50_ms"] < 2 and row["p99_ms"] < 10)
    else:
        add("added latency at 1,000 records/s p50 < 2 ms, p99 < 10 ms", "not measured", None)
    for side in ("source", "sink"):
        bar = f"200 ms, one partition, >= 90 % of 500 Mbit/s, {'source' if side == 'source' else 'target'} far away"
        rows = [row for row in result.get("wan", []) if row["far_side"] == side and row["codec"] == "none"
                and row["batch_records"] == 250 and "share" in row]
        if rows:
            row = rows[0]
            way = f", {row['steady_share']:.1%} under way" if "steady_share" in row else ""
            add(bar, f"{row['share']:.1%} from the first record on{way}", row["share"] >= 0.9)
        else:
            add(bar, "not measured", None)
    rows = [row for row in result.get("scale", []) if "peak_rss_mb" in row]
    most = [row for row in rows if row["partitions"] == 50_000]
    if most:
        row = most[0]
        add("50,000 partitions at rest < 512 MB, < 5 % of a core", f"{row['idle_rss_mb']:.0f} MB, {row['idle_cpu_percent']:.1f} %",
            row["idle_rss_mb"] < 512 and row["idle_cpu_percent"] < 5)
    else:
        add("50,000 partitions at rest < 512 MB, < 5 % of a core", "not measured", None)
    steps = {key: linear(rows, key) for key in ("start_s", "start_cpu_s", "idle_cpu_percent", "idle_rss_mb", "peak_rss_mb")}
    if all(steps.values()):
        worst = max(steps, key=steps.get)
        # What no longer fits into the caches costs something too: a quarter more is let pass.
        add(LINEAR, f"worst: {worst}, {steps[worst]:.2f} x the growth of partitions", steps[worst] <= 1.25)
    else:
        add(LINEAR, "not measured", None)
    stalls = [row for row in result.get("stall", []) if "peak_rss_mb" in row and "failed" not in row]
    if stalls:
        row = stalls[0]
        add("RSS < 128 MB while the target stalls for a minute at full source rate",
            f"{row['seconds']} s: {row['stalled_peak_rss_mb']:.0f} MB, {row['peak_rss_mb']:.0f} MB after it; "
            f"{row['arrived'] - row['records']:+,} records",
            row["seconds"] >= 60 and max(row["stalled_peak_rss_mb"], row["peak_rss_mb"]) < 128 and row["arrived"] == row["records"])
    else:
        add("RSS < 128 MB while the target stalls for a minute at full source rate", "not measured", None)
    return found


def bar_table(result):
    words = {True: "yes", False: "no", None: "-"}
    lines = ["| bar | measured | reached |", "|---|---|---|"]
    for bar, measured, reached in bars(result):
        lines.append(f"| {bar} | {measured} | {words[reached]} |")
    return "\n".join(lines)
