"""A portable account: everything of it as a file, and files of ours or of others taken in."""
