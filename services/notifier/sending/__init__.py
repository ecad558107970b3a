"""Sending a message to Telegram, once, within its limits."""
