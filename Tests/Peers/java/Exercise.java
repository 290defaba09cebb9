import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** Uses a cluster the way Java applications do; the first check that fails ends the run with its reason. */
public class Exercise {
    private static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    /** Recent, because a broker's retention goes by record timestamps. */
    private static final long BASE = System.currentTimeMillis() - 3_600_000;
    private static Map<String, Object> base;

    public static void main(String[] arguments) throws Exception {
        base = new HashMap<>(Map.of("bootstrap.servers", arguments[0]));
        for (int index = 1; index < arguments.length; index++) {
            String[] pair = arguments[index].split("=", 2);
            base.put(pair[0], pair[1]);
        }
        String version = AppInfoParser.getVersion();
        run("codecs", Exercise::codecs);
        run("groups (classic)", () -> groups("classic"));
        if (!version.startsWith("3.")) run("groups (consumer)", () -> groups("consumer"));
        run("transactions", Exercise::transactions);
        run("fencing", Exercise::fencing);
        run("administration", Exercise::administration);
        System.out.println("all checks passed with Java client " + version);
    }

    interface Check { void run() throws Exception; }

    private static void run(String name, Check check) throws Exception {
        long begin = System.nanoTime();
        check.run();
        System.out.printf("ok %s %.2fs%n", name, (System.nanoTime() - begin) / 1e9);
    }

    private static void expect(Object actual, Object wanted, String what) {
        if (!actual.equals(wanted)) throw new AssertionError(what + ": " + actual + " instead of " + wanted);
    }

    private static Map<String, Object> with(Object... pairs) {
        Map<String, Object> config = new HashMap<>(base);
        for (int index = 0; index < pairs.length; index += 2) config.put((String) pairs[index], pairs[index + 1]);
        return config;
    }

    private static KafkaProducer<byte[], byte[]> producer(Object... pairs) {
        return new KafkaProducer<>(with(pairs), new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Object... pairs) {
        Map<String, Object> config = with("auto.offset.reset", "earliest", "enable.auto.commit", "false");
        config.putAll(with(pairs));
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static String create(Admin admin, String name, int partitions) throws Exception {
        String topic = "java-" + RUN + "-" + name;
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        return topic;
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long deadline = System.currentTimeMillis() + 30_000;
        while (records.size() < count && System.currentTimeMillis() < deadline)
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        expect(records.size(), count, "records read");
        return records;
    }

    private static void codecs() throws Exception {
        try (Admin admin = Admin.create(base)) {
            String topic = create(admin, "codecs", 2);
            List<String> wanted = new ArrayList<>();
            for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd"))
                try (var producer = producer("compression.type", codec)) {
                    for (int number = 0; number < 100; number++) {
                        var record = new ProducerRecord<>(topic, 0, BASE + number,
                            number % 5 == 0 ? null : ("k" + number).getBytes(), number % 7 == 0 ? null : (codec + number).getBytes());
                        record.headers().add("h", null).add("h", new byte[] {1}).add("", new byte[0]);
                        producer.send(record);
                        wanted.add(text(record.key()) + "/" + text(record.value()) + "/" + record.timestamp() + "/" + record.headers());
                    }
                }
            try (var consumer = consumer()) {
                consumer.assign(List.of(new TopicPartition(topic, 0)));
                List<String> got = new ArrayList<>();
                for (var record : read(consumer, 500))
                    got.add(text(record.key()) + "/" + text(record.value()) + "/" + record.timestamp() + "/" + record.headers());
                expect(strip(got), strip(wanted), "records");
                expect(consumer.endOffsets(List.of(new TopicPartition(topic, 0))).values().iterator().next(), 500L, "end offset");
                expect(consumer.offsetsForTimes(Map.of(new TopicPartition(topic, 0), BASE + 50))
                    .values().iterator().next().offset(), 50L, "offset by time");
            }
        }
    }

    private static String text(byte[] bytes) { return bytes == null ? "null" : new String(bytes); }

    /** The header collection prints its read-only flag, which differs between producer and consumer. */
    private static List<String> strip(List<String> records) {
        return records.stream().map(text -> text.replaceAll(", isReadOnly = (true|false)", "")).toList();
    }

    private static void groups(String protocol) throws Exception {
        try (Admin admin = Admin.create(base)) {
            String topic = create(admin, "groups-" + protocol, 4);
            String group = "java-" + RUN + "-group-" + protocol;
            try (var producer = producer()) {
                for (int number = 0; number < 200; number++)
                    producer.send(new ProducerRecord<>(topic, number % 4, null, ("" + number).getBytes()));
            }
            Object[] config = protocol.equals("classic") ? new Object[] {"group.id", group}
                : new Object[] {"group.id", group, "group.protocol", "consumer"};
            try (var first = consumer(config); var second = consumer(config)) {
                first.subscribe(List.of(topic));
                second.subscribe(List.of(topic));
                Set<String> values = new TreeSet<>();
                long deadline = System.currentTimeMillis() + 30_000;
                while ((values.size() < 200 || position(first) + position(second) < 200
                        || first.assignment().size() != 2 || second.assignment().size() != 2)
                    && System.currentTimeMillis() < deadline)
                    for (var consumer : List.of(first, second)) {
                        consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(new String(record.value())));
                    }
                expect(values.size(), 200, "distinct records");
                expect(first.assignment().size() + second.assignment().size(), 4, "assigned partitions");
                first.commitSync();
                second.commitSync();
            }
            long committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values().stream()
                .mapToLong(OffsetAndMetadata::offset).sum();
            expect(committed, 200L, "committed offsets");
            admin.deleteConsumerGroups(List.of(group)).all().get();
        }
    }

    /** How far a consumer has read; a rebalance without a commit sends it back to the beginning. */
    private static long position(KafkaConsumer<byte[], byte[]> consumer) {
        return consumer.assignment().stream().mapToLong(partition -> consumer.position(partition, Duration.ofSeconds(5))).sum();
    }

    private static void transactions() throws Exception {
        try (Admin admin = Admin.create(base); var producer = producer("transactional.id", "java-" + RUN)) {
            String topic = create(admin, "transactions", 2);
            String input = create(admin, "input", 1);
            String group = "java-" + RUN + "-txn";
            producer.initTransactions();
            List<String> wanted = new ArrayList<>();
            for (int transaction = 0; transaction < 9; transaction++) {
                producer.beginTransaction();
                for (int number = 0; number < 10; number++)
                    producer.send(new ProducerRecord<>(topic, 0, null, (transaction + "/" + number).getBytes()));
                if (transaction % 3 == 2) {
                    producer.flush();
                    producer.abortTransaction();
                } else {
                    try (var consumer = consumer("group.id", group)) {
                        producer.sendOffsetsToTransaction(
                            Map.of(new TopicPartition(input, 0), new OffsetAndMetadata(transaction, "m")), consumer.groupMetadata());
                    }
                    producer.commitTransaction();
                    for (int number = 0; number < 10; number++) wanted.add(transaction + "/" + number);
                }
            }
            try (var consumer = consumer("isolation.level", "read_committed", "group.id", group)) {
                consumer.assign(List.of(new TopicPartition(topic, 0)));
                consumer.seekToBeginning(consumer.assignment());
                expect(read(consumer, 60).stream().map(record -> text(record.value())).toList(), wanted, "read_committed");
                expect(consumer.committed(Set.of(new TopicPartition(input, 0))).get(new TopicPartition(input, 0)),
                    new OffsetAndMetadata(7, "m"), "offset committed in the transaction");
            }
            try (var consumer = consumer("isolation.level", "read_uncommitted")) {
                consumer.assign(List.of(new TopicPartition(topic, 0)));
                read(consumer, 90);
            }
        }
    }

    private static void fencing() throws Exception {
        try (Admin admin = Admin.create(base)) {
            String topic = create(admin, "fencing", 1);
            var old = producer("transactional.id", "java-fenced-" + RUN);
            old.initTransactions();
            old.beginTransaction();
            old.send(new ProducerRecord<>(topic, new byte[1]));
            old.flush();
            try (var young = producer("transactional.id", "java-fenced-" + RUN)) {
                young.initTransactions();
                try {
                    old.commitTransaction();
                    throw new AssertionError("a fenced producer could commit");
                } catch (ProducerFencedException | InvalidProducerEpochException expected) {
                    old.close(Duration.ZERO);
                }
            }
        }
    }

    private static void administration() throws Exception {
        try (Admin admin = Admin.create(base)) {
            String topic = create(admin, "administration", 2);
            var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            admin.incrementalAlterConfigs(Map.<ConfigResource, Collection<AlterConfigOp>>of(resource, List.of(
                new AlterConfigOp(new ConfigEntry("retention.ms", "777"), AlterConfigOp.OpType.SET)))).all().get();
            long deadline = System.currentTimeMillis() + 10_000;
            String value = "";
            while (!value.equals("777") && System.currentTimeMillis() < deadline)
                value = admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value();
            expect(value, "777", "retention.ms");
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get();
            expect(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size(), 4, "partitions");
            try (var producer = producer()) {
                for (int number = 0; number < 10; number++) producer.send(new ProducerRecord<>(topic, 0, null, new byte[1]));
            }
            var partition = new TopicPartition(topic, 0);
            expect(admin.listOffsets(Map.of(partition, OffsetSpec.latest())).all().get().get(partition).offset(), 10L, "latest");
            expect(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4))).all().get() == null, true, "delete");
            expect(admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).all().get().get(partition).offset(), 4L, "earliest");
            var binding = new AclBinding(new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL),
                new AccessControlEntry("User:bob", "*", AclOperation.READ, AclPermissionType.ALLOW));
            admin.createAcls(List.of(binding)).all().get();
            expect(new ArrayList<>(admin.describeAcls(binding.toFilter()).values().get()), List.of(binding), "ACLs");
            admin.deleteAcls(List.of(binding.toFilter())).all().get();
            expect(admin.describeAcls(AclBindingFilter.ANY).values().get().contains(binding), false, "ACL after deletion");
            if (admin.describeCluster().clusterId().get() == null) throw new AssertionError("no cluster id");
            admin.describeLogDirs(List.of(admin.describeCluster().nodes().get().iterator().next().id())).allDescriptions().get();
            admin.describeProducers(List.of(partition)).all().get();
            admin.listTransactions().all().get();
            admin.deleteTopics(List.of(topic)).all().get();
        }
    }
}
