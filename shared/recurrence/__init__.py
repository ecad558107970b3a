"""Which local dates a habit is due on, and which date it is somewhere. No I/O, no clock."""
