"""Loads a real broker and counts at another one, with librdkafka's Python client from .peers.

    broker_load.py load BOOTSTRAP TOPIC PARTITIONS RECORDS BYTES CODEC
    broker_load.py watch BOOTSTRAP TOPIC PARTITIONS RECORDS
    broker_load.py count BOOTSTRAP TOPIC PARTITIONS RECORDS

Prints lines of JSON as bench-broker does. `watch` says when the ends of the partitions no longer move although almost
everything is there: Tansu lists as the end of a partition what follows the first record of its last batch.
"""
import json
import random
import sys
import time

import confluent_kafka
import confluent_kafka.admin

BATCH = 250


def say(event, **values):
    print(json.dumps({"event": event, "time": time.monotonic(), **values}), flush=True)


def text(size):
    """Words and numbers, which compress as log lines do."""
    words = "order payment customer shipped pending created updated failed session cart item total currency".split()
    chance = random.Random(7)
    parts = []
    length = 0
    while length < size:
        part = f"{chance.choice(words)}={chance.getrandbits(24):x} "
        parts.append(part)
        length += len(part)
    return "".join(parts).encode()[:size]


def load(bootstrap, topic, partitions, records, size, codec):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": bootstrap})
    new = confluent_kafka.admin.NewTopic(topic, partitions, 1)
    for future in admin.create_topics([new], request_timeout=30).values():
        future.result()
    failures = []
    producer = confluent_kafka.Producer({
        "bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": True, "linger.ms": 50,
        "batch.size": 2_000_000, "batch.num.messages": BATCH, "queue.buffering.max.messages": 50_000,
        "delivery.report.only.error": True, "on_delivery": lambda error, message: error and failures.append(str(error)),
    })
    source = text(1 << 22)
    value_size = size - 16
    position = 0
    for number in range(records):
        if position + value_size > len(source):
            position = number % 997
        value = source[position:position + value_size]
        position += value_size
        while True:
            try:
                # Runs of one partition, so that batches are full.
                producer.produce(topic, value, f"key-{number % 5000}", partition=number // BATCH % partitions)
                break
            except BufferError:
                producer.poll(0.05)
    producer.flush(120)
    if failures or len(producer):
        return say("failed", reason=f"{len(producer)} records not delivered, {failures[:1]}")
    say("loaded", records=records)


def watch(bootstrap, topic, partitions, records):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-watch"})
    assignments = [confluent_kafka.TopicPartition(topic, index) for index in range(partitions)]
    total, since = -1, time.monotonic()
    say("watching")
    while True:
        now = 0
        for partition in assignments:
            try:
                now += max(0, consumer.get_watermark_offsets(partition, timeout=10)[1])
            except confluent_kafka.KafkaException:
                pass  # The mirror has not created the topic yet.
        if now != total:
            total, since = now, time.monotonic()
            if total >= records:
                break
        elif total >= records - BATCH * partitions and time.monotonic() - since > 0.3:
            break
        time.sleep(0.01)
    print(json.dumps({"event": "done", "time": since, "records": total}), flush=True)
    consumer.close()


def count(bootstrap, topic, partitions, records):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": "bench-count", "enable.auto.commit": False, "check.crcs": True,
        "auto.offset.reset": "earliest", "fetch.wait.max.ms": 50, "queued.min.messages": 20_000,
    })
    consumer.assign([confluent_kafka.TopicPartition(topic, index, 0) for index in range(partitions)])
    found, since = 0, time.monotonic()
    while time.monotonic() - since < (1 if found >= records else 15):
        messages = [message for message in consumer.consume(5000, 0.2) if message.error() is None]
        if messages:
            found, since = found + len(messages), time.monotonic()
    say("counted", records=found)
    consumer.close()


if __name__ == "__main__":
    command, bootstrap, topic, partitions, records, *rest = sys.argv[1:]
    try:
        if command == "load":
            load(bootstrap, topic, int(partitions), int(records), int(rest[0]), rest[1])
        else:
            {"watch": watch, "count": count}[command](bootstrap, topic, int(partitions), int(records))
    except Exception as error:  # Whatever it is, the bench must hear of it.
        say("failed", reason=f"{command}: {error}")
        sys.exit(1)
