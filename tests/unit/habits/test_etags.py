"""Which versions `If-Match` allows and what `If-None-Match` knows."""

import pytest

from services.habits.etags import (
    is_known_to_client,
    owner_etag,
    public_etag,
    versions_of_if_match,
)

IF_MATCH: dict[str, tuple[str | None, frozenset[int] | None]] = {
    "no header allows every version": (None, None),
    "a star allows every version": (" * ", None),
    "a tag allows its version": ('"7"', frozenset({7})),
    "a list allows each of its versions": ('"7" ,"8",  "9"', frozenset({7, 8, 9})),
    "a weak tag never matches": ('W/"7"', frozenset()),
    "a strong tag beside a weak one counts": ('W/"7", "8"', frozenset({8})),
    "the public tag names no version": ('"7-public"', frozenset()),
    "a tag of another server names no version": ('"a,b"', frozenset()),
    "a number without quotes is no tag": ("7", frozenset()),
    "an open quote is no tag": ('"7', frozenset()),
    "an empty header allows nothing": ("", frozenset()),
    "rubbish beside a tag spoils the header": ('"7" or so', frozenset()),
    "a version has no leading zero": ('"07"', frozenset()),
}


@pytest.mark.parametrize(("header", "versions"), IF_MATCH.values(), ids=IF_MATCH.keys())
def test_if_match(header: str | None, versions: frozenset[int] | None) -> None:
    assert versions_of_if_match(header) == versions


IF_NONE_MATCH: dict[str, tuple[str | None, bool]] = {
    "no header knows nothing": (None, False),
    "a star knows everything": ("*", True),
    "the tag is known": ('"7"', True),
    "a weak tag is as good": ('W/"7"', True),
    "one of a list is enough": ('"6", W/"7"', True),
    "another tag is another version": ('"6"', False),
    "the public tag is another representation": ('"7-public"', False),
    "rubbish knows nothing": ('"7', False),
}


@pytest.mark.parametrize(("header", "known"), IF_NONE_MATCH.values(), ids=IF_NONE_MATCH.keys())
def test_if_none_match(header: str | None, known: bool) -> None:  # noqa: FBT001
    assert is_known_to_client(header, owner_etag(7)) is known


def test_the_two_views_of_a_habit_have_different_tags() -> None:
    assert owner_etag(7) == '"7"'
    assert public_etag(7) == '"7-public"'


def test_a_header_made_to_be_slow_is_read_at_once() -> None:
    assert versions_of_if_match('"a",' * 2000 + '"') == frozenset()
    assert versions_of_if_match(" " * 10_000 + '"') == frozenset()
