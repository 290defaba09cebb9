"""Uses a cluster with kafka-python, a client with protocol code of its own: administration, groups, transactions."""

import argparse
import time
import uuid

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic


def expect(actual, wanted, what):
    if actual != wanted:
        raise AssertionError(f"{what}: {actual!r} instead of {wanted!r}")


def read(consumer, count, timeout=30):
    records = []
    deadline = time.monotonic() + timeout
    while len(records) < count and time.monotonic() < deadline:
        for batch in consumer.poll(timeout_ms=200).values():
            records += batch
    expect(len(records), count, "records read")
    return records


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    options = parser.parse_args()
    run = uuid.uuid4().hex[:8]
    topic, group = f"python-{run}", f"python-group-{run}"
    admin = KafkaAdminClient(bootstrap_servers=options.bootstrap)
    admin.create_topics([NewTopic(name=topic, num_partitions=3, replication_factor=1)])
    print("ok create_topics", flush=True)

    wanted = []
    base = int(time.time() * 1000) - 3_600_000
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        producer = KafkaProducer(bootstrap_servers=options.bootstrap, compression_type=codec, acks="all")
        for number in range(90):
            value = f"{codec}-{number}".encode()
            producer.send(topic, value=value, key=b"k", partition=number % 3, headers=[("h", b"x"), ("h", b"")],
                          timestamp_ms=base + number)
            wanted.append(value)
        producer.flush()
        producer.close()
    print("ok produce", flush=True)

    consumer = KafkaConsumer(topic, bootstrap_servers=options.bootstrap, group_id=group, auto_offset_reset="earliest",
                             enable_auto_commit=False)
    records = read(consumer, len(wanted))
    expect(sorted(r.value for r in records), sorted(wanted), "values")
    expect({tuple(r.headers) for r in records}, {(("h", b"x"), ("h", b""))}, "headers")
    consumer.commit()
    expect(sum(consumer.committed(TopicPartition(topic, p)) for p in range(3)), len(wanted), "committed offsets")
    expect(sum(consumer.end_offsets([TopicPartition(topic, p) for p in range(3)]).values()), len(wanted), "end offsets")
    consumer.close()
    print("ok consume, commit", flush=True)

    producer = KafkaProducer(bootstrap_servers=options.bootstrap, transactional_id=f"python-txn-{run}")
    producer.init_transactions()
    transactional = f"python-txn-{run}"
    admin.create_topics([NewTopic(name=transactional, num_partitions=1, replication_factor=1)])
    for transaction in range(3):
        producer.begin_transaction()
        for number in range(10):
            producer.send(transactional, value=b"%d/%d" % (transaction, number), partition=0)
        producer.flush()
        if transaction == 1:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
    producer.close()
    consumer = KafkaConsumer(transactional, bootstrap_servers=options.bootstrap, auto_offset_reset="earliest",
                             isolation_level="read_committed")
    expect([r.value[:1] for r in read(consumer, 20)], [b"0"] * 10 + [b"2"] * 10, "read_committed")
    consumer.close()
    print("ok transactions", flush=True)
    admin.delete_topics([topic])
    admin.close()
    print("4 checks passed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
