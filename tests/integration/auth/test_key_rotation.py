"""The key set, and its rotation while tokens are out and replicas are running."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from flask import Flask
from sqlalchemy import Engine

from services.auth.key_ring import KeyRing, NoSigningKey
from services.auth.sealing import private_key_sealer
from services.auth.signing_keys import (
    NextKeyAlreadyPublished,
    create_first_key,
    publish_next_key,
    replace_keys_now,
    stored_keys,
)
from shared.database import transaction
from shared.http.access_tokens import CACHE_SECONDS, LIFETIME
from shared.instants import now
from tests.integration.auth.callers import Caller, assert_problem, change, fetch, registered, rows
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

    assert signs_from - now() > timedelta(seconds=CACHE_SECONDS)
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


def test_a_running_replica_follows_within_its_cache_time(engine: Engine) -> None:
    ring = KeyRing(engine, SEALER, cache_seconds=0.3)
    old = ring.signer().kid
    with transaction(engine) as connection:
        replace_keys_now(connection, SEALER, now())

    assert ring.signer().kid == old
    deadline = now() + timedelta(seconds=5)
    while ring.signer().kid == old:
        assert now() < deadline, "the key ring never looked again"


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
