"""Every request the Bot API received, for the tests that count them: in memory and as a journal.

A record says when the request came and, once settled, what became of it. "Recorded" means that
it took effect: the message is in the chat, whatever the bot was answered. The journal's line is
flushed before the answer leaves.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

KEPT_RECORDS = 200_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times are Unix seconds; `status` is None where the bot got no answer."""

    recorded_at_seconds: float | None = None
    fault: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """`outcome` is None as long as the request is on its way."""

    id: int
    received_at_seconds: float
    connection_id: int
    method: str
    chat_id: str | None
    text: str | None
    parameters: Mapping[str, str]
    outcome: Outcome | None = None

    @property
    def recorded(self) -> bool:
        return self.outcome is not None and self.outcome.recorded_at_seconds is not None

    def as_json(self) -> dict[str, Any]:
        """Flatten the record and its outcome, as the control API and the journal show it."""
        content = asdict(self)
        del content["outcome"]
        outcome = asdict(self.outcome or Outcome())
        return {**content, **outcome, "recorded": self.recorded, "settled": bool(self.outcome)}


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """All that is not None must hold."""

    method: str | None = None
    chat_id: str | None = None
    text_contains: str | None = None
    recorded: bool | None = None
    after_id: int = 0

    def matches(self, record: RequestRecord) -> bool:
        return (
            record.id > self.after_id
            and (self.method is None or record.method.lower() == self.method.lower())
            and (self.chat_id is None or record.chat_id == self.chat_id)
            and (self.text_contains is None or self.text_contains in (record.text or ""))
            and (self.recorded is None or record.recorded == self.recorded)
        )


class RequestLog:
    """The newest records in the order of their arrival."""

    def __init__(self, journal: Path | None = None) -> None:
        self._ids = itertools.count(1)
        self._records: dict[int, RequestRecord] = {}
        self._journal: IO[str] | None = None
        if journal is not None:
            self._journal = journal.open("a", encoding="utf-8")

    def receive(
        self, method: str, parameters: Mapping[str, str], connection_id: int, at: float
    ) -> RequestRecord:
        """Note a request that has just come."""
        record = RequestRecord(
            id=next(self._ids),
            received_at_seconds=at,
            connection_id=connection_id,
            method=method,
            chat_id=parameters.get("chat_id"),
            text=parameters.get("text"),
            parameters=_without_secrets(parameters),
        )
        self._records[record.id] = record
        if len(self._records) > KEPT_RECORDS:
            del self._records[next(iter(self._records))]
        return record

    def settle(self, record: RequestRecord, outcome: Outcome) -> None:
        """Say what became of a request; its line of the journal is out afterwards."""
        settled = replace(record, outcome=outcome)
        if record.id in self._records:
            self._records[record.id] = settled
        if self._journal is not None:
            self._journal.write(json.dumps(settled.as_json()) + "\n")
            self._journal.flush()

    def find(self, wanted: RecordFilter) -> Iterator[RequestRecord]:
        return filter(wanted.matches, self._records.values())

    def clear(self) -> None:
        """Forget the records in memory; ids and the journal go on."""
        self._records.clear()


def _without_secrets(parameters: Mapping[str, str]) -> dict[str, str]:
    return {k: "..." if k == "secret_token" else v for k, v in parameters.items()}
