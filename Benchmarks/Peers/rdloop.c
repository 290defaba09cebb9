/* rdloop SOURCE TARGET FROM_TOPIC TO_TOPIC PARTITIONS CODEC: consume and produce with librdkafka, as fast as it goes.
 *
 * The peer of the mirror: no groups, no offsets stored, no records looked at. Payloads are not copied: a consumed
 * message stays until its copy in the producer's batch is acknowledged. Ends on SIGTERM. */
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stopped = 0;

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    (void)opaque;
    if (message->err) {
        fprintf(stderr, "not delivered: %s\n", rd_kafka_err2str(message->err));
        exit(1);
    }
    rd_kafka_message_destroy(message->_private);
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    const char *from = argv[3];
    int partitions = atoi(argv[5]);
    char why[512];
    signal(SIGTERM, stop);
    signal(SIGINT, stop);

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", argv[1]);
    set(conf, "group.id", "rdloop");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.auto.offset.store", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "isolation.level", "read_committed");
    set(conf, "check.crcs", "true");
    set(conf, "fetch.min.bytes", "1");
    set(conf, "fetch.wait.max.ms", "100");
    set(conf, "fetch.error.backoff.ms", "10");
    set(conf, "fetch.message.max.bytes", "4194304");
    set(conf, "fetch.max.bytes", "16777216");
    set(conf, "queued.min.messages", "200000");
    set(conf, "queued.max.messages.kbytes", "65536");
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);

    conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", argv[2]);
    set(conf, "acks", "all");
    set(conf, "enable.idempotence", "true");
    set(conf, "compression.codec", argv[6]);
    set(conf, "linger.ms", "5");
    set(conf, "batch.size", "262144");
    set(conf, "batch.num.messages", "100000");
    set(conf, "queue.buffering.max.messages", "1000000");
    set(conf, "queue.buffering.max.kbytes", "131072");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!consumer || !producer) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    rd_kafka_topic_t *target = rd_kafka_topic_new(producer, argv[4], NULL);

    rd_kafka_topic_partition_list_t *assignment = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) rd_kafka_topic_partition_list_add(assignment, from, i)->offset = 0;
    rd_kafka_assign(consumer, assignment);
    rd_kafka_topic_partition_list_destroy(assignment);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);

    enum { BATCH = 4096 };
    static rd_kafka_message_t *messages[BATCH];
    while (!stopped) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 20, messages, BATCH);
        for (ssize_t i = 0; i < count; i++) {
            rd_kafka_message_t *m = messages[i];
            if (m->err) {
                if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) fprintf(stderr, "%s\n", rd_kafka_message_errstr(m));
                rd_kafka_message_destroy(m);
                continue;
            }
            /* The timestamp and headers need producev; a plain produce is faster, and the peer shall be fast. */
            while (rd_kafka_produce(target, m->partition, 0, m->payload, m->len, m->key, m->key_len, m) == -1) {
                if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                    fprintf(stderr, "%s\n", rd_kafka_err2str(rd_kafka_last_error()));
                    return 1;
                }
                rd_kafka_poll(producer, 10);
                if (stopped) return 0;
            }
        }
        rd_kafka_poll(producer, 0);
    }
    return 0;
}
