"""Measures how long a killed mirror of many partitions takes from its start to the first new record at the target.

Prints one JSON object; fails when the median is above --limit seconds.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

import confluent_kafka


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--topics", type=int, default=20)
    parser.add_argument("--partitions", type=int, default=50, help="per topic")
    parser.add_argument("--records", type=int, default=20, help="per partition, before the first start")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--limit", type=float, default=1.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        properties = pathlib.Path(folder) / "mirror.properties"
        topics = [f"t{number}" for number in range(options.topics)]
        sandbox = subprocess.Popen(
            [options.binary, "sandbox", "--clusters", "A,B", "--brokers", "3", "--properties", properties],
            stdout=subprocess.DEVNULL)
        mirror = None
        try:
            while not properties.exists():
                time.sleep(0.02)
            text = properties.read_text().replace("B->A.enabled = true", "B->A.enabled = false")
            properties.write_text(text)
            servers = dict(line.split(" = ", 1) for line in text.splitlines() if "bootstrap" in line)
            source, target = servers["A.bootstrap.servers"], servers["B.bootstrap.servers"]
            admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": source})
            for future in admin.create_topics(
                    [confluent_kafka.admin.NewTopic(topic, options.partitions, 3) for topic in topics]).values():
                future.result()
            producer = confluent_kafka.Producer({"bootstrap.servers": source, "linger.ms": 5})
            for topic in topics:
                for partition in range(options.partitions):
                    for number in range(options.records):
                        producer.produce(topic, value=f"{number}", partition=partition)
                producer.flush(60)
            consumer = confluent_kafka.Consumer({
                "bootstrap.servers": target, "group.id": "restart", "fetch.wait.max.ms": 500,
                "topic.metadata.refresh.interval.ms": 1000})

            def start():
                return subprocess.Popen(
                    [options.binary, "run", properties], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

            mirror = start()
            deadline = time.monotonic() + 120
            places = [(topic, partition) for topic in topics for partition in range(options.partitions)]
            for topic, partition in places:
                place = confluent_kafka.TopicPartition(f"A.{topic}", partition)
                while time.monotonic() < deadline:
                    try:
                        if consumer.get_watermark_offsets(place, timeout=5)[1] >= options.records:
                            break
                    except confluent_kafka.KafkaException:
                        pass
                    time.sleep(0.02)
                else:
                    raise SystemExit(f"{place} is not mirrored in time")
            # Let the progress be written, as it is when a mirror has run for a while.
            time.sleep(3)
            times = []
            for _ in range(options.times):
                mirror.kill()
                mirror.wait()
                topic, partition = random.choice(places)
                place = confluent_kafka.TopicPartition(f"A.{topic}", partition)
                place.offset = consumer.get_watermark_offsets(place, timeout=5)[1]
                producer.produce(topic, value="new", partition=partition)
                producer.flush(10)
                consumer.assign([place])
                consumer.poll(0.3)
                begin = time.monotonic()
                mirror = start()
                message = consumer.poll(30)
                times.append(time.monotonic() - begin)
                if message is None or message.error() is not None or message.value() != b"new":
                    raise SystemExit(f"no new record at {place}: {message and (message.error() or message.value())}")
                consumer.unassign()
                time.sleep(1.5)
            print(json.dumps({
                "partitions": len(places), "restarts": len(times), "medianSeconds": round(statistics.median(times), 3),
                "leastSeconds": round(min(times), 3), "mostSeconds": round(max(times), 3)}))
            return 0 if statistics.median(times) <= options.limit else 1
        finally:
            for process in (mirror, sandbox):
                if process:
                    process.kill()
                    process.wait()


if __name__ == "__main__":
    import confluent_kafka.admin
    raise SystemExit(main())
