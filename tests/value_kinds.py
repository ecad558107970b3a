"""Tells what a value in a message is, so that an example can be compared with the real thing."""

import re
from typing import Any

_FORMS = {
    "an instant": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "a date": r"\d{4}-\d\d-\d\d",
    "a time": r"\d\d:\d\d:\d\d",
    "an id": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "an id and a date": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d{4}-\d\d-\d\d",
    "digits": r"[0-9]+",
}


def kind_of(value: Any, *, otherwise: str = "text") -> str:
    """Name the form of a text, or the type of anything else."""
    if not isinstance(value, str):
        return type(value).__name__
    return next((kind for kind, form in _FORMS.items() if re.fullmatch(form, value)), otherwise)
