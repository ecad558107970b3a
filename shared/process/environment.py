"""Settings come from the environment only; a secret may come from a file named by `X_FILE`.

A wrong or missing value ends the process at once, with one line that names the variable, says which
form is right, and never shows a value.
"""

import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import marshmallow as ma
from environs import EnvError, FileAwareEnv

Settings = TypeVar("Settings")


def whole_number(at_least: int, at_most: int | None = None) -> dict[str, Any]:
    """Return the options of `environment.int` for a number between two bounds, both allowed."""
    upper = f" to {at_most}" if at_most is not None else " up"
    form = f"must be a whole number from {at_least}{upper}"
    return {
        "validate": ma.validate.Range(at_least, at_most, error=form),
        "error_messages": {"invalid": form},
    }


PORT = whole_number(1, 65535)
POSITIVE = whole_number(1)


class Pattern(ma.validate.Validator):
    """Accepts what matches from its first to its last character; `form` says what that is."""

    def __init__(self, pattern: str, form: str) -> None:
        self._pattern = re.compile(pattern)
        self._form = form

    def __call__(self, value: str) -> str:
        if not self._pattern.fullmatch(value):
            raise ma.ValidationError(self._form)
        return value


def url(*schemes: str, example: str) -> Pattern:
    """Return a validator of URLs with one of the schemes; quotes and spaces are wrong."""
    return Pattern(rf"""(?:{"|".join(schemes)})://[^\s"']+""", f"must be like {example}")


def optional(validator: Pattern) -> Callable[[str], str]:
    """Accept an empty value beside those that the validator accepts."""
    return lambda value: value and validator(value)


HTTP_URL = url("http", "https", example="https://example.org")
DATABASE_URL = url("postgresql", "postgres", example="postgresql://user:password@host:5432/name")
RABBITMQ_URL = url("amqp", "amqps", example="amqp://user:password@host:5672/")
REDIS_URL = url("redis", "rediss", example="redis://:password@host:6379/0")
# Only scheme, host and port: what the API answers at begins with /api/ everywhere.
PUBLIC_URL = Pattern(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?",
    "must be like https://habits.example.org or http://192.0.2.1:8080, without a path",
)


def load_settings(read: Callable[[FileAwareEnv], Settings]) -> Settings:
    """Build a service's settings; end the process with a message when a value is wrong."""
    environment = FileAwareEnv(eager=True, strip_whitespace=True)
    try:
        return read(environment)
    except (EnvError, ma.ValidationError, ValueError) as error:
        sys.exit(f"wrong setting: {error}")
