"""Which addresses a webhook may lead to: public ones, so that nobody reads our inside through us.

A name is resolved, every address it has is judged, and the connection goes to that very address: a
name that resolves to something else a moment later changes nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

# IPv6 addresses that lead to an IPv4 address: RFC 6052, RFC 3056.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_BITS = 0xFFFFFFFF


class ForbiddenAddress(OSError):
    """The address is none of the public internet's."""


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(
        each.is_global and not each.is_multicast and not each.is_reserved
        for each in _leads_to(address)
    )


def _leads_to(address: IPv4Address | IPv6Address) -> Iterable[IPv4Address | IPv6Address]:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return [address.ipv4_mapped]
        if address.sixtofour is not None:
            return [address, address.sixtofour]
        if address in _NAT64:
            return [IPv4Address(int(address) & _IPV4_BITS)]
    return [address]


def refuse_private_literal(url: str) -> None:
    """Raise ForbiddenAddress for a URL whose host is an address that is not public.

    The HTTP library asks no resolver for what is an address already.
    """
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    if not is_public(host):
        raise ForbiddenAddress(f"{host} is not public")


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only; one that is not makes the whole name forbidden."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises ForbiddenAddress, or OSError for none."""
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, family=family, type=socket.SOCK_STREAM
        )
        results: list[ResolveResult] = []
        for found_family, _, protocol, _, place in found:
            address = str(place[0])
            if not is_public(address):
                raise ForbiddenAddress(f"{host} is not public")
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=found_family,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        return results

    async def close(self) -> None:
        """There is nothing to close."""
