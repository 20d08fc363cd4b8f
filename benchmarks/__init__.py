"""What the package costs beside hand-written loops and the machine's limits."""
