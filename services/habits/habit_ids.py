"""A habit's id as the outside writes it: an opaque string, which has one spelling only."""

from uuid import UUID


def parse_habit_id(text: str) -> UUID | None:
    """Return the id, or None for text that can be no habit's id."""
    try:
        habit_id = UUID(text)
    except ValueError:
        return None
    return habit_id if str(habit_id) == text else None
