"""What many series and several processes cost: snapshots, restarts, memory, and the work of each process."""
