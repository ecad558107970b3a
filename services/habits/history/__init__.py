"""What happened to habits and their days, in one order, and how a habit was at an instant."""
