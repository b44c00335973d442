"""What pyserial looks into for ``socket://`` under the switch, before its own."""
