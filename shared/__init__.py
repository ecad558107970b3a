"""What every service shares: the contracts that cross a border, and the plumbing.

Imports no service.
"""
