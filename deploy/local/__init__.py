"""The whole system on one machine without containers: private servers, supervised processes."""
