"""One device, its clients and its faults. No socket, no clock of its own."""
