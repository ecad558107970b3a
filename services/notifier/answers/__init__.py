"""Answers to reminders: their buttons, what a press asks of habits, and how a message shows it."""
