"""`/api/token/`: sign in, keep a session going, end it."""

import uuid
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from services.auth import session_cookie
from services.auth.access_token_signing import access_token
from services.auth.address_limits import limited_by_address
from services.auth.parts import parts
from services.auth.rate_limits import WrongPassword
from services.auth.refresh_tokens import Issued
from services.auth.schemas import CredentialsSchema, RefreshSchema, TokenPairSchema
from services.auth.sessions import BadRefreshToken, refresh, sign_out
from services.auth.sign_in import sign_in
from shared.http.app import ApiBlueprint
from shared.http.problem_details import unauthorized
from shared.instants import now

blueprint = ApiBlueprint("tokens", __name__, description="Access and refresh tokens")

_SECRET = {"Cache-Control": "no-store"}


@blueprint.route("/api/token/", methods=["POST"])
@limited_by_address(lambda parts: parts.token_requests)
@blueprint.arguments(CredentialsSchema)
@blueprint.response(200, TokenPairSchema, description="A pair of tokens.")
@blueprint.problems(400, 401, 403, 413, 415, 429, 503)
@blueprint.doc(summary="Sign in", operationId="signIn")
def create_token_pair(data: dict[str, Any]) -> ResponseReturnValue:
    """Exchange e-mail and password for a pair of tokens.

    The answer does not tell whether an account exists. Too many wrong passwords for an account
    within 15 minutes are a 429, whatever address they come from. Needs no `Idempotency-Key`: a
    repeated sign-in is another session.

    With `cookie` the refresh token comes in the cookie `__Host-refresh`, which no script can read
    and which only pages of this very site may use; any other page's request is a 403.
    """
    in_cookie = _wants_cookie(data)
    user_agent = request.headers.get("User-Agent")
    try:
        account_id, issued = sign_in(parts(), data["email"], data["password"], now(), user_agent)
    except WrongPassword as error:
        raise unauthorized(
            "wrong_credentials", "There is no active account with this e-mail and password."
        ) from error
    return _pair(account_id, issued, in_cookie=in_cookie)


@blueprint.route("/api/token/refresh/", methods=["POST"])
@blueprint.arguments(RefreshSchema)
@blueprint.response(200, TokenPairSchema, description="The next pair of tokens.")
@blueprint.problems(400, 401, 403, 413, 415, 503)
@blueprint.doc(summary="Renew the tokens", operationId="refreshToken")
def refresh_token_pair(data: dict[str, Any]) -> ResponseReturnValue:
    """Exchange a refresh token for the next pair.

    A refresh token is good for one use. If the answer got lost, the same token gets the same pair
    again for 10 seconds; used later, or after its successor was used, it ends the whole session.
    So it needs no `Idempotency-Key`.
    """
    in_cookie = _wants_cookie(data)
    token = session_cookie.token_in_cookie() if in_cookie else data["refresh"]
    try:
        account_id, issued = refresh(parts().engine, token, now())
    except BadRefreshToken as error:
        raise unauthorized("invalid_refresh_token", "The refresh token is not valid.") from error
    return _pair(account_id, issued, in_cookie=in_cookie)


@blueprint.route("/api/token/revoke/", methods=["POST"])
@blueprint.arguments(RefreshSchema)
@blueprint.response(204, description="The session has ended.")
@blueprint.problems(400, 403, 413, 415, 503)
@blueprint.doc(summary="Sign out", operationId="revokeToken")
def revoke_session(data: dict[str, Any]) -> ResponseReturnValue:
    """End the session that a refresh token belongs to.

    A token that is not valid any more has no session to end, which is fine: repeating does no harm
    and needs no `Idempotency-Key`.
    """
    in_cookie = _wants_cookie(data)
    token = session_cookie.token_in_cookie() if in_cookie else data["refresh"]
    sign_out(parts().engine, token)
    return "", 204, session_cookie.clearing() if in_cookie else {}


def _wants_cookie(data: dict[str, Any]) -> bool:
    wanted: bool = data["cookie"]
    if wanted:
        session_cookie.refuse_other_sites()
    return wanted


def _pair(account_id: uuid.UUID, issued: Issued, *, in_cookie: bool) -> ResponseReturnValue:
    access = access_token(parts().key_ring, account_id, issued)
    if in_cookie:
        return {"access": access}, 200, _SECRET | session_cookie.setting(issued.token)
    return {"access": access, "refresh": issued.token}, 200, _SECRET
