"""Faults in the middle of what people do: signing in, linking a chat, erasing an account.

The numbers are those of docs/fault-suite.md; each test ends with the checker's invariants.
"""

import os
import random
import subprocess
import sys
import threading
import time

import pytest

from deploy.local.programs import REPOSITORY
from tests.fakes.spa_client import PASSWORD, SpaClient
from tests.faults.arena import Arena
from tests.faults.rig import eventually

WORDS = (
    ("habits", "SELECT 1 FROM habits each WHERE each::text LIKE %s"),
    ("habits", "SELECT 1 FROM events each WHERE each::text LIKE %s"),
    ("scheduler", "SELECT 1 FROM habits each WHERE each::text LIKE %s"),
)
ALIVE = (
    "SELECT 1 FROM habits WHERE account_id = %s AND NOT deleted",
    "SELECT 1 FROM accounts WHERE account_id = %s AND NOT deleted",
)

pytestmark = pytest.mark.timeout(600)


def test_31_keys_are_rotated_and_auth_is_stopped_and_tokens_stay_good(arena: Arena) -> None:
    rig = arena.rig
    with arena.under_load() as load:
        _rotate_keys(arena)
        late_comer = SpaClient.registered(rig.system.gateway_url)
        rig.programs.stop("auth")
        try:
            before = load.workload.journal.acknowledged
            time.sleep(4)
            assert load.workload.journal.acknowledged > before + 5
            assert late_comer.call("GET", "/habit/").status_code == 200
            assert late_comer.call("GET", "/me/").status_code == 503
        finally:
            rig.programs.start("auth")
    assert load.workload.journal.refused == []


def test_33_of_two_chats_with_one_code_one_is_linked_whatever_is_killed(arena: Arena) -> None:
    rig, telegram = arena.rig, arena.telegram
    with arena.under_load():
        client = SpaClient.registered(rig.system.gateway_url)
        chats = [telegram.create_chat(), telegram.create_chat()]
        words = f"/start {client.link_code()}"
        senders = [threading.Thread(target=telegram.say, args=(chat, words)) for chat in chats]
        for sender in senders:
            sender.start()
        for program in ("notifier-bot", "notifier"):
            rig.programs.kill(program)
        for sender in senders:
            sender.join()
        eventually(lambda: client.link_status() == "linked", "one chat is linked", 60)
        telegram.say(chats[0], words)
        telegram.say(chats[1], words)
    chat = int(client.call("GET", "/tg/link/").json()["chat_id"])
    assert chat in chats
    linked = rig.query(
        "notifier", "SELECT count(*) FROM chat_links WHERE account_id = %s", client.id
    )
    assert linked == [(1,)]


def test_34_an_account_is_erased_while_its_habits_are_told_again(arena: Arena) -> None:
    rig, telegram, seen = arena.rig, arena.telegram, arena.seen
    secret = f"Nobody's business {random.randrange(10**9)}"
    with arena.under_load():
        client = SpaClient.registered(rig.system.gateway_url)
        chat = telegram.create_chat()
        telegram.say(chat, f"/start {client.link_code()}")
        eventually(lambda: client.link_status() == "linked", "linked")
        habits = [client.create_habit(action=secret)["id"] for _ in range(10)]
        mine = {client.id, *habits}

        def about_me(message: object) -> bool:
            headers = getattr(message, "headers", {})
            return str(headers.get("cloudEvents:subject")) in mine

        eventually(lambda: seen.replay(about_me, random.Random(1)) >= 10, "all are told")
        erased = threading.Thread(target=_erase, args=(client,))
        erased.start()
        for seed in range(5):
            seen.replay(about_me, random.Random(seed))
        erased.join()
        seen.replay(about_me, random.Random(5))
    for service, words in WORDS:
        assert rig.query(service, words, f"%{secret}%") == [], words
    for alive in ALIVE:
        assert rig.query("scheduler", alive, client.id) == [], alive


def _rotate_keys(arena: Arena) -> None:
    environment = {**os.environ, **arena.rig.system.service_environments["auth"]}
    subprocess.run(
        [sys.executable, "-m", "services.auth", "rotate-keys"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        check=True,
        timeout=60,
    )


def _erase(client: SpaClient) -> None:
    answer = client.call("DELETE", "/me/", json={"password": PASSWORD})
    assert answer.status_code == 204, answer.text
