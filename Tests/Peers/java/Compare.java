import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Compares topics of two clusters record by record with Apache Kafka's own consumer: key, value, headers, timestamp,
 * partition and order. Arguments: source bootstrap, target bootstrap, prefix of remote topics ("-" for none), topics.
 */
public class Compare {
    public static void main(String[] arguments) {
        String prefix = arguments[2].equals("-") ? "" : arguments[2];
        long records = 0;
        List<String> problems = new ArrayList<>();
        for (String topic : arguments[3].split(",")) {
            Map<Integer, List<String>> source = read(arguments[0], topic);
            Map<Integer, List<String>> target = read(arguments[1], prefix + topic);
            for (var entry : source.entrySet()) {
                List<String> wanted = entry.getValue();
                List<String> got = target.getOrDefault(entry.getKey(), List.of());
                records += wanted.size();
                if (wanted.equals(got)) continue;
                int index = 0;
                while (index < Math.min(wanted.size(), got.size()) && wanted.get(index).equals(got.get(index))) index++;
                problems.add(topic + "-" + entry.getKey() + ": " + wanted.size() + " records at the source, " + got.size()
                    + " at the target, first difference at " + index);
            }
            if (!source.keySet().equals(target.keySet())) problems.add(topic + ": partitions " + source.keySet() + ", " + target.keySet());
        }
        problems.forEach(System.out::println);
        System.out.println("{\"records\": " + records + ", \"problems\": " + problems.size() + "}");
        System.exit(problems.isEmpty() && records > 0 ? 0 : 1);
    }

    private static Map<Integer, List<String>> read(String bootstrap, String topic) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed",
            "auto.offset.reset", "earliest", "fetch.max.wait.ms", "100", "max.poll.records", "10000");
        Map<Integer, List<String>> records = new HashMap<>();
        try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                .map(info -> new TopicPartition(topic, info.partition())).toList();
            partitions.forEach(partition -> records.put(partition.partition(), new ArrayList<>()));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long deadline = System.currentTimeMillis() + 60_000;
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                if (System.currentTimeMillis() > deadline) throw new IllegalStateException(topic + ": not read to the end in 60 s");
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200)))
                    records.get(record.partition()).add(text(record));
            }
        }
        return records;
    }

    private static String text(ConsumerRecord<byte[], byte[]> record) {
        StringBuilder text = new StringBuilder().append(record.timestamp()).append('|').append(latin(record.key())).append('|')
            .append(latin(record.value()));
        for (Header header : record.headers()) text.append('|').append(header.key()).append('=').append(latin(header.value()));
        return text.toString();
    }

    private static String latin(byte[] bytes) {
        return bytes == null ? "null" : bytes.length + ":" + new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
    }
}
