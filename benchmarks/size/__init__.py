"""What a sensor costs: memory, disk, network."""
