"""librdkafka's mock cluster as a server of its own: several brokers, leader moves, injected errors and delays.

Prints {"bootstrap": "..."} when ready, then takes one JSON command per line on standard input and answers each with {"ok": true}:
  {"do": "topic", "name": "t", "partitions": 4}           {"do": "leader", "name": "t", "partition": 0, "broker": 2}
  {"do": "errors", "api": 0, "codes": [6, 6, 7]}          {"do": "broker_error", "broker": 1, "api": 1, "code": 0, "delay_ms": 700}
  {"do": "delay", "broker": 1, "ms": 300}                 {"do": "down" | "up", "broker": 1}
  {"do": "versions", "api": 1, "min": 4, "max": 11}       {"do": "delete_records", "name": "t", "partition": 0, "offset": 10}
The process ends when its standard input does.
"""

import ctypes
import glob
import json
import os
import sys

import confluent_kafka

POINTER, TEXT, INT, INT16, INT32, INT64, SIZE = (
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int16, ctypes.c_int32, ctypes.c_int64, ctypes.c_size_t)
FUNCTIONS = {
    "rd_kafka_conf_new": (POINTER, []),
    "rd_kafka_conf_set": (INT, [POINTER, TEXT, TEXT, TEXT, SIZE]),
    "rd_kafka_new": (POINTER, [INT, POINTER, TEXT, SIZE]),
    "rd_kafka_mock_cluster_new": (POINTER, [POINTER, INT]),
    "rd_kafka_mock_cluster_bootstraps": (TEXT, [POINTER]),
    "rd_kafka_mock_topic_create": (INT, [POINTER, TEXT, INT, INT]),
    "rd_kafka_mock_partition_set_leader": (INT, [POINTER, TEXT, INT32, INT32]),
    "rd_kafka_mock_push_request_errors_array": (None, [POINTER, INT16, SIZE, POINTER]),
    "rd_kafka_mock_broker_push_request_error_rtts": (INT, [POINTER, INT32, INT16, SIZE, INT, INT]),
    "rd_kafka_mock_broker_set_rtt": (INT, [POINTER, INT32, INT]),
    "rd_kafka_mock_broker_set_down": (INT, [POINTER, INT32]),
    "rd_kafka_mock_broker_set_up": (INT, [POINTER, INT32]),
    "rd_kafka_mock_set_apiversion": (INT, [POINTER, INT16, INT16, INT16]),
    "rd_kafka_mock_partition_delete_records": (INT, [POINTER, TEXT, INT32, INT64]),
    "rd_kafka_mock_cluster_destroy": (None, [POINTER]),
    "rd_kafka_destroy": (None, [POINTER]),
}


def library():
    folder = os.path.join(os.path.dirname(confluent_kafka.__file__), "..", "confluent_kafka.libs")
    loaded = ctypes.CDLL(glob.glob(os.path.join(folder, "librdkafka*"))[0])
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


def main():
    rd = library()
    reason = ctypes.create_string_buffer(512)
    conf = rd.rd_kafka_conf_new()
    rd.rd_kafka_conf_set(conf, b"log_level", b"0", reason, 512)
    client = rd.rd_kafka_new(0, conf, reason, 512)
    if not client:
        raise SystemExit(reason.value.decode())
    cluster = rd.rd_kafka_mock_cluster_new(client, int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    print(json.dumps({"bootstrap": rd.rd_kafka_mock_cluster_bootstraps(cluster).decode()}), flush=True)

    def errors(c):
        codes = c["codes"]
        rd.rd_kafka_mock_push_request_errors_array(cluster, c["api"], len(codes), (INT * len(codes))(*codes))
        return 0

    commands = {
        "topic": lambda c: rd.rd_kafka_mock_topic_create(cluster, c["name"].encode(), c["partitions"], 1),
        "leader": lambda c: rd.rd_kafka_mock_partition_set_leader(cluster, c["name"].encode(), c["partition"], c["broker"]),
        "errors": errors,
        "broker_error": lambda c: rd.rd_kafka_mock_broker_push_request_error_rtts(
            cluster, c["broker"], c["api"], 1, c["code"], c["delay_ms"]),
        "delay": lambda c: rd.rd_kafka_mock_broker_set_rtt(cluster, c["broker"], c["ms"]),
        "down": lambda c: rd.rd_kafka_mock_broker_set_down(cluster, c["broker"]),
        "up": lambda c: rd.rd_kafka_mock_broker_set_up(cluster, c["broker"]),
        "versions": lambda c: rd.rd_kafka_mock_set_apiversion(cluster, c["api"], c["min"], c["max"]),
        "delete_records": lambda c: rd.rd_kafka_mock_partition_delete_records(
            cluster, c["name"].encode(), c["partition"], c["offset"]),
    }
    for line in sys.stdin:
        command = json.loads(line)
        code = commands[command["do"]](command)
        print(json.dumps({"ok": code == 0, "code": code}), flush=True)
    rd.rd_kafka_mock_cluster_destroy(cluster)
    rd.rd_kafka_destroy(client)


if __name__ == "__main__":
    main()
