"""What is found and what is false, on public recordings with labels: NAB, SKAB and the Tennessee Eastman process."""
