"""From a reading that exceeds its limit, as it is produced, to its alert, as it is received: on a real Kafka."""
