"""What `make run` and compose give the servers: databases, broker rights, secrets."""
