"""`/api/me/tokens/`: tokens that the account's owner makes for programs."""

import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, ClassVar

from flask.typing import ResponseReturnValue
from flask.views import MethodView
from flask_jwt_extended import jwt_required
from sqlalchemy import Connection

from services.auth.accounts import locked_account
from services.auth.api_tokens import (
    MOST_TOKENS,
    ApiToken,
    TooManyTokens,
    create_personal_token,
    revoke_personal_token,
    tokens_of,
)
from services.auth.callers import BEARER, PRIVATE, current_account
from services.auth.parts import parts
from services.auth.token_schemas import NewTokenSchema, ShownTokenSchema, TokenListSchema
from shared.database import transaction
from shared.http.app import ApiBlueprint
from shared.http.problem_details import Problem
from shared.instants import now

blueprint = ApiBlueprint("personal tokens", __name__, description="Tokens for one's programs")


@blueprint.route("/api/me/tokens/")
class PersonalTokens(MethodView):
    """All tokens of the account."""

    decorators: ClassVar[list[Callable[..., Any]]] = [jwt_required()]

    @blueprint.response(200, TokenListSchema, description="The tokens, oldest first.")
    @blueprint.problems(401, 403, 503)
    @blueprint.doc(summary="List the tokens", operationId="listTokens", security=BEARER)
    def get(self) -> ResponseReturnValue:
        """Return the account's personal tokens.

        Of each only the first characters are shown. When it was last used is a date (UTC).
        """
        with parts().engine.connect() as connection:
            account = current_account(connection)
            found = tokens_of(connection, account.id)
        return {"results": found}, 200, PRIVATE

    @blueprint.arguments(NewTokenSchema)
    @blueprint.response(201, ShownTokenSchema, description="The token, shown this once.")
    @blueprint.problems(400, 401, 403, 413, 415, 503)
    @blueprint.doc(summary="Make a token", operationId="createToken", security=BEARER)
    def post(self, data: dict[str, Any]) -> ResponseReturnValue:
        """Make a personal token: `Authorization: Bearer hab_…` in place of an access token.

        It may do what its scopes say, until it expires or is revoked, and is shown in this answer
        only. An account has at most 50; one more is a 400 with the code `too_many_tokens`. It can
        neither make tokens nor change the password nor erase the account. A new password revokes
        all. Takes no `Idempotency-Key`: whoever lost the answer revokes the token and makes
        another.
        """
        with transaction(parts().engine) as connection:
            account = current_account(connection, locked_account)
            token, text = _created(connection, account.id, data)
        return asdict(token) | {"token": text}, 201, PRIVATE


@blueprint.route("/api/me/tokens/<string:token_id>/", methods=["DELETE"])
@jwt_required()
@blueprint.response(204, description="The token is revoked.")
@blueprint.problems(401, 403, 404, 415, 503)
@blueprint.doc(summary="Revoke a token", operationId="revokePersonalToken", security=BEARER)
def revoke(token_id: str) -> None:
    """Revoke a personal token.

    It opens nothing any more within 30 seconds; streams of events that are open end within six
    minutes. One that is none of the account's own is a 404.
    """
    with transaction(parts().engine) as connection:
        account = current_account(connection, locked_account)
        if not revoke_personal_token(connection, account.id, _id_of(token_id)):
            raise _unknown()


def _created(
    connection: Connection, account_id: uuid.UUID, data: dict[str, Any]
) -> tuple[ApiToken, str]:
    try:
        return create_personal_token(
            connection,
            account_id,
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data.get("expires_at"),
            now=now(),
        )
    except TooManyTokens as error:
        message = f"An account has at most {MOST_TOKENS} tokens; revoke one first."
        raise Problem(400, "too_many_tokens", message) from error


def _id_of(token_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(token_id)
    except ValueError as error:
        raise _unknown() from error


def _unknown() -> Problem:
    return Problem(404, "not_found", "There is no such token.")
