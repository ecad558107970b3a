"""The four services. None imports another; each is started as ``python -m services.<name> <process>``."""
