"""The key set, and its rotation while tokens are out and replicas are running."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import jwt
import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.serving import make_server

from services.auth.key_ring import KeyRing, NoSigningKey
from services.auth.sealing import private_key_sealer
from services.auth.signing_keys import (
    NextKeyAlreadyPublished,
    create_first_key,
    publish_next_key,
    replace_keys_now,
    stored_keys,
)
from services.habits.app import build_app as build_habits
from shared.database import new_engine, transaction
from shared.http.access_tokens import KEY_SET_SECONDS, LIFETIME, JwksClient
from shared.instants import now
from shared.migrations import migrate
from tests.integration.auth.callers import (
    Caller,
    assert_problem,
    bearer,
    change,
    fetch,
    registered,
    rows,
)
from tests.integration.auth.conftest import SECRET, MakeApp, parts_of

SEALER = private_key_sealer(SECRET)


@pytest.fixture
def engine(app: Flask) -> Engine:
    return parts_of(app).engine


@pytest.fixture
def replica(make_app: MakeApp) -> Callable[[], Flask]:
    """Give a factory of replicas that have just read the keys."""
    return make_app


def kids(app: Flask) -> list[str]:
    answer = fetch(app.test_client(), "/api/.well-known/jwks.json")
    assert answer.status_code == 200
    return [key["kid"] for key in answer.json["keys"]]


def signing_kid(app: Flask) -> str:
    kid: str = jwt.get_unverified_header(Caller(app.test_client()).tokens()["access"])["kid"]
    return kid


def pass_time(database_url: str, span: timedelta) -> None:
    """Let the stored keys grow older."""
    change(
        database_url,
        "UPDATE signing_keys SET signs_from = signs_from - %s, retired_at = retired_at - %s",
        span,
        span,
    )


def test_the_key_set_shows_public_parts_only_and_may_be_cached_for_a_minute(app: Flask) -> None:
    answer = fetch(app.test_client(), "/api/.well-known/jwks.json")

    [key] = answer.json["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert answer.headers["Cache-Control"] == "public, max-age=60"


def test_private_keys_are_stored_sealed(engine: Engine) -> None:
    with engine.connect() as connection:
        [key] = stored_keys(connection)

    assert len(SEALER.decrypt(key.sealed_private_key)) == 32
    with pytest.raises(NoSigningKey, match="SIGNING_KEYS_SECRET"):
        KeyRing(engine, private_key_sealer("another secret")).signer()


def test_a_rotation_publishes_first_signs_later_and_keeps_the_old_key_long_enough(
    app: Flask, engine: Engine, database_url: str, replica: Callable[[], Flask]
) -> None:
    registered(app)
    old = signing_kid(app)
    with transaction(engine) as connection:
        signs_from = publish_next_key(connection, SEALER, now())

    assert signs_from - now() > timedelta(seconds=KEY_SET_SECONDS)
    published = kids(replica())
    assert published[0] == old
    assert len(published) == 2
    assert signing_kid(replica()) == old

    pass_time(database_url, signs_from - now() + timedelta(seconds=1))
    new = signing_kid(replica())
    assert new == published[1]
    assert kids(replica()) == [old, new]

    pass_time(database_url, LIFETIME)
    assert kids(replica()) == [old, new]

    pass_time(database_url, timedelta(minutes=2))
    assert kids(replica()) == [new]


def test_a_token_of_the_old_key_is_good_after_the_new_one_took_over(
    app: Flask, engine: Engine, database_url: str, replica: Callable[[], Flask]
) -> None:
    access = registered(app).tokens()["access"]
    with transaction(engine) as connection:
        signs_from = publish_next_key(connection, SEALER, now())
    pass_time(database_url, signs_from - now() + timedelta(minutes=1))

    assert Caller(replica().test_client()).me(access).status_code == 200


def test_rotating_again_before_the_new_key_signs_is_refused(engine: Engine) -> None:
    with transaction(engine) as connection:
        publish_next_key(connection, SEALER, now())

    with pytest.raises(NextKeyAlreadyPublished), transaction(engine) as connection:
        publish_next_key(connection, SEALER, now())


def test_a_later_rotation_forgets_the_keys_that_are_long_retired(
    engine: Engine, database_url: str
) -> None:
    for _ in range(3):
        with transaction(engine) as connection:
            publish_next_key(connection, SEALER, now())
        pass_time(database_url, timedelta(hours=1))

    assert len(rows(database_url, "SELECT kid FROM signing_keys")) == 2


def test_parallel_rotations_publish_one_key(engine: Engine, database_url: str) -> None:
    def rotate(_number: int) -> bool:
        try:
            with transaction(engine) as connection:
                publish_next_key(connection, SEALER, now())
        except NextKeyAlreadyPublished:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(rotate, range(4))) == [False, False, False, True]
    assert len(rows(database_url, "SELECT kid FROM signing_keys")) == 2


def test_the_first_key_is_created_once(engine: Engine, database_url: str) -> None:
    change(database_url, "DELETE FROM signing_keys")

    def create(_number: int) -> bool:
        with transaction(engine) as connection:
            return create_first_key(connection, SEALER, now())

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(create, range(4))) == [False, False, False, True]


def test_in_an_emergency_the_old_key_is_withdrawn_at_once(
    app: Flask, engine: Engine, replica: Callable[[], Flask]
) -> None:
    ann = registered(app)
    tokens = ann.tokens()
    [old] = kids(app)
    with transaction(engine) as connection:
        replace_keys_now(connection, SEALER, now())

    after = Caller(replica().test_client())
    [new] = kids(replica())
    assert new != old
    assert_problem(after.me(tokens["access"]), 401, "invalid_token")
    refreshed = after.refresh(tokens["refresh"])
    assert after.me(refreshed.json["access"]).status_code == 200


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def key_set_url(app: Flask, engine: Engine) -> Iterator[str]:
    """Serve the key set of an auth whose own copy is always fresh."""
    parts = replace(parts_of(app), key_ring=KeyRing(engine, SEALER, kept_seconds=0))
    app.extensions["auth_parts"] = parts
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/.well-known/jwks.json"
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_service_refuses_a_withdrawn_key_after_a_minute_at_most(
    app: Flask, engine: Engine, key_set_url: str, database: Callable[[str], str]
) -> None:
    access = registered(app).tokens()["access"]
    clock = Clock()
    migrate("habits", habits_url := database("habits"))
    habits_engine = new_engine(habits_url)
    habits = build_habits(habits_engine, JwksClient(key_set_url, clock).find_key).test_client()
    assert habits.get("/api/habit/", headers=bearer(access)).status_code == 200

    with transaction(engine) as connection:
        replace_keys_now(connection, SEALER, now())
    clock.seconds += KEY_SET_SECONDS
    answer = habits.get("/api/habit/", headers=bearer(access))
    habits_engine.dispose()

    assert_problem(answer, 401, "invalid_token")


def test_the_keys_are_given_while_the_database_hangs(engine: Engine) -> None:
    ring = KeyRing(engine, SEALER, kept_seconds=1)
    kid = ring.signer().kid
    with transaction(engine) as connection:
        connection.exec_driver_sql("LOCK TABLE signing_keys IN ACCESS EXCLUSIVE MODE")
        wait_for(lambda: ring.signer().kid == kid and _waits_for_the_lock(engine))
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: ring.signer().kid, range(8))) == {kid}
        assert _waits_for_the_lock(engine)
    _wait_until_read(ring)


def _wait_until_read(ring: KeyRing) -> None:
    """Let no reading go on when the engine is disposed of."""
    ring._keys.newer()


def _waits_for_the_lock(engine: Engine) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessShareLock'"
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(query).scalar_one())


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = now() + timedelta(seconds=20)
    while not condition():
        assert now() < deadline


def test_a_running_replica_follows_within_its_cache_time(engine: Engine) -> None:
    ring = KeyRing(engine, SEALER, kept_seconds=0.3)
    old = ring.signer().kid
    with transaction(engine) as connection:
        replace_keys_now(connection, SEALER, now())

    assert ring.signer().kid == old
    deadline = now() + timedelta(seconds=5)
    while ring.signer().kid == old:
        assert now() < deadline, "the key ring never looked again"
    _wait_until_read(ring)


def test_the_keys_are_not_read_for_every_request(engine: Engine, database_url: str) -> None:
    ring = KeyRing(engine, SEALER)
    kid = ring.signer().kid
    change(database_url, "DELETE FROM signing_keys")

    assert ring.public_jwk(kid) is not None


def test_a_service_that_cannot_sign_is_not_ready(
    replica: Callable[..., Flask], database_url: str
) -> None:
    assert replica().test_client().get("/readyz").status_code == 200
    other_secret = replica(signing_keys_secret="some other secret of 32 letters..")
    answer = fetch(other_secret.test_client(), "/readyz")

    assert answer.status_code == 503
    assert answer.json["checks"] == {"database": "ok", "signing_key": "unavailable"}
