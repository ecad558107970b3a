"""The notifier: the only service that talks to Telegram; it sends each reminder once."""
