"""ETags and the preconditions that name them (RFC 9110, section 13).

The tag of a habit is its version, so `If-Match` names the version a change is meant for. The
public view is another representation and has a tag of its own.
"""

import re

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_TAGS = re.compile(rf"\s*(?:{_TAG.pattern}\s*(?:,\s*|$))+")
_VERSION = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


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
