"""The documentation pages, generated from the code and served as files by the gateway."""
