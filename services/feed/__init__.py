"""The feed: every public event in one order, to be read from the first one on."""
