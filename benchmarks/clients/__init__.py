"""What is measured: who asks, each in a process of its own."""
