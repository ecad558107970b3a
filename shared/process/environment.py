"""Settings come from the environment only; a secret may come from a file named by `X_FILE`.

A wrong or missing value ends the process at once, with one line that names the variable and never
shows a value.
"""

import sys
from collections.abc import Callable
from typing import TypeVar

import marshmallow as ma
from environs import EnvError, FileAwareEnv

Settings = TypeVar("Settings")

PORT = ma.validate.Range(1, 65535)
POSITIVE = ma.validate.Range(min=1)


def load_settings(read: Callable[[FileAwareEnv], Settings]) -> Settings:
    """Build a service's settings; exit with status 2 and a message when a value is wrong."""
    environment = FileAwareEnv(eager=True, strip_whitespace=True)
    try:
        return read(environment)
    except (EnvError, ma.ValidationError, ValueError) as error:
        sys.exit(f"wrong setting: {error}")
