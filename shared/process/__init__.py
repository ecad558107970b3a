"""What a process is made of: its start, its end, its own HTTP answers, its logs."""
