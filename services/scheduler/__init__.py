"""The scheduler: a schedule kept from other services' events; announces each reminder once."""
