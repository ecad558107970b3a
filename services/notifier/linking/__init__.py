"""Linking an account with the one chat that gets its reminders."""
