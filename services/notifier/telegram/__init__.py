"""What speaks with Telegram: the client, its errors, and updates that come in."""
