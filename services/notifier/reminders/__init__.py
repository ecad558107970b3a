"""Reminders: from the queue to their end in the ledger."""
