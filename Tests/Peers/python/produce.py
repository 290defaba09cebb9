"""Produces real records with librdkafka: one topic per codec, and one written in transactions, some of them aborted.

Prints one JSON object: records acknowledged per topic, aborted ones apart.
"""

import argparse
import json
import time

import confluent_kafka
import confluent_kafka.admin
import realdata


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", default="real")
    parser.add_argument("--records", type=int, default=1000, help="per topic")
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--codecs", default="none,gzip,snappy,lz4,zstd")
    parser.add_argument("--transactions", type=int, default=0, help="number of transactions; every third is aborted")
    parser.add_argument("--batch", type=int, default=0, help="records per batch; 0: librdkafka's own choice")
    parser.add_argument("--config", action="append", default=[], help="extra client property, key=value")
    parser.add_argument("--create", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def client(options, **extra):
    config = {"bootstrap.servers": options.bootstrap, "linger.ms": 20}
    config.update(item.split("=", 1) for item in options.config)
    config.update(extra)
    if options.batch:
        config["batch.num.messages"] = options.batch
    return config


def create(options, topics):
    admin = confluent_kafka.admin.AdminClient({k: v for k, v in client(options).items() if k != "linger.ms" and k != "batch.num.messages"})
    new = [confluent_kafka.admin.NewTopic(topic, options.partitions, 1) for topic in topics]
    for future in admin.create_topics(new, request_timeout=30).values():
        try:
            future.result()
        except confluent_kafka.KafkaException as error:
            if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def send(producer, topic, records, partitions, failures, first=0):
    def delivered(error, message):
        if error is not None:
            failures.append(f"{topic}: {error}")

    base = int(time.time() * 1000) - 86_400_000
    for number, (key, value, headers) in enumerate(records, first):
        while True:
            try:
                producer.produce(
                    topic, value=value, key=key, headers=headers or None, partition=number % partitions,
                    timestamp=base + number, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1000 == 0:
            producer.poll(0)


def main():
    options = arguments()
    codecs = [codec for codec in options.codecs.split(",") if codec]
    topics = {codec: f"{options.prefix}.{codec}" for codec in codecs}
    transactional = f"{options.prefix}.transactions"
    if options.create:
        create(options, list(topics.values()) + ([transactional] if options.transactions else []))
    failures = []
    summary = {}
    for seed, codec in enumerate(codecs):
        producer = confluent_kafka.Producer(client(options, **{"compression.type": codec, "enable.idempotence": True}))
        send(producer, topics[codec], realdata.records(options.records, seed), options.partitions, failures)
        producer.flush(120)
        summary[topics[codec]] = {"records": options.records}
    if options.transactions:
        producer = confluent_kafka.Producer(client(options, **{
            "compression.type": "lz4", "transactional.id": f"{options.prefix}-producer"}))
        producer.init_transactions(60)
        per = max(1, options.records // options.transactions)
        committed = aborted = 0
        for transaction in range(options.transactions):
            producer.begin_transaction()
            send(producer, transactional, realdata.records(per, transaction), options.partitions, failures, first=transaction * per)
            producer.flush(60)
            if transaction % 3 == 2:
                producer.abort_transaction(60)
                aborted += per
            else:
                producer.commit_transaction(60)
                committed += per
        summary[transactional] = {"records": committed, "aborted": aborted}
    print(json.dumps({"topics": summary, "failures": failures[:10]}))
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
