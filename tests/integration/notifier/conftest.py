"""The notifier's parts on a database, a Redis and a simulated Telegram of their own."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis.asyncio import Redis
from sqlalchemy import Engine

from services.notifier.app import build_app
from services.notifier.linking.chat_linking import ChatLinking
from services.notifier.linking.question_limits import QuestionLimits
from services.notifier.redis_scripts import new_async_redis, new_redis
from services.notifier.telegram.client import TelegramClient
from services.notifier.translations import Translations
from shared.database import new_engine
from shared.migrations import migrate
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.api_callers import (
    SECRET,
    Caller,
    FakeBot,
    MakeApp,
    find_key,
    habit_bot,
)
from tests.integration.notifier.arrangements import new_account
from tests.integration.telegram_simulator.simulator_process import TOKEN, running_simulator


@pytest.fixture(scope="module")
def notifier_url(module_database: Callable[[str], str]) -> str:
    """Return the URL of a migrated database, shared by the tests of one file."""
    url = module_database("notifier")
    migrate("notifier", url)
    return url


@pytest.fixture(scope="module")
def engine(notifier_url: str) -> Iterator[Engine]:
    engine = new_engine(notifier_url, pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture
async def redis(redis_database: str) -> AsyncIterator[Redis]:
    """Yield a client of an empty Redis."""
    client = new_async_redis(redis_database)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def _simulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    output = tmp_path_factory.mktemp("simulator") / "output.log"
    with running_simulator(output) as simulator:
        yield simulator.url


@pytest.fixture
def person(_simulator_url: str) -> Iterator[TelegramPerson]:
    """Yield a person on a Telegram without anything of the test before."""
    acting = TelegramPerson(_simulator_url)
    acting.reset()
    yield acting
    acting.close()


@pytest.fixture
def telegram_url(_simulator_url: str, person: TelegramPerson) -> str:
    return _simulator_url


@pytest.fixture
async def telegram(telegram_url: str) -> AsyncIterator[TelegramClient]:
    async with TelegramClient(TOKEN, telegram_url, connections=20) as client:
        yield client


@pytest.fixture
def bot() -> FakeBot:
    return FakeBot()


@pytest.fixture
def make_app(engine: Engine, redis_database: str, bot: FakeBot) -> MakeApp:
    """Give a factory of the HTTP app, some of whose parts may be others than usual."""

    def make(
        bot_name: Callable[[], str] = habit_bot,
        redis_url: str = redis_database,
        database: Engine = engine,
        secret: str = SECRET,
    ) -> Flask:
        limits = QuestionLimits(new_redis(redis_url))
        linking = ChatLinking(database, limits, bot_name, Translations())
        return build_app(linking, find_key, bot.handle, secret, {"always": lambda: True})

    return make


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    return make_app().test_client()


@pytest.fixture
def anna(client: FlaskClient) -> Caller:
    """Return somebody with an account nobody has heard of yet."""
    return Caller(client, new_account())
