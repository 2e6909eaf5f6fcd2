"""Hosting by several organizations: who runs what, a folder for each, and rights in Kafka."""
