"""Which key signs and which are published, at any instant of a rotation."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import InvalidToken

from services.auth.sealing import private_key_sealer, sealing_key
from services.auth.signing_keys import (
    PUBLISHED_AFTER_SIGNING,
    PUBLISHED_BEFORE_SIGNING,
    SigningKey,
    signing_key_at,
)
from shared.http.access_tokens import KEY_SET_SECONDS, LIFETIME

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def key(kid: str, signs_from: datetime, retired_at: datetime | None = None) -> SigningKey:
    return SigningKey(
        kid=kid,
        public_jwk={"kid": kid},
        sealed_private_key=b"",
        signs_from=signs_from,
        retired_at=retired_at,
    )


def kid_at(keys: list[SigningKey], instant: datetime) -> str | None:
    chosen = signing_key_at(keys, instant)
    return None if chosen is None else chosen.kid


def test_a_new_key_signs_from_its_time_on() -> None:
    keys = [key("old", NOON - 60 * MINUTE, NOON + 16 * MINUTE), key("new", NOON)]

    assert kid_at(keys, NOON - MINUTE) == "old"
    assert kid_at(keys, NOON) == "new"
    assert kid_at(list(reversed(keys)), NOON) == "new"


def test_a_retired_key_does_not_sign_and_is_not_published() -> None:
    retired = key("old", NOON - 60 * MINUTE, NOON)

    assert retired.is_published(NOON - MINUTE)
    assert not retired.is_published(NOON)
    assert kid_at([retired], NOON) is None


def test_without_keys_nothing_signs() -> None:
    assert kid_at([], NOON) is None


def test_a_key_is_published_longer_than_anybody_may_keep_an_older_set() -> None:
    assert timedelta(seconds=2 * KEY_SET_SECONDS) < PUBLISHED_BEFORE_SIGNING


def test_a_key_stays_published_longer_than_its_last_token_lives() -> None:
    assert PUBLISHED_AFTER_SIGNING > LIFETIME


def test_what_is_sealed_opens_with_the_same_secret_and_purpose_only() -> None:
    sealed = sealing_key(b"secret", "one purpose").encrypt(b"text")

    assert sealing_key(b"secret", "one purpose").decrypt(sealed) == b"text"
    for other in (
        sealing_key(b"secret", "another purpose"),
        sealing_key(b"other secret", "one purpose"),
        private_key_sealer("secret"),
    ):
        with pytest.raises(InvalidToken):
            other.decrypt(sealed)
