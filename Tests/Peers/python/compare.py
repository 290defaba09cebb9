"""Compares topics of two clusters record by record with librdkafka: key, value, headers, timestamp, partition, order.

Prints one JSON object with the counts of lost, duplicated, reordered and altered records and fails unless all are 0.
"""

import argparse
import collections
import json
import time
import uuid

import confluent_kafka


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="bootstrap servers")
    parser.add_argument("--target", required=True, help="bootstrap servers")
    parser.add_argument("--topics", required=True, help="source topics, comma separated")
    parser.add_argument("--alias", default="", help="prefix of remote topics, e.g. 'A.'; empty for the same names")
    parser.add_argument("--isolation", default="read_committed")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for the target to become complete")
    parser.add_argument("--expect", type=int, default=-1, help="records that the source must show at least")
    parser.add_argument("--source-config", action="append", default=[])
    parser.add_argument("--target-config", action="append", default=[])
    return parser.parse_args()


def consumer(bootstrap, isolation, extra):
    return confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": f"compare-{uuid.uuid4()}", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "isolation.level": isolation, "enable.partition.eof": True,
        "fetch.wait.max.ms": 100, "queued.max.messages.kbytes": 65536,
        **dict(item.split("=", 1) for item in extra)})


def digest(message):
    headers = message.headers()
    return hash((message.key(), message.value(), message.timestamp()[1], tuple(headers) if headers else ()))


def partitions(client, topic):
    metadata = client.list_topics(topic, timeout=30).topics[topic]
    return sorted(metadata.partitions) if metadata.error is None else []


class Reader:
    """Reads topics to their current ends, again and again, keeping one digest per record."""

    def __init__(self, bootstrap, isolation, extra):
        self.client = consumer(bootstrap, isolation, extra)
        self.digests = collections.defaultdict(list)
        self.types = collections.Counter()
        self.positions = {}

    def read(self, topics, deadline):
        assigned = []
        for topic in topics:
            for partition in partitions(self.client, topic):
                offset = self.positions.get((topic, partition), confluent_kafka.OFFSET_BEGINNING)
                assigned.append(confluent_kafka.TopicPartition(topic, partition, offset))
        self.client.assign(assigned)
        pending = {(entry.topic, entry.partition) for entry in assigned}
        while pending and time.monotonic() < deadline:
            for message in self.client.consume(10_000, timeout=1.0):
                where = (message.topic(), message.partition())
                if message.error() is None:
                    self.digests[where].append(digest(message))
                    self.types[message.timestamp()[0]] += 1
                    self.positions[where] = message.offset() + 1
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    pending.discard(where)
                elif not message.error().retriable():
                    raise SystemExit(f"{where}: {message.error()}")
        return not pending

    def count(self):
        return sum(len(entries) for entries in self.digests.values())


def difference(source, target):
    """Lost, duplicated, reordered and altered records of one partition."""
    if source == target:
        return collections.Counter()
    expected, seen = collections.Counter(source), collections.Counter(target)
    missing, extra = expected - seen, seen - expected
    duplicated = sum(count for entry, count in extra.items() if entry in expected)
    foreign = sum(extra.values()) - duplicated
    altered = min(foreign, sum(missing.values()))
    lost = sum(missing.values()) - altered
    reordered = 1 if not missing and not extra else 0
    return collections.Counter(lost=lost, duplicated=duplicated, altered=altered, foreign=foreign - altered, reordered=reordered)


def main():
    options = arguments()
    topics = options.topics.split(",")
    begin = time.monotonic()
    deadline = begin + options.timeout
    source = Reader(options.source, options.isolation, options.source_config)
    target = Reader(options.target, options.isolation, options.target_config)
    while not (source.read(topics, deadline) and source.count() >= options.expect) and time.monotonic() < deadline:
        pass
    while time.monotonic() < deadline:
        target.read([options.alias + topic for topic in topics], deadline)
        if target.count() >= source.count():
            break
    totals = collections.Counter()
    details = {}
    for (topic, partition), digests in source.digests.items():
        found = difference(digests, target.digests.get((options.alias + topic, partition), []))
        if +found:
            details[f"{topic}-{partition}"] = dict(found)
        totals += found
    strangers = {where: len(entries) for where, entries in target.digests.items()
                 if where not in {(options.alias + topic, partition) for topic, partition in source.digests}}
    result = {
        "source": source.count(), "target": target.count(),
        **{kind: totals[kind] for kind in ("lost", "duplicated", "reordered", "altered", "foreign")},
        "elsewhere": sum(strangers.values()), "partitions": len(source.digests), "details": dict(list(details.items())[:10]),
        "timestampTypes": {str(kind): count for kind, count in target.types.items()},
        "seconds": round(time.monotonic() - begin, 1)}
    print(json.dumps(result))
    right = not totals and not strangers and source.count() == target.count() and source.count() >= max(options.expect, 1)
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
