"""What a real device said, and a device that says it again."""
