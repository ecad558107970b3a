"""Pages of a list: `?page=&page_size=`, and the envelope with links to the neighbours.

A page beyond the end is empty. The links are made of the address the client used, so they lead
through the gateway.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import request
from marshmallow.validate import Range

from shared.http.strict_fields import StrictSchema

DEFAULT_PAGE_SIZE = 5
LARGEST_PAGE_SIZE = 100
LAST_PAGE = 1_000_000

_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)


class QueryInteger(ma.fields.Integer):
    """An integer in a query string: digits and nothing else."""

    def _validated(self, value: Any) -> Any:
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class PageQuery(StrictSchema):
    """Which page of a list."""

    page = QueryInteger(load_default=1, validate=Range(1, LAST_PAGE), metadata={"example": 1})
    page_size = QueryInteger(
        load_default=DEFAULT_PAGE_SIZE,
        validate=Range(1, LARGEST_PAGE_SIZE),
        metadata={"example": DEFAULT_PAGE_SIZE},
    )


@dataclass(frozen=True, slots=True)
class PageRequest:
    page: int
    page_size: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


def envelope(asked: PageRequest, count: int, results: Sequence[object]) -> dict[str, Any]:
    """Return the page with the addresses of its neighbours, null where there is none."""
    last_page = max(1, -(-count // asked.page_size))
    following = asked.page + 1 if asked.page < last_page else None
    preceding = min(asked.page - 1, last_page) if asked.page > 1 else None
    return {
        "count": count,
        "next": _address(following, asked.page_size),
        "previous": _address(preceding, asked.page_size),
        "results": results,
    }


def _address(page: int | None, page_size: int) -> str | None:
    if page is None:
        return None
    others = request.args.to_dict()
    asked = {"page": page, "page_size": page_size}
    return f"{request.base_url}?{urlencode(asked | {**others, **asked})}"
