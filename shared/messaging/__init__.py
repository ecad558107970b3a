"""Publishing to and consuming from the broker."""
