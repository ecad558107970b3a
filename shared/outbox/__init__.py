"""The outbox: messages stored in the transaction that caused them, delivered at least once."""
