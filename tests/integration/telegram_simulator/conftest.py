"""One simulator process, emptied for each test that asks; PTB bots that talk to it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import requests
from telegram import Bot
from telegram.request import HTTPXRequest

from tests.fakes.telegram_person import TelegramPerson
from tests.integration.telegram_simulator.simulator_process import (
    TOKEN,
    MakeBot,
    Simulator,
    running_simulator,
)


@pytest.fixture(scope="session")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One process for all tests that need no settings of their own."""
    output = tmp_path_factory.mktemp("simulator") / "output.log"
    with running_simulator(output) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Simulator:
    """The shared simulator without anything of the test before."""
    requests.post(f"{shared_simulator.url}/control/reset", json={}, timeout=5).raise_for_status()
    requests.get(f"{shared_simulator.bot_url}/deleteWebhook", timeout=5).raise_for_status()
    requests.get(
        f"{shared_simulator.bot_url}/getUpdates", params={"allowed_updates": "[]"}, timeout=5
    ).raise_for_status()
    return shared_simulator


@pytest.fixture
def person(simulator: Simulator) -> Iterator[TelegramPerson]:
    acting = TelegramPerson(simulator.url)
    yield acting
    acting.close()


@pytest.fixture(autouse=True)
def _retry_after_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose the type that python-telegram-bot will have, which ends its warning."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
def make_bot(simulator: Simulator) -> MakeBot:
    def make(token: str = TOKEN, read_timeout_seconds: float = 5) -> Bot:
        return Bot(
            token,
            base_url=f"{simulator.url}/bot",
            request=HTTPXRequest(read_timeout=read_timeout_seconds),
            get_updates_request=HTTPXRequest(read_timeout=read_timeout_seconds),
        )

    return make


@pytest.fixture
async def bot(make_bot: MakeBot) -> AsyncIterator[Bot]:
    async with make_bot() as started:
        yield started
