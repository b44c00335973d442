"""What an instrument says, and what it has heard. No socket, no clock."""
