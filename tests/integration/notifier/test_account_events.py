"""Accounts as the notifier takes them over: in any order, and erased for good."""

import pytest
from sqlalchemy import Engine

from services.notifier.account_events import AccountEvents
from services.notifier.accounts import Account, share_account
from shared.database import transaction
from tests.integration.notifier.arrangements import account_delivery, new_account


@pytest.fixture
def account_id() -> str:
    return new_account()


async def take(engine: Engine, account_id: str, **changed: object) -> None:
    await AccountEvents(engine).handle(account_delivery(account_id, **changed))


def known(engine: Engine, account_id: str) -> Account:
    with transaction(engine) as connection:
        return share_account(connection, account_id)


def test_an_account_that_is_not_known_yet_speaks_english(engine: Engine, account_id: str) -> None:
    assert known(engine, account_id) == Account(account_id, "en", deleted=False)


async def test_the_newest_language_wins_in_any_order(engine: Engine, account_id: str) -> None:
    known(engine, account_id)
    await take(engine, account_id, version=3, locale="ru")
    await take(engine, account_id, version=2, locale="en")
    await take(engine, account_id, version=3, locale="en")
    assert known(engine, account_id).locale == "ru"
    await take(engine, account_id, version=4, locale="en")
    assert known(engine, account_id).locale == "en"


@pytest.mark.parametrize("version", [1, 2, 9])
async def test_an_erased_account_stays_erased(
    engine: Engine, account_id: str, version: int
) -> None:
    await take(engine, account_id, version=2, deleted=True)
    await take(engine, account_id, version=version)
    assert known(engine, account_id).deleted
