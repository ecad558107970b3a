"""Days: what was done of a habit on a local date, each a small stream of its own."""
