"""Uses a cluster the way librdkafka applications do: administration, groups with rebalances, transactions, ACLs.

Each check prints a line; the first one that fails ends the run with its reason.
"""

import argparse
import threading
import time
import uuid

import confluent_kafka
from confluent_kafka import admin

CHECKS = []
# Recent, because a broker's retention goes by record timestamps.
BASE = int(time.time() * 1000) - 3_600_000


def check(function):
    CHECKS.append(function)
    return function


def expect(actual, wanted, what):
    if actual != wanted:
        raise AssertionError(f"{what}: {actual!r} instead of {wanted!r}")


class Context:
    def __init__(self, options):
        self.config = {"bootstrap.servers": options.bootstrap}
        self.config.update(item.split("=", 1) for item in options.config)
        self.run = uuid.uuid4().hex[:8]
        self.admin = admin.AdminClient(self.config)

    def topic(self, name):
        return f"confluent-{self.run}-{name}"

    def create(self, name, partitions=3, **config):
        topic = self.topic(name)
        self.admin.create_topics([admin.NewTopic(topic, partitions, 1, config=config)])[topic].result(30)
        return topic

    def producer(self, **extra):
        return confluent_kafka.Producer({**self.config, "linger.ms": 5, **extra})

    def consumer(self, group, **extra):
        return confluent_kafka.Consumer({
            **self.config, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
            "session.timeout.ms": 6000, **extra})

    def read(self, consumer, count, timeout=20):
        values = []
        deadline = time.monotonic() + timeout
        while len(values) < count and time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                raise AssertionError(f"consumer: {message.error()}")
            values.append(message)
        expect(len(values), count, "records read")
        return values


@check
def topics_and_configs(c):
    topic = c.create("configs", 3, **{"retention.ms": "1234567"})
    metadata = c.admin.list_topics(topic, timeout=10).topics[topic]
    expect(len(metadata.partitions), 3, "partitions")
    resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, topic)
    entries = c.admin.describe_configs([resource])[resource].result(10)
    expect(entries["retention.ms"].value, "1234567", "retention.ms")
    expect(entries["cleanup.policy"].value, "delete", "cleanup.policy")
    change = admin.ConfigEntry("max.message.bytes", "2000000", incremental_operation=admin.AlterConfigOpType.SET)
    c.admin.incremental_alter_configs([admin.ConfigResource(
        admin.ConfigResource.Type.TOPIC, topic, incremental_configs=[change])])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if c.admin.describe_configs([resource])[resource].result(10)["max.message.bytes"].value == "2000000":
            break
    else:
        raise AssertionError("incremental alter had no effect")
    c.admin.create_partitions([admin.NewPartitions(topic, 5)])[topic].result(10)
    expect(len(c.admin.list_topics(topic, timeout=10).topics[topic].partitions), 5, "partitions after growth")
    try:
        c.create("configs")
    except confluent_kafka.KafkaException as error:
        expect(error.args[0].code(), confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS, "second creation")
    else:
        raise AssertionError("a topic was created twice")
    c.admin.delete_topics([topic])[topic].result(10)


@check
def every_codec_with_headers(c):
    topic = c.create("codecs", 1)
    wanted = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        producer = c.producer(**{"compression.type": codec, "enable.idempotence": True})
        for number in range(200):
            headers = [("h", b"1"), ("h", None), ("", b"")]
            producer.produce(topic, key=None if number % 5 == 0 else b"k%d" % number, value=b"v" * number, headers=headers,
                             timestamp=BASE + number, partition=0)
            wanted.append((None if number % 5 == 0 else b"k%d" % number, b"v" * number, headers, BASE + number))
        expect(producer.flush(20), 0, f"{codec}: records not delivered")
    consumer = c.consumer(c.topic("codecs-group"))
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    got = [(m.key(), m.value(), m.headers(), m.timestamp()[1]) for m in c.read(consumer, 1000)]
    expect(got, wanted, "records")
    low, high = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), timeout=10)
    expect((low, high), (0, 1000), "watermarks")
    by_time = consumer.offsets_for_times([confluent_kafka.TopicPartition(topic, 0, BASE + 100)], timeout=10)
    expect(by_time[0].offset, 100, "offset by time")
    consumer.close()


@check
def group_rebalance_commit_and_describe(c):
    topic = c.create("group", 4)
    group = c.topic("members")
    producer = c.producer()
    for number in range(400):
        producer.produce(topic, value=b"%d" % number, partition=number % 4)
    producer.flush(20)
    seen, lock, stop = [], threading.Lock(), threading.Event()

    def member(strategy):
        consumer = c.consumer(group, **{"partition.assignment.strategy": strategy})
        consumer.subscribe([topic])
        while not stop.is_set():
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                with lock:
                    seen.append(int(message.value()))
                commit(consumer)
        # What could not be committed while the group was rebalancing.
        if not commit(consumer):
            commit(consumer)
        consumer.close()

    def commit(consumer):
        try:
            consumer.commit(asynchronous=False)
        except confluent_kafka.KafkaException as error:
            # Between the end of a rebalance at the coordinator and in the client, a commit comes too late.
            late = (confluent_kafka.KafkaError.ILLEGAL_GENERATION, confluent_kafka.KafkaError.REBALANCE_IN_PROGRESS,
                    confluent_kafka.KafkaError.UNKNOWN_MEMBER_ID, confluent_kafka.KafkaError._NO_OFFSET)
            if error.args[0].code() not in late:
                raise
            return False
        return True

    threads = [threading.Thread(target=member, args=("cooperative-sticky",), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with lock:
            if len(set(seen)) == 400:
                break
        time.sleep(0.05)
    described = c.admin.describe_consumer_groups([group])[group].result(10)
    while len(described.members) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        described = c.admin.describe_consumer_groups([group])[group].result(10)
    stop.set()
    for thread in threads:
        thread.join(30)
    expect([thread.is_alive() for thread in threads], [False, False], "members still running")
    expect(len(set(seen)), 400, "distinct records read by the group")
    expect(len(described.members), 2, "members described")
    offsets = c.admin.list_consumer_group_offsets([confluent_kafka.ConsumerGroupTopicPartitions(group)])[group].result(10)
    expect(sorted(p.offset for p in offsets.topic_partitions if p.topic == topic), [100] * 4, "committed offsets")
    if group not in [entry.group_id for entry in c.admin.list_consumer_groups().result().valid]:
        raise AssertionError("the group is not listed")
    reset = confluent_kafka.ConsumerGroupTopicPartitions(group, [confluent_kafka.TopicPartition(topic, 0, 7)])
    # A consumer that closes does not wait until the coordinator has heard of it, and a group with members refuses.
    deadline = time.monotonic() + 30
    while c.admin.describe_consumer_groups([group])[group].result(10).members and time.monotonic() < deadline:
        time.sleep(0.05)
    altered = c.admin.alter_consumer_group_offsets([reset])[group].result(10)
    expect([p.error for p in altered.topic_partitions], [None], "errors of the alteration")
    consumer = c.consumer(group)
    expect(consumer.committed([confluent_kafka.TopicPartition(topic, 0)], timeout=10)[0].offset, 7, "offset after alteration")
    consumer.close()
    c.admin.delete_consumer_groups([group])[group].result(10)


@check
def consumer_protocol_of_kip_848(c):
    topic = c.create("kip848", 4)
    group = c.topic("kip848-members")
    producer = c.producer()
    for number in range(100):
        producer.produce(topic, value=b"%d" % number, partition=number % 4)
    producer.flush(20)
    consumer = confluent_kafka.Consumer({
        **c.config, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False, "group.protocol": "consumer"})
    consumer.subscribe([topic])
    expect(sorted(int(m.value()) for m in c.read(consumer, 100)), list(range(100)), "records")
    consumer.commit(asynchronous=False)
    consumer.close()


@check
def transactions_with_aborts(c):
    topic = c.create("transactions", 2)
    outputs = c.create("outputs", 1)
    producer = c.producer(**{"transactional.id": c.topic("txn")})
    producer.init_transactions(20)
    wanted = []
    for transaction in range(9):
        producer.begin_transaction()
        for number in range(20):
            producer.produce(topic, value=b"%d/%d" % (transaction, number), partition=number % 2)
        if transaction % 3 == 2:
            producer.flush(10)
            producer.abort_transaction(10)
        else:
            producer.commit_transaction(10)
            wanted += [b"%d/%d" % (transaction, number) for number in range(20)]
    group = c.topic("txn-group")
    consumer = c.consumer(group, **{"isolation.level": "read_committed"})
    consumer.subscribe([topic])
    expect(sorted(m.value() for m in c.read(consumer, len(wanted))), sorted(wanted), "read_committed")
    producer.begin_transaction()
    producer.produce(outputs, value=b"done")
    positions = consumer.position(consumer.assignment())
    producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), 10)
    producer.commit_transaction(10)
    committed = consumer.committed(consumer.assignment(), timeout=10)
    expect(sorted(p.offset for p in committed), sorted(p.offset for p in positions), "offsets committed in the transaction")
    consumer.close()
    uncommitted = c.consumer(c.topic("txn-dirty"), **{"isolation.level": "read_uncommitted"})
    uncommitted.subscribe([topic])
    c.read(uncommitted, 180)
    uncommitted.close()


@check
def fencing(c):
    topic = c.create("fencing", 1)
    old = c.producer(**{"transactional.id": c.topic("fenced")})
    old.init_transactions(20)
    old.begin_transaction()
    old.produce(topic, value=b"old")
    old.flush(10)
    new = c.producer(**{"transactional.id": c.topic("fenced")})
    new.init_transactions(20)
    try:
        old.commit_transaction(10)
    except confluent_kafka.KafkaException as error:
        if not error.args[0].fatal() and not error.args[0].txn_requires_abort():
            raise
    else:
        raise AssertionError("a fenced producer could commit")


@check
def records_are_deleted(c):
    topic = c.create("delete", 1)
    producer = c.producer()
    for number in range(50):
        producer.produce(topic, value=b"%d" % number, partition=0)
    producer.flush(10)
    result = c.admin.delete_records([confluent_kafka.TopicPartition(topic, 0, 30)])
    expect(list(result.values())[0].result(10).low_watermark, 30, "low watermark")
    consumer = c.consumer(c.topic("delete-group"))
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    expect(c.read(consumer, 20)[0].offset(), 30, "first offset")
    consumer.close()


@check
def acls(c):
    topic = c.topic("acl")
    binding = admin.AclBinding(admin.ResourceType.TOPIC, topic, admin.ResourcePatternType.LITERAL, "User:alice", "*",
                               admin.AclOperation.READ, admin.AclPermissionType.ALLOW)
    c.admin.create_acls([binding])[binding].result(10)
    everything = admin.AclBindingFilter(admin.ResourceType.TOPIC, topic, admin.ResourcePatternType.ANY, None, None,
                                        admin.AclOperation.ANY, admin.AclPermissionType.ANY)
    expect(c.admin.describe_acls(everything).result(10), [binding], "ACLs")
    c.admin.delete_acls([everything])[everything].result(10)
    expect(c.admin.describe_acls(everything).result(10), [], "ACLs after deletion")


@check
def cluster_description(c):
    description = c.admin.describe_cluster().result(10)
    if not description.cluster_id or not description.nodes:
        raise AssertionError("the cluster has no id or no nodes")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    context = Context(options)
    done = 0
    for function in CHECKS:
        if options.only and options.only != function.__name__:
            continue
        begin = time.monotonic()
        try:
            function(context)
        except Exception as error:
            print(f"FAILED {function.__name__}: {type(error).__name__}: {error}", flush=True)
            return 1
        print(f"ok {function.__name__} {time.monotonic() - begin:.2f}s", flush=True)
        done += 1
    print(f"{done} checks passed")
    return 0 if done else 1


if __name__ == "__main__":
    raise SystemExit(main())
