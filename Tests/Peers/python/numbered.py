"""Numbered records: each partition of a topic holds 0, 1, 2, ... and every byte of a record follows from its place."""

import collections
import hashlib
import time
import uuid

import confluent_kafka


def value(topic, partition, number):
    seed = f"{topic}/{partition}/{number}"
    filler = hashlib.blake2b(seed.encode(), digest_size=32).hexdigest()
    return f"{number} {filler * (1 + number % 5)}".encode()


def key(number):
    return None if number % 7 == 0 else f"key-{number % 1000}".encode()


def headers(number):
    return [("n", str(number).encode()), ("empty", b"")] if number % 3 == 0 else []


def timestamp(base, number):
    return base + number


class Reader:
    """Reads partitions to their ends, again and again, and counts what is wrong with them."""

    def __init__(self, bootstrap, topics, base, alias="", group=None):
        """`topics` has the number of partitions by name; `alias` is put before names at the target."""
        self.topics = topics
        self.base = base
        self.alias = alias
        self.counts = collections.Counter()
        self.next = {(topic, partition): 0 for topic in topics for partition in range(topics[topic])}
        self.missing = collections.defaultdict(set)
        self.examples = []
        self.client = confluent_kafka.Consumer({
            "bootstrap.servers": bootstrap, "group.id": group or f"chaos-{uuid.uuid4()}", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "isolation.level": "read_committed", "enable.partition.eof": True,
            "fetch.wait.max.ms": 50, "topic.metadata.refresh.interval.ms": 1000})
        self.positions = {}

    def begin(self, position, number):
        """Begins a partition at an offset, where `number` is expected."""
        topic, partition, offset = position
        self.positions[(topic, partition)] = offset
        self.next[(topic, partition)] = number

    def read(self, timeout):
        """Reads everything up to the present ends; returns whether all of them were reached."""
        deadline = time.monotonic() + timeout
        self.client.assign([
            confluent_kafka.TopicPartition(
                self.alias + topic, partition, self.positions.get((topic, partition), confluent_kafka.OFFSET_BEGINNING))
            for topic, partition in self.next])
        pending = set(self.next)
        while pending and time.monotonic() < deadline:
            for message in self.client.consume(5000, timeout=0.2):
                where = (message.topic().removeprefix(self.alias), message.partition())
                if message.error() is None:
                    self.take(where, message)
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    pending.discard(where)
        self.client.unassign()
        return not pending

    def take(self, where, message):
        topic, partition = where
        self.positions[where] = message.offset() + 1
        self.counts["records"] += 1
        try:
            number = int(message.value().split(b" ", 1)[0])
        except (ValueError, AttributeError):
            # What was aborted does not begin with a number.
            self.wrong("altered", where, message, "no number")
            return
        if (message.value() != value(topic, partition, number) or message.key() != key(number)
                or (message.headers() or []) != headers(number)
                or message.timestamp()[1] != timestamp(self.base, number)):
            self.wrong("altered", where, message, number)
        expected = self.next[where]
        if number == expected:
            self.next[where] = number + 1
        elif number > expected:
            self.missing[where].update(range(expected, number))
            self.wrong("gaps", where, message, f"{number} instead of {expected}")
            self.next[where] = number + 1
        elif number in self.missing[where]:
            self.missing[where].discard(number)
            self.wrong("reordered", where, message, number)
        else:
            self.wrong("duplicated", where, message, f"{number} instead of {expected}")

    def wrong(self, kind, where, message, what):
        self.counts[kind] += 1
        if len(self.examples) < 20:
            self.examples.append(f"{kind}: {where[0]}-{where[1]} offset {message.offset()}: {what}")

    def result(self, totals):
        """The counts, given how many records each partition has to have."""
        lost = sum(len(entries) for entries in self.missing.values())
        lost += sum(max(0, totals[where] - self.next[where]) for where in self.next)
        foreign = sum(max(0, self.next[where] - totals[where]) for where in self.next)
        return {"records": self.counts["records"], "lost": lost, "duplicated": self.counts["duplicated"],
                "reordered": self.counts["reordered"], "altered": self.counts["altered"], "foreign": foreign}


def is_clean(result):
    return not any(result[kind] for kind in ("lost", "duplicated", "reordered", "altered", "foreign"))
