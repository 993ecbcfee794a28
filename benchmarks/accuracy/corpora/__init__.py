"""The recordings: one reader a corpus. Data and labels are apart, so that no contender can see a label."""
