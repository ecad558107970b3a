"""A Telegram for development: the Bot API, a page to be a person on, and faults on demand.

It serves `make run` without a bot token and the tests; no service imports it.
"""
