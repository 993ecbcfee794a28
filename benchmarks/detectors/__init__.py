"""What the learned detectors cost by themselves: a window of a series, a row of an asset."""
