"""Who asks, and for which habit: what every route of the service reads out of a request."""

from uuid import UUID

from services.habits.habit import HabitNotFound
from services.habits.habit_ids import parse_habit_id
from shared.http.access_tokens import current_account_id, invalid_token


def current_account() -> UUID:
    """Return the account of the access token. Raises Problem 401."""
    try:
        return UUID(current_account_id())
    except ValueError as error:
        raise invalid_token() from error


def habit_id_of(text: str) -> UUID:
    """Return the habit's id in a path. Raises HabitNotFound for text that can be none."""
    habit_id = parse_habit_id(text)
    if habit_id is None:
        raise HabitNotFound
    return habit_id
