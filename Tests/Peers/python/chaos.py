"""Kills a mirror again and again while records are written, and counts at the end what the target holds.

Real processes and sockets: two sandbox clusters, a fault proxy before each of them, producers, and the mirror, which is
killed (-9), stopped and continued, cut off, while leaders move, brokers restart and requests meet faults. An independent
client (librdkafka, read_committed) then counts lost, duplicated, reordered and altered records, and consumer groups
that stopped somewhere at the source go on at the target. Everything chosen by chance follows from --seed.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import confluent_kafka
import numbered

HERE = pathlib.Path(__file__).parent
TOPICS = {"chaos.plain": (4, "none"), "chaos.lz4": (3, "lz4"), "chaos.zstd": (2, "zstd"), "chaos.transactions": (4, "lz4")}
BROKERS = 3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--mode", choices=["default", "exactly-once"], default="default")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--rate", type=int, default=500, help="records per second and topic")
    parser.add_argument("--longest", type=float, default=1.5, help="seconds that a mirror lives at most")
    parser.add_argument("--stale", action=argparse.BooleanOptionalAction, default=True,
                        help="also let a stopped, stale mirror go on beside its successor")
    parser.add_argument("--groups", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--calm", action="store_true", help="kills only, nothing else happens")
    parser.add_argument("--keep", help="folder for logs, kept")
    return parser.parse_args()


class Commanded:
    """A process that is told things on standard input and answers each."""

    def __init__(self, arguments, log):
        self.process = subprocess.Popen(
            [str(argument) for argument in arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return line.strip()

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.line()
        if answer != "ok":
            raise SystemExit(f"{command}: {answer}")

    def end(self):
        self.process.terminate()
        self.process.wait()


class Chaos:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.random = random.Random(options.seed)
        self.base = int(time.time() * 1000) - 3_600_000
        self.events = collections.Counter()
        self.later = []
        self.processes = []
        self.mirrors = 0
        self.down = {}
        self.logs = open(folder / "peers.log", "w")
        self.story = open(folder / "story.log", "w")

    # Set-up

    def start(self):
        self.sandbox = self.commanded(
            [self.options.binary, "sandbox", "--clusters", "A,B", "--brokers", BROKERS, "--control", "--no-auto-create"])
        self.direct = {}
        self.proxies = {}
        proxied = {}
        while len(proxied) < 2:
            words = self.sandbox.line().split()
            (proxied if "proxies" in words else self.direct)[words[0]] = words[1]
        for line in iter(self.sandbox.line, "Ctrl-C ends it."):
            raise SystemExit(f"the sandbox says: {line}")
        seen = {}
        for alias, addresses in proxied.items():
            self.proxies[alias] = self.commanded(
                [sys.executable, HERE / "fault_proxy.py", "--to", addresses, "--seed", self.options.seed])
            ports = self.proxies[alias].line()
            self.sandbox.tell(f"advertise {alias} {ports}")
            seen[alias] = ",".join(f"127.0.0.1:{port}" for port in ports.split(","))
        for topic, (partitions, _) in TOPICS.items():
            self.sandbox.tell(f"create-topic A {topic} {partitions}")
        self.properties = self.folder / "mirror.properties"
        self.properties.write_text(self.configuration(seen))
        self.producers = self.commanded([
            sys.executable, HERE / "number_producer.py", "--bootstrap", self.direct["A"], "--rate", self.options.rate,
            "--base", self.base, "--seed", self.options.seed,
            "--topics", ",".join(f"{topic}:{partitions}:{codec}" for topic, (partitions, codec) in TOPICS.items())])
        self.producers.line()

    def commanded(self, arguments):
        process = Commanded(arguments, self.logs)
        self.processes.append(process.process)
        return process

    def configuration(self, seen):
        lines = {
            "clusters": "A, B", "A.bootstrap.servers": seen["A"], "B.bootstrap.servers": seen["B"],
            "A->B.enabled": "true", "A->B.topics": "chaos.*", "B->A.enabled": "false",
            "A.consumer.isolation.level": "read_committed",
            "replication.factor": BROKERS, "offset.storage.replication.factor": BROKERS,
            "status.storage.replication.factor": BROKERS, "config.storage.replication.factor": BROKERS,
            "offset-syncs.topic.replication.factor": BROKERS, "checkpoints.topic.replication.factor": BROKERS,
            "heartbeats.topic.replication.factor": BROKERS,
        }
        if self.options.groups:
            lines |= {"A->B.groups": "chaos-group.*", "A->B.sync.group.offsets.enabled": "true",
                      "A->B.sync.group.offsets.interval.seconds": 1, "A->B.emit.checkpoints.interval.seconds": 1,
                      "A->B.refresh.groups.interval.seconds": 2}
        if self.options.mode == "exactly-once":
            lines["B.exactly.once.source.support"] = "enabled"
        return "".join(f"{key} = {value}\n" for key, value in lines.items())

    def mirror(self):
        self.mirrors += 1
        with open(self.folder / "mirror.log", "a") as log:
            log.write(f"--- mirror {self.mirrors}\n")
            log.flush()
            self.log_position = log.tell()
            process = subprocess.Popen(
                [self.options.binary, "run", "--report", "1", str(self.properties)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        self.processes.append(process)
        self.tell(f"mirror {self.mirrors} is process {process.pid}")
        return process

    # What happens

    def tell(self, text):
        self.story.write(f"{time.time():.3f} {text}\n")
        self.story.flush()

    def order(self, cluster, verb, rest=""):
        self.tell(f"{verb} {cluster} {rest}")
        self.events[verb] += 1
        self.sandbox.tell(f"{verb} {cluster} {rest}")

    def proxy(self, cluster, command):
        self.tell(f"proxy {cluster} {command}")
        self.proxies[cluster].tell(command)

    def after(self, seconds, action):
        self.later.append((time.monotonic() + seconds, action))

    def wait(self, seconds):
        """Waits, and does in between what is due."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            due = [entry for entry in self.later if entry[0] <= now]
            self.later = [entry for entry in self.later if entry[0] > now]
            for _, action in due:
                action()
            if now >= end:
                return
            time.sleep(min(end - now, 0.02))

    def disturb(self, mirror):
        """One thing goes wrong."""
        cluster = self.random.choice("AB")
        short = self.random.uniform(0.05, 0.8)
        kind = self.random.choice([
            "stop", "cut", "cut", "cut-one", "hold", "hold", "refuse", "delay", "bandwidth", "leader", "leader", "leader",
            "broker", "broker", "fault", "fault", "fault", "fault"])
        if kind == "stop":
            self.events["SIGSTOP"] += 1
            mirror.send_signal(signal.SIGSTOP)
            self.after(short, lambda: mirror.send_signal(signal.SIGCONT))
        elif kind in ("cut", "cut-one"):
            self.events[kind] += 1
            self.proxy(cluster, kind)
        elif kind in ("hold", "refuse", "delay", "bandwidth"):
            self.events[kind] += 1
            command = {"hold": self.random.choice(["hold", "hold-all"]), "refuse": "refuse",
                       "delay": f"delay {self.random.randint(1, 60)}",
                       "bandwidth": f"bandwidth {self.random.randint(20_000, 400_000)}"}[kind]
            undo = {"hold": "release", "refuse": "accept", "delay": "delay 0", "bandwidth": "bandwidth 0"}[kind]
            self.proxy(cluster, command)
            # What a killed mirror has sent may so arrive when its successor already runs.
            self.after(short * 2, lambda: self.proxy(cluster, undo))
        elif kind == "leader":
            place = self.place(cluster)
            if place and cluster not in self.down:
                name, partition = place
                self.order(cluster, "move-leader", f"{name} {partition} {self.random.randint(1, BROKERS)}")
        elif kind == "broker":
            if cluster not in self.down:
                broker = self.random.randint(1, BROKERS)
                self.down[cluster] = broker
                self.order(cluster, "stop-broker", broker)

                def again():
                    self.order(cluster, "start-broker", broker)
                    self.down.pop(cluster, None)
                self.after(short, again)
        else:
            self.fault(cluster)

    def until_it_mirrors(self):
        """Waits for the newest mirror to begin with its partitions, but not for long: it may be cut off."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            self.wait(0.02)
            with open(self.folder / "mirror.log", "rb") as log:
                log.seek(self.log_position)
                if b"mirroring partitions" in log.read():
                    return

    def place(self, cluster):
        topic, (partitions, _) = self.random.choice(list(TOPICS.items()))
        if cluster == "A":
            return topic, self.random.randrange(partitions)
        # The mirror's own topics too.
        try:
            known = self.watcher.list_topics(timeout=5).topics
        except confluent_kafka.KafkaException:
            return None
        topics = {name: len(topic.partitions) for name, topic in known.items()
                  if name.startswith("A.") or "internal" in name}
        if not topics:
            return None
        name = self.random.choice(sorted(topics))
        return name, self.random.randrange(topics[name])

    def fault(self, cluster):
        api = self.random.choice(
            ["Fetch", "Metadata", "ListOffsets", "ApiVersions"] if cluster == "A" else
            ["Produce", "Produce", "Produce", "InitProducerId", "Metadata", "ListOffsets", "Fetch", "FindCoordinator"])
        kinds = ["drop", "drop-answer", "close", "close-after", f"delay={self.random.randint(5, 300)}"]
        errors = {"Produce": ["NOT_LEADER_OR_FOLLOWER", "NOT_ENOUGH_REPLICAS", "REQUEST_TIMED_OUT", "COORDINATOR_NOT_AVAILABLE",
                              "NOT_ENOUGH_REPLICAS_AFTER_APPEND"],
                  "Fetch": ["NOT_LEADER_OR_FOLLOWER", "FENCED_LEADER_EPOCH", "UNKNOWN_LEADER_EPOCH", "OFFSET_NOT_AVAILABLE"],
                  "ListOffsets": ["NOT_LEADER_OR_FOLLOWER", "OFFSET_NOT_AVAILABLE"],
                  "InitProducerId": ["COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE"]}.get(api, [])
        kinds += [f"error={error}" for error in errors]
        if cluster == "A" or api != "Produce":
            # A write of the mirror is not acknowledged, whatever became of it.
            kinds += ["truncate"]
        else:
            kinds += ["close-after", "drop-answer", "truncate"]
        self.order(cluster, "fault", f"{api} {self.random.randint(1, 4)} {self.random.choice(kinds)}")

    def round(self, mirror):
        """One life of a mirror; returns the one that goes on."""
        # Some are killed while they start; the others some time after they have begun to mirror.
        starts = self.random.random() < 0.2
        life = self.random.uniform(0.02, 0.3 if starts else self.options.longest)
        if not starts:
            self.until_it_mirrors()
        if not self.options.calm:
            for _ in range(self.random.choice([0, 1, 1, 2])):
                self.after(self.random.uniform(0, life), lambda: self.disturb(mirror))
        if self.options.stale and self.random.random() < 0.15:
            return self.succeed(mirror, life)
        self.wait(life)
        if not self.options.calm and self.random.random() < 0.15:
            self.be_late()
        self.kill(mirror)
        return self.mirror()

    def be_late(self):
        """What the mirror sends last before it is killed arrives when its successor has already begun."""
        self.events["late arrival"] += 1
        self.proxy("B", "hold")
        self.wait(self.random.uniform(0.02, 0.3))
        self.after(self.random.uniform(0.1, 1.5), lambda: self.proxy("B", "release"))

    def succeed(self, mirror, life):
        """A mirror is stopped, another one begins, and then the first one goes on beside it for a while."""
        self.events["stale mirror"] += 1
        self.wait(life / 2)
        self.tell(f"process {mirror.pid} stands still")
        mirror.send_signal(signal.SIGSTOP)
        successor = self.mirror()
        self.wait(self.random.uniform(0.2, 1.5))
        self.tell(f"process {mirror.pid} goes on")
        mirror.send_signal(signal.SIGCONT)
        self.wait(self.random.uniform(0.2, 1.5))
        self.kill(mirror)
        return successor

    def kill(self, mirror):
        if mirror.poll() is not None and not self.was_fenced(mirror):
            raise SystemExit(f"a mirror ended by itself with {mirror.returncode}")
        self.tell(f"kill -9 {mirror.pid}")
        mirror.kill()
        mirror.wait()
        self.processes.remove(mirror)
        self.events["SIGKILL"] += 1

    def was_fenced(self, mirror):
        return self.options.mode == "exactly-once" and mirror.returncode >= 0

    # The whole

    def run(self):
        self.start()
        begin = time.monotonic()
        mirror = self.mirror()
        moved = 0
        groups = Groups(self) if self.options.groups else None
        before = self.mirrored()
        for kill in range(self.options.kills):
            mirror = self.round(mirror)
            after = self.mirrored()
            moved += after > before
            before = max(before, after)
            if groups and (kill + 1) % max(2, self.options.kills // 8) == 0:
                try:
                    groups.stop_somewhere()
                except confluent_kafka.KafkaException as error:
                    # Faults hit everybody's requests; this group is not looked at.
                    self.tell(f"no group: {error}")
            if kill % 50 == 49:
                print(f"{kill + 1} kills, {before} records mirrored, {time.monotonic() - begin:.0f} s", flush=True)
        self.calm_down()
        produced, _ = self.producers.process.communicate(timeout=180)
        produced = json.loads(produced)
        if produced["failures"]:
            raise SystemExit(f"the producers failed: {produced['failures']}")
        totals = {(topic, partition): count for topic, counts in produced["totals"].items() for partition, count in enumerate(counts)}
        print(f"{self.options.kills} kills in {time.monotonic() - begin:.0f} s, in {moved} of the lives records were mirrored; "
              f"{sum(totals.values())} records written, {produced['aborted']} more aborted", flush=True)
        print("what happened: " + ", ".join(f"{kind} {count}" for kind, count in sorted(self.events.items())), flush=True)
        clean, mirror = self.count(totals, mirror)
        if groups:
            clean = groups.go_on(totals) and clean
        mirror.send_signal(signal.SIGTERM)
        if mirror.wait(15) != 0:
            print(f"the mirror ended with {mirror.returncode}")
            clean = False
        self.processes.remove(mirror)
        return clean

    def mirrored(self):
        """How many records there are at the target."""
        count = 0
        for topic, (partitions, _) in TOPICS.items():
            for partition in range(partitions):
                try:
                    count += self.watcher.get_watermark_offsets(
                        confluent_kafka.TopicPartition("A." + topic, partition), timeout=1)[1]
                except confluent_kafka.KafkaException:
                    pass
        return count

    @property
    def watcher(self):
        if not hasattr(self, "_watcher"):
            self._watcher = confluent_kafka.Consumer({
                "bootstrap.servers": self.direct["B"], "group.id": "watcher", "log_level": 0,
                "topic.metadata.refresh.interval.ms": 500})
        return self._watcher

    def calm_down(self):
        self.later, rest = [], self.later
        for _, action in rest:
            try:
                action()
            except ProcessLookupError:
                pass
        for cluster in "AB":
            self.proxy(cluster, "reset")
            self.order(cluster, "clear-faults")
            for broker in range(1, BROKERS + 1):
                self.order(cluster, "start-broker", broker)
        self.down.clear()

    def taken_over(self, mirror):
        """Whether the newest mirror has ended because a stale one took the flow over, and asks to be started again."""
        if mirror.poll() is None or not self.was_fenced(mirror):
            return False
        with open(self.folder / "mirror.log") as log:
            log.seek(self.log_position)
            return "another kafka-mirror process has taken the flow over" in log.read()

    def count(self, totals, mirror):
        """Whether all records are at both sides, and the mirror that goes on."""
        shape = {topic: partitions for topic, (partitions, _) in TOPICS.items()}
        source = numbered.Reader(self.direct["A"], shape, self.base)
        if not source.read(60):
            print("the source cannot be read to its end")
        target = numbered.Reader(self.direct["B"], shape, self.base, alias="A.")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.taken_over(mirror):
                # The stale one was killed after that: in the rounds before, the next mirror has taken its place.
                print("the last mirror is started again: a stale one had taken the flow over", flush=True)
                self.processes.remove(mirror)
                mirror = self.mirror()
                deadline = time.monotonic() + 60
            if target.read(60) and target.counts["records"] >= source.counts["records"]:
                break
            time.sleep(0.2)
        # What comes now is too much.
        time.sleep(1)
        target.read(10)
        results = {"source": source.result(totals), "target": target.result(totals)}
        for name, reader in (("source", source), ("target", target)):
            print(f"{name}: " + ", ".join(f"{kind} {count}" for kind, count in results[name].items()), flush=True)
            for example in reader.examples:
                print(f"  {example}")
        return all(numbered.is_clean(result) for result in results.values()), mirror

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()


class Groups:
    """Consumer groups that stop somewhere at the source and go on at the target."""

    def __init__(self, chaos):
        self.chaos = chaos
        self.shape = {topic: partitions for topic, (partitions, _) in TOPICS.items()}
        # Of each group: how many records of each partition it has read.
        self.read = {}
        self.begun = 0

    def stop_somewhere(self):
        """A new group reads a part of each partition at the source, commits, and stops."""
        chaos = self.chaos
        self.begun += 1
        name = f"chaos-group-{self.begun}"
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": chaos.direct["A"], "group.id": name, "enable.auto.commit": False,
            "isolation.level": "read_committed", "auto.offset.reset": "earliest", "enable.partition.eof": True})
        places = [confluent_kafka.TopicPartition(topic, partition, 0)
                  for topic in self.shape for partition in range(self.shape[topic])]
        limits = {}
        for place in places:
            end = consumer.get_watermark_offsets(place, timeout=10)[1]
            limits[(place.topic, place.partition)] = chaos.random.randint(0, end)
        consumer.assign(places)
        reader = {where: 0 for where in limits}
        commits = {where: 0 for where in limits}
        pending = {where for where, limit in limits.items() if limit > 0}
        deadline = time.monotonic() + 20
        while pending and time.monotonic() < deadline:
            for message in consumer.consume(1000, timeout=0.2):
                where = (message.topic(), message.partition())
                if where not in pending:
                    continue
                if message.error() is not None:
                    pending.discard(where)
                    continue
                if message.offset() >= limits[where]:
                    pending.discard(where)
                    continue
                reader[where] += 1
                commits[where] = message.offset() + 1
        consumer.commit(
            offsets=[confluent_kafka.TopicPartition(*where, offset) for where, offset in commits.items() if offset > 0],
            asynchronous=False)
        consumer.close()
        self.read[name] = {where: reader[where] for where in reader if commits[where] > 0}
        chaos.tell(f"group {name} stops at {commits}")

    def go_on(self, totals):
        """Waits for the groups' offsets at the target and reads on from there."""
        clean = True
        for name, read in self.read.items():
            consumer = confluent_kafka.Consumer({"bootstrap.servers": self.chaos.direct["B"], "group.id": name})
            places = [confluent_kafka.TopicPartition("A." + topic, partition) for topic, partition in read]
            deadline = time.monotonic() + 30
            while True:
                committed = consumer.committed(places, timeout=10)
                if all(place.offset >= 0 for place in committed) or time.monotonic() > deadline:
                    break
                time.sleep(0.2)
            consumer.close()
            absent = [place for place in committed if place.offset < 0]
            reader = numbered.Reader(self.chaos.direct["B"], {}, self.chaos.base, alias="A.", group=name + "-reader")
            mine = {}
            for place in committed:
                where = (place.topic.removeprefix("A."), place.partition)
                if place.offset >= 0:
                    reader.begin((*where, place.offset), read[where])
                    mine[where] = totals[where]
            complete = reader.read(60)
            result = reader.result(mine)
            fine = complete and not absent and numbered.is_clean(result)
            clean = clean and fine
            if not fine:
                print(f"group {name}: no offset for {len(absent)} of {len(places)} partitions, {result}")
                for example in reader.examples:
                    print(f"  {example}")
        print(f"groups that went on at the target: {len(self.read)}, " + ("all exact" if clean else "NOT exact"), flush=True)
        return clean


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mirror.log").unlink(missing_ok=True)
        print(f"seed {options.seed}, {options.kills} kills, mode {options.mode}", flush=True)
        chaos = Chaos(options, folder)
        # The processes must not outlive this one.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            clean = chaos.run()
        finally:
            chaos.end()
        if not clean:
            os.system(f"tail -n 40 {folder}/mirror.log")
    print("exact" if clean else "NOT exact", flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
