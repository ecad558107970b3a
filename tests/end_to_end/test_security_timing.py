"""The time of an answer does not tell whether an e-mail address has an account.

Compared by ranks: the likelihood that one kind of answer took longer than another, 0.5 when nothing
tells them apart. The measure of what would tell is a refusal that computes no hash, asked for in
between the others: the same request to the same machine at the same time.
"""

import time
import uuid
from itertools import product

from tests.fakes.spa_client import PASSWORD, SpaClient
from tests.servers.whole_system import System

ROUNDS = 40
# One fewer than the wrong passwords that an account may have before it is locked.
GUESSES_EACH = 4
# Chance alone moves the likelihood of 40 answers of a kind by 0.065 or less, two times in three.
CLEARLY_LONGER = 0.75
MOST_TRIES = 3


def test_the_time_of_an_answer_does_not_tell_an_unknown_email_from_a_wrong_password(
    system: System,
) -> None:
    seen = []
    for _ in range(MOST_TRIES):
        unknown, wrong, without_hash = measure(system)
        by_hash = likelihood_longer(wrong, without_hash) - 0.5
        by_account = abs(likelihood_longer(wrong, unknown) - 0.5)
        seen.append((by_hash, by_account))
        if by_hash > CLEARLY_LONGER - 0.5 and by_account < by_hash / 2:
            return
    raise AssertionError(f"a hash tells by (0.5 is all), an account by: {seen}")


def test_the_ranks_tell_answers_with_and_without_a_hash_apart() -> None:
    with_hash = [0.020 + 0.001 * (number % 7) for number in range(ROUNDS)]
    without = [0.003 + 0.001 * (number % 5) for number in range(ROUNDS)]
    assert likelihood_longer(with_hash, without) == 1
    assert likelihood_longer(without, with_hash) == 0
    assert likelihood_longer(with_hash, with_hash) == 0.5


def measure(system: System) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds that refusals took, in turns: unknown e-mail, wrong password, locked."""
    client = SpaClient(system.gateway_url)
    known = new_addresses()
    unknown = new_addresses()
    for email in known:
        body = {"email": email, "password": PASSWORD}
        assert client.call("POST", "/register/", json=body).status_code == 201
    locked = f"{uuid.uuid4().hex}@example.com"
    while refusal(client, locked)[0] != 429:
        pass
    times: dict[str, list[float]] = {"unknown": [], "wrong": [], "locked": []}
    for turn in range(ROUNDS):
        account = turn % len(known)
        for kind, email in (
            ("unknown", unknown[account]),
            ("wrong", known[account]),
            ("locked", locked),
        ):
            status, seconds = refusal(client, email)
            assert status == (429 if kind == "locked" else 401)
            times[kind].append(seconds)
    return times["unknown"], times["wrong"], times["locked"]


def new_addresses() -> list[str]:
    """Return as many e-mail addresses as the rounds need, all of one length."""
    return [f"{uuid.uuid4().hex}@example.com" for _ in range(-(-ROUNDS // GUESSES_EACH))]


def refusal(client: SpaClient, email: str) -> tuple[int, float]:
    began = time.perf_counter()
    answer = client.call("POST", "/token/", json={"email": email, "password": "a wrong password"})
    return answer.status_code, time.perf_counter() - began


def likelihood_longer(these: list[float], those: list[float]) -> float:
    """Return how likely one of these is longer than one of those (Mann-Whitney's U, scaled)."""
    pairs = list(product(these, those))
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)
