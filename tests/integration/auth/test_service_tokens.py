"""Tokens that an operator makes for programs of others."""

import jwt
import pytest
from flask.testing import FlaskClient

from services.auth.service_tokens import run_command
from services.auth.settings import Settings
from shared.http.access_tokens import AUDIENCE, ISSUER


def test_a_service_token_names_its_scope_and_is_signed_like_any_other(
    settings: Settings, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(settings, ["service-token", "reports", "--hours", "2"]) == 0
    token = capsys.readouterr().out.strip()

    keys = client.get("/api/.well-known/jwks.json").get_json()
    claims = jwt.decode(
        token,
        jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]],
        algorithms=["EdDSA"],
        audience=AUDIENCE,
        issuer=ISSUER,
    )

    assert (claims["scope"], claims["type"]) == ("events:read:all", "access")
    assert claims["exp"] - claims["iat"] == 2 * 3600
    with pytest.raises(SystemExit):
        run_command(settings, ["service-token", "reports", "--hours", "9999"])
