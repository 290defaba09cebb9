print("kafka-mirror")
