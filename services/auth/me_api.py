"""`/api/me/`: what an account's owner sees and changes."""

from collections.abc import Callable
from typing import Any, ClassVar

from flask.typing import ResponseReturnValue
from flask.views import MethodView
from flask_jwt_extended import jwt_required

from services.auth.accounts import (
    IncompleteQuietHours,
    change_profile,
    locked_account,
)
from services.auth.callers import BEARER, PRIVATE, current_account
from services.auth.parts import parts
from services.auth.rate_limits import WrongPassword
from services.auth.schemas import (
    ErasureSchema,
    PasswordChangeSchema,
    ProfileChangesSchema,
    ProfileSchema,
)
from services.auth.sign_in import erase_account, replace_password
from shared.database import transaction
from shared.http.app import ApiBlueprint
from shared.http.problem_details import invalid_input
from shared.instants import now

blueprint = ApiBlueprint("me", __name__, description="The caller's own account")


@blueprint.route("/api/me/")
class Me(MethodView):
    """The profile."""

    decorators: ClassVar[list[Callable[..., Any]]] = [jwt_required()]

    @blueprint.response(200, ProfileSchema, description="The account.")
    @blueprint.problems(401, 503)
    @blueprint.doc(summary="Read the profile", operationId="readProfile", security=BEARER)
    def get(self) -> ResponseReturnValue:
        """Return the caller's account.

        An account that was erased or disabled since the token was issued is a 401.
        """
        with parts().engine.connect() as connection:
            return current_account(connection), 200, PRIVATE  # type: ignore[return-value]

    @blueprint.arguments(ProfileChangesSchema)
    @blueprint.response(200, ProfileSchema, description="The account after the change.")
    @blueprint.problems(400, 401, 413, 415, 503)
    @blueprint.doc(summary="Change the profile", operationId="changeProfile", security=BEARER)
    def patch(self, changes: dict[str, Any]) -> ResponseReturnValue:
        """Change the time zone, the language, quiet hours, the day's beginning or the digest.

        Fields that are not named stay as they are; null ends quiet hours. Reminders follow at once.
        """
        try:
            with transaction(parts().engine) as connection:
                account = current_account(connection, locked_account)
                account = change_profile(connection, account.id, changes, now())
        except IncompleteQuietHours as error:
            message = "Quiet hours need quiet_from and quiet_to, two different times, or neither."
            raise invalid_input({"quiet_from": [message], "quiet_to": [message]}) from error
        return account, 200, PRIVATE  # type: ignore[return-value]

    @blueprint.arguments(ErasureSchema)
    @blueprint.response(204, description="The account is erased.")
    @blueprint.problems(400, 401, 413, 415, 429, 503)
    @blueprint.doc(summary="Erase the account", operationId="eraseAccount", security=BEARER)
    def delete(self, data: dict[str, Any]) -> None:
        """Erase the account and everything of it in every service, for good.

        A wrong password is a 400 that names the field, and counts as a failed login.
        """
        with parts().engine.connect() as connection:
            account = current_account(connection)
        _with_password("password", lambda: erase_account(parts(), account, data["password"], now()))


@blueprint.route("/api/me/password/", methods=["POST"])
@jwt_required()
@blueprint.arguments(PasswordChangeSchema)
@blueprint.response(204, description="The password is changed; sessions and tokens have ended.")
@blueprint.problems(400, 401, 413, 415, 429, 503)
@blueprint.doc(summary="Change the password", operationId="changePassword", security=BEARER)
def change_own_password(data: dict[str, Any]) -> None:
    """Set a new password; the account's refresh tokens and personal tokens are revoked.

    A wrong current password is a 400 that names the field, and counts as a failed login. So a
    repetition changes nothing and needs no `Idempotency-Key`.
    """
    with parts().engine.connect() as connection:
        account = current_account(connection)
    current, new = data["current_password"], data["new_password"]
    _with_password(
        "current_password", lambda: replace_password(parts(), account, current, new, now())
    )


def _with_password(field: str, action: Callable[[], None]) -> None:
    try:
        action()
    except WrongPassword as error:
        raise invalid_input({field: ["The password is wrong."]}) from error
