"""A record of what a real device said, and a device that repeats it."""
