"""What a chat asks other services for by a command, and what it is told when they have replied."""
