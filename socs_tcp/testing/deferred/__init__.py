"""Simulated devices in a Twisted reactor, or on a clock."""
