"""Who is limited, and what counts.

Requests are counted by client address; failed passwords by account, whatever the address, and for
e-mail addresses without an account as well, so that a refusal does not tell whether there is one.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from services.auth.email_addresses import email_hash
from services.auth.rate_windows import Hold, LimitReached, RateWindow, Undecided

FAILED_LOGINS_SPAN_SECONDS = 15 * 60

_LOOK_AGAIN_SECONDS = 0.02


class WrongPassword(Exception):
    """The password is not the account's, there is no such account, or it is disabled."""


class FailedLogins:
    """Counts the wrong passwords of each account.

    A place is held before the check and counted or given back after: parallel guesses cannot
    share a place. Who finds all places held waits for those checks to end, so that parallel
    logins with the right password do not lock one another out.
    """

    def __init__(self, window: RateWindow, *, longest_wait_seconds: float = 3.0) -> None:
        self._window = window
        self._longest_wait_seconds = longest_wait_seconds

    @contextmanager
    def attempt(self, email: str) -> Iterator[None]:
        """Run one check of a password; it counts as failed only if it raises WrongPassword.

        Raises LimitReached.
        """
        hold = self._hold(email_hash(email))
        try:
            yield
        except WrongPassword:
            self._window.settle(hold)
            raise
        except BaseException:
            self._window.give_back(hold)
            raise
        self._window.give_back(hold)

    def _hold(self, subject: str) -> Hold:
        deadline = time.monotonic() + self._longest_wait_seconds
        while True:
            try:
                return self._window.hold(subject)
            except Undecided:
                if time.monotonic() >= deadline:
                    raise LimitReached(1) from None
                time.sleep(_LOOK_AGAIN_SECONDS)


def address_subject(remote_address: str | None) -> str:
    """Return what requests are counted by: an IPv4 address, or the /64 an IPv6 customer owns."""
    try:
        address = ip_address(remote_address or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    return str(address)
