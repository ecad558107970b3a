"""The web app's tools: Node from the Python lock, npm from its own, and the files they make."""
