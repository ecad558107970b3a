"""What a user chooses about the gateway; `make run` and compose read it from the same variables."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import SplitResult, urlsplit

import marshmallow as ma
from environs import FileAwareEnv

from shared.process.environment import POSITIVE, PUBLIC_URL, Pattern, optional

ORIGIN = Pattern(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?",
    "CORS_ALLOWED_ORIGINS: each must be like https://example.org, separated by commas",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayChoices:
    """`trusted_proxies`: whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.

    `public_url`: the address the system is known by; None: the one a request was sent to.
    """

    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    public_url: SplitResult | None = None
    register_per_minute: int = 10
    token_per_minute: int = 30

    def __post_init__(self) -> None:
        for origin in self.cors_origins:
            ORIGIN(origin)


def read_gateway_choices(environment: FileAwareEnv) -> GatewayChoices:
    """Read and check the variables. Raises errors that name the variable and the right form."""
    public_url = environment.str("PUBLIC_URL", "", validate=optional(PUBLIC_URL))
    return GatewayChoices(
        cors_origins=_parts(environment, "CORS_ALLOWED_ORIGINS"),
        trusted_proxies=tuple(map(_network, _parts(environment, "TRUSTED_PROXIES"))),
        public_url=urlsplit(public_url.rstrip("/")) if public_url else None,
        register_per_minute=environment.int("RATE_LIMIT_REGISTER_PER_MINUTE", 10, **POSITIVE),
        token_per_minute=environment.int("RATE_LIMIT_TOKEN_PER_MINUTE", 30, **POSITIVE),
    )


def _parts(environment: FileAwareEnv, variable: str) -> tuple[str, ...]:
    value = environment.str(variable, "")
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ma.ValidationError(
            "TRUSTED_PROXIES: each must be a network like 10.0.0.0/8 or 2001:db8::/32, or one"
            " address, separated by commas; the bits after the prefix must be zero"
        ) from None
