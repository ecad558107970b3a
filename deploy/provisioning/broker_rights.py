"""What each service's user may do on the broker: use its own names, and tell its own events.

A queue of another service can be neither read nor declared, and nobody can speak in the name of
another service on the exchange `events`. What stays open: `amq.default`, the exchange that leads
straight to a queue and that retries need, knows no limits by queue.
"""

from dataclasses import dataclass

from shared.contracts.topology import EVENTS_EXCHANGE

_EVERYTHING = ".*"


@dataclass(frozen=True, slots=True)
class BrokerRights:
    """Patterns: names a user may declare, write to and read, and types of events it may tell.

    `reads`: the names it may read, where they are others.
    """

    names: str = _EVERYTHING
    published_types: str = _EVERYTHING
    reads: str = ""

    def on_names(self) -> dict[str, str]:
        """Return the broker's `permissions`."""
        return {"configure": self.names, "write": self.names, "read": self.reads or self.names}

    def on_events(self) -> dict[str, str]:
        """Return the broker's `topic permissions`; whoever has a queue may bind it to any event."""
        return {
            "exchange": EVENTS_EXCHANGE,
            "write": self.published_types,
            "read": _EVERYTHING,
        }


RIGHTS_OF_SERVICES = {
    "auth": BrokerRights(r"^(events|amq\.default|auth\..*)$", r"^account\."),
    "habits": BrokerRights(r"^(events|amq\.default|habits\..*)$", r"^habit\."),
    "scheduler": BrokerRights(
        r"^(events|amq\.default|scheduler\..*|reminders(\..*)?)$", r"^reminder\.(due|missed)\."
    ),
    "notifier": BrokerRights(
        r"^(events|amq\.default|notifier\..*|reminders(\..*)?|telegram\..*)$",
        r"^(telegram|reminder\.(sent|failed))\.",
    ),
    # It listens to everything and says nothing.
    "feed": BrokerRights(r"^(events|amq\.default|feed\..*)$", r"^$"),
}
