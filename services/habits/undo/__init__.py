"""Undoing changes: by events that take back what others did, and name them."""
