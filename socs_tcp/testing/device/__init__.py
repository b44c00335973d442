"""What an instrument answers, and what it has received. No socket, no clock."""
