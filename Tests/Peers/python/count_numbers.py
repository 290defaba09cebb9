"""Counts with librdkafka what is lost, repeated or out of order in a topic whose partitions hold 0, 1, 2, ...

Prints one JSON object and fails unless every partition holds exactly --first up to --count.
"""

import argparse
import collections
import json
import time

import confluent_kafka


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only-lost", action="store_true", help="fail only for records that are missing")
    options = parser.parse_args()
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": options.bootstrap, "group.id": "numbers", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "enable.partition.eof": True, "fetch.wait.max.ms": 100})
    consumer.assign([confluent_kafka.TopicPartition(options.topic, partition, confluent_kafka.OFFSET_BEGINNING)
                     for partition in range(options.partitions)])
    numbers = collections.defaultdict(list)
    pending = set(range(options.partitions))
    deadline = time.monotonic() + 60
    while pending and time.monotonic() < deadline:
        for message in consumer.consume(5000, timeout=0.5):
            if message.error() is None:
                numbers[message.partition()].append(int(message.value()))
            elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                pending.discard(message.partition())
    consumer.close()
    wanted = range(options.first, options.count)
    lost = sum(len(set(wanted) - set(numbers[partition])) for partition in range(options.partitions))
    repeated = sum(len(entries) - len(set(entries)) for entries in numbers.values())
    unordered = sum(entries != sorted(entries) for entries in numbers.values())
    records = sum(len(entries) for entries in numbers.values())
    print(json.dumps({"records": records, "lost": lost, "repeated": repeated, "unordered": unordered, "open": sorted(pending)}))
    if options.only_lost:
        return 1 if pending or lost else 0
    return 1 if pending or lost or repeated or unordered or records != len(wanted) * options.partitions else 0


if __name__ == "__main__":
    raise SystemExit(main())
