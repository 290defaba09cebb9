"""The results as tables of Markdown."""
import os


def number(value, form):
    return form.format(value) if value is not None else ""


def simple_table(rows, columns):
    """A table of rows that are dictionaries; `columns` are (title, key, format)."""
    lines = ["| " + " | ".join(c[0] for c in columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        cells = [number(row.get(key), form) for _, key, form in columns]
        problem = row.get("failed") or row.get("skipped")
        if problem:
            last = max((i for i, cell in enumerate(cells) if cell), default=0)
            text = ("failed: " if "failed" in row else "skipped: ") + problem.replace("|", "/")
            cells[min(last + 1, len(cells) - 1)] = text
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def case_row(row):
    """A case as one flat dictionary."""
    m, r, p = row.get("mirror", {}), row.get("relay", {}), row.get("librdkafka", {})
    flat = {key: row[key] for key in ("case", "failed", "skipped") if key in row}
    flat.update(m)
    if m:
        flat["k_per_core"] = m["records_per_core_s"] / 1000
        flat["batches"] = f"{m['records_per_batch_in']:.0f} -> {m['records_per_batch_out']:.0f}"
    flat["relay"] = r.get("cpu_per_gb")
    flat["ratio"] = row.get("ratio_to_relay")
    flat["peer"] = p.get("cpu_per_gb")
    flat["peer_ratio"] = row.get("ratio_of_librdkafka")
    return flat


CASE_COLUMNS = [
    ("case", "case", "{}"), ("MB/s", "mb_per_s", "{:.0f}"), ("records/s", "records_per_s", "{:,.0f}"),
    ("CPU s/GB", "cpu_per_gb", "{:.2f}"), ("relay", "relay", "{:.2f}"), ("x relay", "ratio", "{:.2f}"),
    ("k records/core s", "k_per_core", "{:,.0f}"), ("peak RSS MB", "peak_rss_mb", "{:.0f}"),
    ("switches", "switches", "{:,}"), ("cores: mirror", "cores", "{:.2f}"), ("source", "source_cores", "{:.2f}"), ("sink", "sink_cores", "{:.2f}"),
    ("records per batch in -> out", "batches", "{}"), ("librdkafka CPU s/GB", "peer", "{:.2f}"),
    ("x less", "peer_ratio", "{:.1f}"),
]
BROKER_COLUMNS = [
    ("source", "source", "{}"), ("target", "target", "{}"), ("codec", "codec", "{}"), ("MB/s", "mb_per_s", "{:.0f}"),
    ("records/s", "records_per_s", "{:,.0f}"), ("CPU s/GB", "cpu_per_gb", "{:.2f}"),
    ("of the brokers", "load_cpu_per_gb", "{:.2f}"), ("relay", "relay_cpu_per_gb", "{:.2f}"),
    ("peak RSS MB", "peak_rss_mb", "{:.0f}"), ("switches", "switches", "{:,}"),
]
LATENCY_COLUMNS = [
    ("load", "load", "{}"), ("records/s", "arrived_per_s", "{:,.0f}"), ("p50 ms", "p50_ms", "{:.2f}"),
    ("p99 ms", "p99_ms", "{:.2f}"), ("longest ms", "max_ms", "{:.1f}"), ("CPU, % of a core", "cpu_percent", "{:.0f}"),
    ("of source and sink", "load_cpu_percent", "{:.0f}"), ("records per batch out", "records_per_batch_out", "{:.0f}"),
]
SCALE_COLUMNS = [
    ("partitions", "partitions", "{:,}"), ("topics", "topics", "{:,}"), ("start s", "start_s", "{:.2f}"),
    ("CPU s of the start", "start_cpu_s", "{:.2f}"), ("at rest, % of a core", "idle_cpu_percent", "{:.2f}"),
    ("at rest, RSS MB", "idle_rss_mb", "{:.0f}"), ("records", "records", "{:,}"),
    ("busy, CPU us/record", "busy_cpu_us_per_record", "{:.2f}"), ("peak RSS MB", "peak_rss_mb", "{:.0f}"),
]
WAN_COLUMNS = [
    ("far side", "far_side", "{}"), ("codec", "codec", "{}"), ("records per batch", "batch_records", "{}"),
    ("MB/s", "mb_per_s", "{:.1f}"), ("share of the link, from the first record on", "share", "{:.1%}"),
    ("under way", "steady_share", "{:.1%}"), ("read twice", "read_twice", "{:.1%}"), ("CPU s/GB", "cpu_per_gb", "{:.2f}"),
    ("peak RSS MB", "peak_rss_mb", "{:.0f}"),
]
STALL_COLUMNS = [
    ("stalled s", "seconds", "{}"), ("partitions", "partitions", "{}"), ("read from the source until its end, MB", "read_mb", "{:.0f}"),
    ("RSS MB", "stalled_rss_mb", "{:.0f}"), ("highest until then", "stalled_peak_rss_mb", "{:.0f}"),
    ("CPU, % of a core", "stalled_cpu_percent", "{:.2f}"), ("then the rest of MB", "bytes_mb", "{:.0f}"),
    ("in s", "caught_up_s", "{:.1f}"), ("peak RSS MB", "peak_rss_mb", "{:.0f}"), ("records", "records", "{:,}"),
    ("arrived", "arrived", "{:,}"),
]
THREAD_COLUMNS = [
    ("case", "case", "{}"), ("threads", "threads", "{}"), ("MB/s", "mb_per_s", "{:.0f}"),
    ("records/s", "records_per_s", "{:,.0f}"), ("CPU s/GB", "cpu_per_gb", "{:.2f}"),
    ("cores: mirror", "cores", "{:.2f}"), ("source", "source_cores", "{:.2f}"), ("sink", "sink_cores", "{:.2f}"),
    ("peak RSS MB", "peak_rss_mb", "{:.0f}"), ("switches", "switches", "{:,}"), ("what limits", "limit", "{}"),
]


def with_limits(rows):
    """What the three processes were short of: cores, or more than one thread can do."""
    result = []
    for row in rows:
        row = dict(row)
        if "cores" in row:
            total = row["cores"] + row["load_cores"]
            if total > 0.85 * os.cpu_count():
                row["limit"] = f"the machine: {total:.1f} cores, {row['load_cores'] / total:.0%} of them load side"
            elif row["cores"] > 0.85 * row["threads"]:
                row["limit"] = "the mirror's threads"
            elif max(row["source_cores"], row["sink_cores"]) > 0.85:
                row["limit"] = "the source" if row["source_cores"] > row["sink_cores"] else "the sink"
            else:
                row["limit"] = "waiting for each other, or other work on the machine"
        result.append(row)
    return result


def moments(result):
    rows = []
    for row in result.get("moments", []):
        if row["what"] == "start":
            measured = row.get("failed") or f"{row['seconds']:.2f} s"
            rows.append({"what": "start of the process to first record at the target", "measured": measured})
        else:
            measured = row.get("failed") or f"{row['cpu_percent']:.2f} % of a core, {row['rss_mb']:.0f} MB"
            rows.append({"what": f"at rest, {row['partitions']} partitions", "measured": measured})
    return simple_table(rows, [("what", "what", "{}"), ("measured", "measured", "{}")])


def micro(rows):
    lines = [{"step": r["name"].strip(), "ns": r["ns"], "mb": r["mb_per_s"] or None} for r in rows]
    return simple_table(lines, [("step", "step", "{}"), ("ns per operation", "ns", "{:,.0f}"), ("MB/s", "mb", "{:,.0f}")])


def tables(result):
    """Name and text of every table for which there are results."""
    from .bars import bar_table

    load = result["load_average"][0]
    busy = " (other work went on: whatever costs CPU or waits for it is worse than it would be alone)" if load > 1 else ""
    found = {
        "machine": f"Measured on {result['machine']}, {result['date']}, load average {load:.1f} at the beginning{busy}:\n\n"
        f"    {result['command']}"
    }
    for key, text in [
        ("cases", lambda rows: simple_table([case_row(row) for row in rows], CASE_COLUMNS)),
        ("brokers", lambda rows: simple_table(rows, BROKER_COLUMNS)),
        ("moments", lambda rows: moments(result)),
        ("latency", lambda rows: simple_table(rows, LATENCY_COLUMNS)),
        ("scale", lambda rows: simple_table(rows, SCALE_COLUMNS)),
        ("wan", lambda rows: simple_table(rows, WAN_COLUMNS)),
        ("stall", lambda rows: simple_table(rows, STALL_COLUMNS)),
        ("threads", lambda rows: simple_table(with_limits(rows), THREAD_COLUMNS)),
        ("micro", micro),
    ]:
        if result.get(key):
            found[key] = text(result[key])
    found["bars"] = bar_table(result)
    return found


def write_markdown(path, result):
    """Puts the tables between `<!-- bench: NAME -->` and `<!-- end -->` of a file; all of them into a new one."""
    made = tables(result)
    try:
        with open(path) as file:
            text = file.read()
    except FileNotFoundError:
        text = "".join(f"## {name}\n\n<!-- bench: {name} -->\n<!-- end -->\n\n" for name in made)
    for name, table in made.items():
        start, end = f"<!-- bench: {name} -->\n", "<!-- end -->"
        if start in text:
            head, rest = text.split(start, 1)
            text = head + start + table + "\n" + end + rest.split(end, 1)[1]
    with open(path, "w") as file:
        file.write(text)
