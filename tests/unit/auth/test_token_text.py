"""Personal and service tokens are known by their form, and a mistyped one is none."""

import re

import pytest

from services.auth.token_text import PERSONAL, SERVICE, beginning, is_token, new_token


@pytest.mark.parametrize("prefix", [PERSONAL, SERVICE])
def test_a_token_has_its_form_and_no_two_are_alike(prefix: str) -> None:
    tokens = {new_token(prefix) for _ in range(100)}

    assert len(tokens) == 100
    for token in tokens:
        assert re.fullmatch(prefix + "[0-9A-Za-z]{36}", token)
        assert is_token(token)
        assert token.startswith(beginning(token))
        assert len(beginning(token)) == len(prefix) + 4


def test_the_check_characters_are_the_crc_32_in_base62() -> None:
    # CRC-32 of `hab_` and thirty zeros, in base62 with digits, capitals, small letters.
    assert is_token("hab_" + "0" * 30 + "1VX2KC")


def test_a_token_with_one_character_changed_is_none() -> None:
    token = new_token(PERSONAL)

    for place in range(len(token)):
        other = "1" if token[place] != "1" else "2"
        assert not is_token(token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("text", ["", "hab_", "hab_" + "0" * 36, "eyJ.a.b", "hab_" + "é" * 36])
def test_other_texts_are_none(text: str) -> None:
    assert not is_token(text)
