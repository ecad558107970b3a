"""`POST /api/register/`."""

from typing import Any

from flask import request

from services.auth.accounts import LOCALES, Account, EmailTaken, register
from services.auth.address_limits import limited_by_address
from services.auth.parts import parts
from services.auth.schemas import AccountSchema, RegistrationSchema
from shared.database import transaction
from shared.http_app import ApiBlueprint
from shared.instants import now
from shared.problem_details import Problem

blueprint = ApiBlueprint("accounts", __name__, description="Accounts and sign-in")


@blueprint.route("/api/register/", methods=["POST"])
@limited_by_address(lambda parts: parts.registrations)
@blueprint.arguments(RegistrationSchema)
@blueprint.response(201, AccountSchema, description="The new account.")
@blueprint.problems(400, 409, 413, 415, 429, 503)
@blueprint.doc(summary="Register", operationId="register")
def register_account(data: dict[str, Any]) -> Account:
    """Create an account.

    E-mail addresses are case-insensitive; one that is taken is a 409.
    """
    locale = data.get("locale") or _preferred_locale()
    password_hash = parts().passwords.hash(data["password"])
    try:
        with transaction(parts().engine) as connection:
            return register(
                connection,
                email=data["email"],
                password_hash=password_hash,
                time_zone=data["time_zone"],
                locale=locale,
                now=now(),
            )
    except EmailTaken as error:
        raise Problem(
            409,
            "email_taken",
            "An account with this e-mail address exists.",
            errors={"email": ["This e-mail address is taken."]},
        ) from error


def _preferred_locale() -> str:
    """Return the best of our languages by `Accept-Language`; `en-GB` is as good as `en`."""
    for language, quality in request.accept_languages:
        locale = language.partition("-")[0].lower()
        if locale in LOCALES and quality > 0:
            return locale
    return "en"
