"""`/api/me/sessions/`: where an account is signed in, and signing out there or everywhere."""

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from flask.typing import ResponseReturnValue
from flask.views import MethodView
from flask_jwt_extended import jwt_required

from services.auth import refresh_tokens
from services.auth.accounts import locked_account
from services.auth.callers import BEARER, PRIVATE, current_account, current_session_id
from services.auth.parts import parts
from services.auth.schemas import SessionListSchema
from shared.database import transaction
from shared.http.app import ApiBlueprint
from shared.http.problem_details import Problem
from shared.instants import now

blueprint = ApiBlueprint("sessions", __name__, description="Where the account is signed in")


@blueprint.route("/api/me/sessions/")
class Sessions(MethodView):
    """All sessions of the account."""

    decorators: ClassVar[list[Callable[..., Any]]] = [jwt_required()]

    @blueprint.response(200, SessionListSchema, description="The sessions, latest used first.")
    @blueprint.problems(401, 503)
    @blueprint.doc(summary="List the sessions", operationId="listSessions", security=BEARER)
    def get(self) -> ResponseReturnValue:
        """Return where the account is signed in.

        A session is one sign-in and lasts until 14 days after its last use.
        """
        with parts().engine.connect() as connection:
            account = current_account(connection)
            found = refresh_tokens.open_sessions(connection, account.id, now())
        current = current_session_id()
        results = [{"session": each, "is_current": str(each.id) == current} for each in found]
        return {"results": results}, 200, PRIVATE

    @blueprint.response(204, description="All sessions have ended.")
    @blueprint.problems(401, 415, 503)
    @blueprint.doc(summary="Sign out everywhere", operationId="endSessions", security=BEARER)
    def delete(self) -> None:
        """End all sessions.

        This one too; access tokens that were handed out last their 15 minutes.
        """
        with transaction(parts().engine) as connection:
            account = current_account(connection, locked_account)
            refresh_tokens.revoke_all(connection, account.id)


@blueprint.route("/api/me/sessions/<string:session_id>/", methods=["DELETE"])
@jwt_required()
@blueprint.response(204, description="The session has ended.")
@blueprint.problems(401, 404, 415, 503)
@blueprint.doc(summary="End a session", operationId="endSession", security=BEARER)
def end_session(session_id: str) -> None:
    """End one session of the account.

    One that is none of its own, or has ended, is a 404. Its access tokens last their 15 minutes.
    """
    with transaction(parts().engine) as connection:
        account = current_account(connection, locked_account)
        if not refresh_tokens.end_session(connection, account.id, _id_of(session_id)):
            raise _unknown()


def _id_of(session_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(session_id)
    except ValueError as error:
        raise _unknown() from error


def _unknown() -> Problem:
    return Problem(404, "not_found", "There is no such session.")
