"""What an account's days come to: streaks, rates and a score, judged by the schedules of then."""
