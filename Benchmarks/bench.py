#!/usr/bin/env python3
"""Measures kafka-mirror: single steps, end to end, latency, scale, distance, a stalled target, threads.

CPU time is that of the mirror process alone, from the moment it waits for records at every partition until the sink has
acknowledged the last one; the records appear at once in between. Ratios to a bare relay of as many bytes, measured in
the same run, are the result. The tables at the end, and those of --markdown, are made of the JSON that is written.
The exit status tells of runs that failed, not of bars that were missed. Uses the standard library only.
"""
import argparse
import json
import os
import platform
import re
import sys
import time

from suite import brokers, cases, limits, moments, tables
from suite.processes import BUILD, ERRORS, micro

SCALES = [10, 100, 1_000, 10_000, 50_000]
LINKS = [
    dict(side="source"), dict(side="sink"), dict(side="source", codec="lz4", batch_records=500),
    dict(side="sink", codec="lz4", batch_records=500), dict(side="source", batch_records=15),
    dict(side="sink", batch_records=15),
]
PARTS = ["micro", "cases", "brokers", "moments", "latency", "scale", "wan", "stall", "threads"]


def machine():
    model = ""
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def command():
    """As it can be typed in the checkout."""
    return " ".join(["scripts/bench"] + [os.path.relpath(a) if os.path.exists(a) else a for a in sys.argv[1:]])


class Suite:
    """Runs parts and collects their rows."""

    def __init__(self, args):
        self.args = args
        self.failures = 0
        self.result = {
            "machine": machine(), "date": time.strftime("%Y-%m-%d"), "command": command(),
            "load_average": os.getloadavg(), "seconds": {},
        }

    def add(self, part, row):
        self.failures += "failed" in row
        self.result.setdefault(part, []).append(row)
        print(part, json.dumps({key: value for key, value in row.items() if key != "samples"}), flush=True)

    def micro(self):
        for line in micro():
            self.add("micro", line)

    def cases(self):
        for case in cases.CASES:
            if not self.args.case or re.search(self.args.case, case.name):
                row = cases.run_case(self.args, case)
                self.failures += "failed" in row
                self.result.setdefault("cases", []).append(row)
                text = tables.simple_table([tables.case_row(row)], tables.CASE_COLUMNS)
                print(text.splitlines()[-1], flush=True)

    def brokers(self):
        for pair in brokers.PAIRS:
            self.add("brokers", brokers.between(self.args, *pair))

    def moments(self):
        self.add("moments", moments.first_record(self.args))
        self.add("moments", moments.idle(self.args, 4))

    def latency(self):
        for row in moments.latencies(self.args):
            self.add("latency", row)

    def scale(self):
        for count in SCALES[:4] if self.args.quick else SCALES:
            self.add("scale", limits.scale(self.args, count))

    def wan(self):
        for link in LINKS[:2] if self.args.quick else LINKS:
            size = 600 if self.args.quick else 1500
            self.add("wan", limits.wan(self.args, **link, megabytes=size))

    def stall(self):
        self.add("stall", limits.stall(self.args, 10 if self.args.quick else 60))

    def threads(self):
        for case in limits.THREAD_CASES:
            for count in (1, 2):
                self.add("threads", limits.threads(self.args, case, count))

    def run(self, parts):
        print(self.result["machine"], flush=True)
        for part in parts:
            begin = time.monotonic()
            try:
                getattr(self, part)()
            except ERRORS as error:
                self.add(part, {"failed": str(error)})
            self.result["seconds"][part] = round(time.monotonic() - begin, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", nargs="?", help="kafka-mirror, built with optimisation")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas: " + ", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="everything once, with less data and fewer partitions")
    parser.add_argument("--case", help="only cases whose name matches this expression, and no other part")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each case; the median by CPU time counts")
    parser.add_argument("--scale", type=float, default=1, help="factor for the bytes of every case")
    parser.add_argument("--limit", type=float, default=120, help="seconds that a run may take")
    parser.add_argument("--no-peer", action="store_true", help="without librdkafka")
    parser.add_argument("--extra", default="", help="more lines of properties, separated by ;")
    parser.add_argument("--samples", action="store_true", help="keep how far distant transfers were at each moment")
    parser.add_argument("--json", default=os.path.join(BUILD, "results.json"))
    parser.add_argument("--add", action="store_true", help="replace the parts in the JSON that is there, and keep the others")
    parser.add_argument("--render", action="store_true", help="measure nothing: make tables of the JSON that is there")
    parser.add_argument("--markdown", action="append", default=[], metavar="FILE",
                        help="put the tables between the marks of this file (<!-- bench: NAME -->, <!-- end -->)")
    args = parser.parse_args()
    parts = ["cases"] if args.case else args.only.split(",")
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    failures = 0
    if args.render:
        with open(args.json) as file:
            result = json.load(file)
    else:
        if not args.binary:
            parser.error("which kafka-mirror?")
        suite = Suite(args)
        args.binary = os.path.abspath(args.binary)
        args.extra = "".join(line.strip() + "\n" for line in args.extra.split(";"))
        if args.quick:
            args.repeat, args.scale = 1, args.scale * 0.25
        suite.run(parts)
        result, failures = suite.result, suite.failures
        if args.add and os.path.exists(args.json):
            with open(args.json) as file:
                before = json.load(file)
            seconds = {**before["seconds"], **result["seconds"]}
            then = f"{before['command']}\n    {result['command']}"
            result = {**before, **result, "seconds": seconds, "command": then}
        with open(args.json, "w") as file:
            json.dump(result, file, indent=1)
    for name, text in tables.tables(result).items():
        if name != "micro":
            print(f"\n{name}\n{text}")
    for path in args.markdown:
        tables.write_markdown(path, result)
    if not args.render:
        print("\nwritten to", os.path.relpath(args.json))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
