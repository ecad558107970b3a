"""The gateway: one nginx configuration for `make run` and for compose, and the health summary."""
