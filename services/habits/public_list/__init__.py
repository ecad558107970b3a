"""Everybody's published habits: listed, searched, and copied by others."""
