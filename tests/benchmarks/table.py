"""How results are printed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, and how much it was."""

    name: str
    result: str


def as_text(title: str, rows: list[Row]) -> str:
    """Return a title and a line for each row."""
    return "\n".join([title, *(f"  {row.name:<28} {row.result}" for row in rows), ""])
