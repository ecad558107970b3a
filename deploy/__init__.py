"""How the system is started, documented and tried out; no service imports this package."""
