"""Webhooks after Standard Webhooks: each endpoint is a cursor over the log, first in, first out."""
