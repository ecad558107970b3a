"""Tells whether the code is still that of an earlier start, so that work on it can be spared."""

import hashlib
from functools import cache

from deploy.local.programs import REPOSITORY

_SOURCES = ("deploy", "services", "shared", "requirements.lock")


@cache
def code_fingerprint() -> str:
    """Return a digest of all files from which the running system is made."""
    digest = hashlib.sha256()
    for source in _SOURCES:
        path = REPOSITORY / source
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(str(file.relative_to(REPOSITORY)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
