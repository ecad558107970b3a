"""What a personal or a service token looks like.

`hab_` or `hab_svc_`, 30 random base62 characters (178 bits), and 6 that are the CRC-32 of all that
stands before. So a scanner knows one when it sees it, a mistyped one is refused without a look into
the database, and a double click selects it whole.
"""

import re
import secrets
import string
import zlib

PERSONAL = "hab_"
SERVICE = "hab_svc_"

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_CHARACTERS = 30
_CHECK_CHARACTERS = 6
_SHOWN_CHARACTERS = 4
_TOKEN = re.compile(r"hab_(svc_)?[0-9A-Za-z]{36}", re.ASCII)


def new_token(prefix: str) -> str:
    """Return a new token; `prefix` is PERSONAL or SERVICE."""
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    return body + _check(body)


def is_token(text: str) -> bool:
    """Whether a text has the form of a token, its check characters too."""
    if not _TOKEN.fullmatch(text):
        return False
    body = text[:-_CHECK_CHARACTERS]
    return text == body + _check(body)


def beginning(token: str) -> str:
    """Return the first characters, for its owner to know it by."""
    prefix = SERVICE if token.startswith(SERVICE) else PERSONAL
    return token[: len(prefix) + _SHOWN_CHARACTERS]


def _check(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECK_CHARACTERS):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
