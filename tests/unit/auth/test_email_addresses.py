"""One spelling for every way to write an address."""

import pytest

from services.auth.email_addresses import canonical_email


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann.Smith+Habits@EXAMPLE.Com", "ann.smith+habits@example.com"),
        ("ann@habits.test", "ann@habits.test"),
        ("анна@пример.рф", "анна@пример.рф"),
        ("Анна@ПРИМЕР.рф", "анна@пример.рф"),
        ("anne\u0301@example.com", "ann\u00e9@example.com"),
    ],
)
def test_case_and_unicode_form_do_not_matter(text: str, canonical: str) -> None:
    assert canonical_email(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@localhost",
        "ann@test",
        "ann@example..com",
        "ann@example.com\n",
        "ann smith@example.com",
        "Ann <ann@example.com>",
        "ann@[127.0.0.1]",
        "a" * 65 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\."):
        canonical_email(text)
