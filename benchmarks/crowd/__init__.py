"""Many devices polled by one process; ``python -m benchmarks.crowd`` runs one kind."""
