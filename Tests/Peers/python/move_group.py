"""Moves a group of consumers from a cluster to its mirror and counts what it reads.

The group reads about half of some topics at the source, through librdkafka, and commits. Its offsets have to appear at the
target. There it reads on. Both parts together have to be what a reader of the whole source sees, each record once.
"""

import argparse
import hashlib
import json
import time

import confluent_kafka
from confluent_kafka import admin


def digest(message):
    parts = [message.key(), message.value(), repr(message.headers()).encode(), str(message.timestamp()).encode()]
    return hashlib.sha1(b"|".join(b"-" if part is None else part for part in parts)).hexdigest()


def partitions(bootstrap, topics):
    metadata = admin.AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=20)
    return [(topic, index) for topic in topics for index in sorted(metadata.topics[topic].partitions)]


def read_all(bootstrap, topics):
    """Every record that a read_committed reader sees, by partition."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
        "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    places = partitions(bootstrap, topics)
    consumer.assign([confluent_kafka.TopicPartition(*place, 0) for place in places])
    found = {place: [] for place in places}
    ended = set()
    deadline = time.monotonic() + 60
    while len(ended) < len(places) and time.monotonic() < deadline:
        for message in consumer.consume(1000, 0.5):
            place = (message.topic(), message.partition())
            if message.error():
                ended.add(place)
            else:
                found[place].append(digest(message))
    consumer.close()
    return found


def group_consumer(options, bootstrap, reset):
    config = {
        "bootstrap.servers": bootstrap, "group.id": options.group, "enable.auto.commit": False,
        "auto.offset.reset": reset, "group.protocol": options.protocol}
    if options.protocol == "classic":
        config["session.timeout.ms"] = 6000
    return confluent_kafka.Consumer(config)


def read_as_group(options, bootstrap, topics, count, reset, quiet=5):
    """Reads at most `count` records as the group, commits the position in every partition, and leaves."""
    consumer = group_consumer(options, bootstrap, reset)
    consumer.subscribe(topics)
    found = {}
    positions = {}
    total = 0
    last = time.monotonic() + 20
    while total < count and time.monotonic() < last + quiet:
        for message in consumer.consume(min(100, count - total), 0.5):
            if message.error():
                raise SystemExit(f"{bootstrap}: {message.error()}")
            place = (message.topic(), message.partition())
            found.setdefault(place, []).append(digest(message))
            positions[place] = message.offset() + 1
            total += 1
            last = time.monotonic()
    known = [confluent_kafka.TopicPartition(*place) for place in partitions(bootstrap, topics)]
    for place in known:
        place.offset = positions.get((place.topic, place.partition), -1001)
    before = {(p.topic, p.partition): p.offset for p in consumer.committed(known, timeout=20)}
    for place in known:
        if place.offset < 0:
            place.offset = max(before[(place.topic, place.partition)], 0)
    consumer.commit(offsets=known, asynchronous=False)
    consumer.close()
    return found, total


def committed(bootstrap, group, places):
    client = admin.AdminClient({"bootstrap.servers": bootstrap})
    request = confluent_kafka.ConsumerGroupTopicPartitions(
        group, [confluent_kafka.TopicPartition(*place) for place in places])
    answer = client.list_consumer_group_offsets([request])[group].result(20)
    return {(p.topic, p.partition): p.offset for p in answer.topic_partitions}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--topics", required=True)
    parser.add_argument("--alias", default="A.")
    parser.add_argument("--group", required=True)
    parser.add_argument("--protocol", default="classic")
    options = parser.parse_args()
    topics = options.topics.split(",")
    mirrors = [options.alias + topic for topic in topics]

    # The group is known at the target before, as one of its protocol, and nobody is in it.
    early = group_consumer(options, options.target, "earliest")
    early.subscribe(mirrors)
    deadline = time.monotonic() + 20
    while not early.assignment() and time.monotonic() < deadline:
        early.poll(0.2)
    early.close()

    whole = read_all(options.source, topics)
    total = sum(len(records) for records in whole.values())
    first, read = read_as_group(options, options.source, topics, total // 2, "earliest")
    expected = {(options.alias + topic, index): len(first.get((topic, index), [])) for topic, index in whole}
    began = time.monotonic()
    exact = False
    offsets = {}
    while not exact and time.monotonic() < began + 40:
        offsets = committed(options.target, options.group, list(expected))
        exact = offsets == expected
        if not exact:
            time.sleep(0.3)
    # Without an offset of its own the group would stop here.
    second, rest = read_as_group(options, options.target, mirrors, total, "error")
    wrong = [
        f"{topic}-{index}" for (topic, index), records in whole.items()
        if first.get((topic, index), []) + second.get((options.alias + topic, index), []) != records]
    print(json.dumps({
        "records": total, "atSource": read, "atTarget": rest, "wrongPartitions": wrong, "exact": exact,
        "offsets": {f"{topic}-{index}": offset for (topic, index), offset in sorted(offsets.items())}}))


main()
