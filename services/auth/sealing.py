"""Sealing: what is stored encrypted, under keys derived for one purpose each."""

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def sealing_key(secret: bytes, purpose: str) -> Fernet:
    """Return the cipher for one purpose; the secret must be random: it is not stretched."""
    derived = HKDF(SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)
    return Fernet(base64.urlsafe_b64encode(derived))


def private_key_sealer(secret: str) -> Fernet:
    """Return the cipher that signing keys are stored under."""
    return sealing_key(secret.encode(), "private signing keys")
