"""Readings a second, from Kafka to alerts, as a ratio against merely reading the topic in plain Python."""
