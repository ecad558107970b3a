"""`service-token NAME`: a token for programs of others, with the scopes it names and no more.

It is an access token like any other, signed with the key of the day, so it ends with its time or
with the next rotation of the keys, whichever comes first; there is nothing else to revoke it by.
"""

import argparse
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import jwt

from services.auth.key_ring import KeyRing, Signer
from services.auth.sealing import private_key_sealer
from services.auth.settings import Settings
from shared.database import new_engine
from shared.http.access_tokens import ALGORITHM, AUDIENCE, ISSUER
from shared.instants import now

SCOPES = ("events:read:all",)
_MOST_HOURS = 24 * 30
# No account has an id made of a name.
_NAMES = uuid.UUID("6f0c7a52-6d0e-4a3a-9d5b-6b0d7c1e0a11")


def run_command(settings: Settings, arguments: Sequence[str]) -> int:
    """Run the command as typed, its own name first; return the exit status."""
    options = _parser().parse_args(arguments[1:])
    engine = new_engine(settings.database_url, pool_size=1)
    try:
        signer = KeyRing(engine, private_key_sealer(settings.signing_keys_secret)).signer()
    finally:
        engine.dispose()
    print(service_token(signer, options.name, SCOPES, now(), timedelta(hours=options.hours)))
    return 0


def service_token(
    signer: Signer, name: str, scopes: Sequence[str], at: datetime, lifetime: timedelta
) -> str:
    """Return a signed token with these scopes; its subject follows from the name."""
    claims = {
        "sub": str(uuid.uuid5(_NAMES, name)),
        "type": "access",
        "fresh": False,
        "jti": str(uuid.uuid4()),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": at,
        "exp": at + lifetime,
        "scope": " ".join(scopes),
    }
    return jwt.encode(claims, signer.private_key, ALGORITHM, headers={"kid": signer.kid})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.auth service-token")
    parser.add_argument("name", help="whom the token is for; only for you to know")
    parser.add_argument("--hours", type=_hours, default=24, help=f"1 to {_MOST_HOURS}; default 24")
    return parser


def _hours(text: str) -> int:
    hours = int(text)
    if not 1 <= hours <= _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {_MOST_HOURS}")
    return hours
