"""The `vetika` command: embedded Kafka and MongoDB, processes, mail and phone sandboxes, contracts."""
