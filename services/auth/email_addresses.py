"""E-mail addresses in one canonical spelling: upper and lower case name the same account."""

import hashlib

from email_validator import EmailNotValidError, validate_email

LONGEST_EMAIL = 254


def canonical_email(text: str) -> str:
    """Return the spelling under which an address is stored.

    Whether mail can be delivered there is not looked at; `.test` is as good as any domain.
    Raises ValueError, with a sentence for the user, for what is not an address.
    """
    try:
        address = validate_email(
            text, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    if "." not in address.ascii_domain:
        raise ValueError("The part after the @-sign needs a dot.")
    return address.normalized.lower()


def email_hash(email: str) -> str:
    """Return what stands for an address where it is not to be kept readable."""
    return hashlib.sha256(email.encode()).hexdigest()
