"""Simulated devices behind real sockets, in a thread of their own."""
