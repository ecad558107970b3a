"""Habits: event-sourced, with a read model written in the same transaction."""
