"""Writes numbered records to the topics named, at a steady rate, until standard input ends.

Topics whose name ends in 'transactions' are written in transactions, of which some are aborted; the others by an
idempotent producer. At the end it prints one JSON object: how many records each partition holds.
"""

import argparse
import json
import random
import sys
import threading
import time

import confluent_kafka
import numbered


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topics", required=True, help="NAME:PARTITIONS:CODEC, comma separated")
    parser.add_argument("--rate", type=int, default=500, help="records per second and topic")
    parser.add_argument("--base", type=int, required=True, help="timestamp of the first record")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Writer(threading.Thread):
    def __init__(self, options, topic, partitions, codec, stop):
        super().__init__()
        self.topic = topic
        self.next = [0] * partitions
        self.rate = options.rate
        self.base = options.base
        self.stop = stop
        self.random = random.Random(f"{options.seed}/{topic}")
        self.failures = []
        self.aborted = 0
        self.config = {
            "bootstrap.servers": options.bootstrap, "compression.type": codec, "enable.idempotence": True, "linger.ms": 5,
            "delivery.timeout.ms": 600000, "retry.backoff.ms": 20, "topic.metadata.refresh.interval.ms": 2000,
            "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200}
        self.is_transactional = topic.endswith("transactions")

    def run(self):
        try:
            self.write()
        except Exception as error:
            self.failures.append(f"{self.topic}: {error}")

    def write(self):
        begin = time.monotonic()
        sent = 0
        producer = self.producer()
        while not self.stop.is_set():
            count = self.random.randint(1, 60)
            if self.is_transactional:
                producer = self.transaction(producer, count)
            else:
                for number, partition in self.numbers(count, self.next):
                    self.send(producer, number, partition)
                producer.poll(0)
            sent += count
            self.stop.wait(max(0, begin + sent / self.rate - time.monotonic()))
        producer.flush(120)

    def producer(self):
        if not self.is_transactional:
            return confluent_kafka.Producer(self.config)
        producer = confluent_kafka.Producer({
            **self.config, "transactional.id": f"numbers-{self.topic}", "transaction.timeout.ms": 60000,
            "delivery.timeout.ms": 60000})
        producer.init_transactions(120)
        return producer

    def numbers(self, count, following):
        """Deals numbers to the partitions, in runs, counting on in `following`."""
        while count > 0:
            partition = self.random.randrange(len(following))
            run = min(count, self.random.randint(1, 12))
            for _ in range(run):
                yield following[partition], partition
                following[partition] += 1
            count -= run

    def send(self, producer, number, partition, aborted=False):
        content = numbered.value(self.topic, partition, number)
        while True:
            try:
                producer.produce(
                    self.topic, value=b"aborted " + content if aborted else content, key=numbered.key(number),
                    headers=numbered.headers(number) or None, partition=partition,
                    timestamp=numbered.timestamp(self.base, number), on_delivery=self.delivered)
                return
            except BufferError:
                producer.poll(0.05)

    def delivered(self, error, _):
        if error is not None and not self.is_transactional:
            self.failures.append(f"{self.topic}: {error}")

    def transaction(self, producer, count):
        """One transaction; when it fails it is aborted and its numbers come again in a later one."""
        following = list(self.next)
        is_aborted = self.random.random() < 0.25
        try:
            producer.begin_transaction()
            for number, partition in self.numbers(count, following):
                self.send(producer, number, partition, aborted=is_aborted)
            if is_aborted:
                producer.flush(60)
                producer.abort_transaction(60)
                self.aborted += count
                return producer
            while True:
                try:
                    producer.commit_transaction(60)
                    break
                except confluent_kafka.KafkaException as error:
                    if not error.args[0].retriable():
                        raise
            self.next = following
            return producer
        except confluent_kafka.KafkaException as error:
            if error.args[0].txn_requires_abort():
                producer.abort_transaction(60)
                return producer
            self.failures.append(f"{self.topic}: {error}")
            self.stop.set()
            return producer


def main():
    options = arguments()
    stop = threading.Event()
    writers = []
    for entry in options.topics.split(","):
        topic, partitions, codec = entry.split(":")
        writers.append(Writer(options, topic, int(partitions), codec, stop))
    for writer in writers:
        writer.start()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    for writer in writers:
        writer.join()
    failures = [failure for writer in writers for failure in writer.failures]
    print(json.dumps({
        "totals": {writer.topic: writer.next for writer in writers}, "aborted": sum(writer.aborted for writer in writers),
        "failures": failures[:10]}), flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
