"""The faults, and when they happen."""
