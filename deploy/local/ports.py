"""Ports of our own on the loopback interface, chosen so that nothing else takes them meanwhile.

They lie below the range from which operating systems draw the source ports of outgoing connections:
a port chosen there could be taken by somebody's connection before our server binds it.
"""

import random
import socket

LOOPBACK = "127.0.0.1"

_FIRST, _LAST = 20_000, 32_000
_WELL_KNOWN = frozenset({25_672})


class NoFreePort(Exception):
    """Hardly possible: the whole range is taken."""


def free_ports(count: int) -> list[int]:
    """Return different ports on which nothing listens now."""
    chosen: list[int] = []
    candidates = list(range(_FIRST, _LAST))
    random.SystemRandom().shuffle(candidates)
    for port in candidates:
        if len(chosen) == count:
            return chosen
        if port not in _WELL_KNOWN and is_free(port):
            chosen.append(port)
    raise NoFreePort(f"no {count} free ports between {_FIRST} and {_LAST}")


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could bind this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
