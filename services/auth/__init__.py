"""Accounts, sign-in, and the keys of the access tokens. Personal data never leaves this service."""
