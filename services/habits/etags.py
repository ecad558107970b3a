"""ETags and the preconditions that name them (RFC 9110, section 13).

The tag of a habit is its version, so `If-Match` names the version a change is meant for. The
public view is another representation and has a tag of its own.
"""

import re
from dataclasses import dataclass

from werkzeug.datastructures import Headers

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_TAGS = re.compile(rf"\s*(?:{_TAG.pattern}\s*(?:,\s*|$))+")
_VERSION = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


class StaleVersion(Exception):
    """It is at none of the versions the client named, but at this one; None if it is not there."""

    def __init__(self, current_version: int | None) -> None:
        super().__init__(current_version)
        self.current_version = current_version


@dataclass(frozen=True, slots=True)
class Precondition:
    """The headers `If-Match` and `If-None-Match` of a request that writes."""

    if_match: str | None = None
    if_none_match: str | None = None

    @classmethod
    def of(cls, headers: Headers) -> "Precondition":
        return cls(headers.get("If-Match"), headers.get("If-None-Match"))

    def check(self, version: int | None) -> None:
        """Raise StaleVersion unless it may be written; `version` is None while it is not there."""
        if self.if_match is not None:
            meant = versions_of_if_match(self.if_match)
            if version is None or (meant is not None and version not in meant):
                raise StaleVersion(version)
        if version is not None and is_known_to_client(self.if_none_match, owner_etag(version)):
            raise StaleVersion(version)


def owner_etag(version: int) -> str:
    return f'"{version}"'


def public_etag(version: int) -> str:
    return f'"{version}-public"'


def versions_of_if_match(header: str | None) -> frozenset[int] | None:
    """Return the versions that `If-Match` allows; None without the header and for `*`.

    A weak tag never matches. A header that cannot be read allows no version: the client meant to
    guard its change, so the change must not happen unguarded.
    """
    if header is None or header.strip() == "*":
        return None
    if not _TAGS.fullmatch(header):
        return frozenset()
    return frozenset(
        int(tag) for weak, tag in _TAG.findall(header) if not weak and _VERSION.fullmatch(tag)
    )


def is_known_to_client(if_none_match: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names the representation, by weak comparison."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    if not _TAGS.fullmatch(if_none_match):
        return False
    return any(f'"{tag}"' == etag for _weak, tag in _TAG.findall(if_none_match))
