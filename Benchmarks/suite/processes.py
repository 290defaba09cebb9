"""Child processes that are measured, and the bare relay."""
import ctypes
import json
import os
import select
import signal
import subprocess
import time

BENCHMARKS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(BENCHMARKS)
BUILD = os.path.join(BENCHMARKS, ".build")
BROKER = os.path.join(BUILD, "release", "bench-broker")
MICRO = os.path.join(BUILD, "release", "bench-micro")
RELAY = os.path.join(BUILD, "peers", "relay")
RDLOOP = os.path.join(BUILD, "peers", "rdloop")
WANPROXY = os.path.join(BUILD, "peers", "wanproxy")
MB = 1e6


class Failed(Exception):
    pass


# What fails when a run fails.
ERRORS = (Failed, OSError, subprocess.SubprocessError, ValueError)


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
                behind = "".join(f"; {other.name}: {other.tail() or 'says nothing'}" for other in others)
                raise Failed(f"no '{event}' from the {self.name} in time{behind}")
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


def micro(*options):
    """What bench-micro measured, a dictionary for each step."""
    done = subprocess.run([MICRO, *options], capture_output=True, timeout=300, preexec_fn=die_with_parent)
    if done.returncode != 0:
        raise Failed("bench-micro: " + done.stderr.decode(errors="replace").strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def codec_step(step):
    """CPU seconds per stored GB of rebuilding batches, and of decompressing and compressing them alone."""
    rebuild, alone = (line["s_per_stored_gb"] for line in micro(step, "0.5"))
    return rebuild, alone
