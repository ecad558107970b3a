"""What the HTTP apps of all services have in common."""
