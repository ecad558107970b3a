"""What was measured, as tables of Markdown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, how much it was, and how many times as much ours is."""

    name: str
    result: str
    ratio: str = ""


def as_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a heading and a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join([f"### {title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def rows_as_table(title: str, rows: Sequence[Row]) -> str:
    """Return a heading and a table of rows with their ratios."""
    head = ("what", "median", "ours is so many times that")
    return as_table(title, head, [(row.name, row.result, row.ratio) for row in rows])


def ratio_text(ours: Sequence[float], others: Sequence[float]) -> str:
    """Return the median of the rounds' ratios, with the least and the most of them."""
    ratios = [our / other for our, other in zip(ours, others, strict=True)]
    least, most = min(ratios), max(ratios)
    return f"{statistics.median(ratios):.2f} ({least:.2f} to {most:.2f})"
