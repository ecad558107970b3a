"""`POST /api/register/`."""

from typing import Any

from flask import request

from services.auth.accounts import LOCALES, Account, EmailTaken
from services.auth.address_limits import limited_by_address
from services.auth.parts import parts
from services.auth.registration import Registration, register_once
from services.auth.schemas import AccountSchema, RegistrationSchema
from shared.http.app import ApiBlueprint
from shared.http.idempotency import IDEMPOTENCY_KEY, read_key
from shared.http.problem_details import Problem
from shared.instants import now

blueprint = ApiBlueprint("accounts", __name__, description="Accounts and sign-in")


@blueprint.route("/api/register/", methods=["POST"])
@limited_by_address(lambda parts: parts.registrations)
@blueprint.arguments(RegistrationSchema)
@blueprint.response(201, AccountSchema, description="The new account.")
@blueprint.problems(400, 409, 413, 415, 429, 503)
@blueprint.doc(summary="Register", operationId="register", parameters=[IDEMPOTENCY_KEY])
def register_account(data: dict[str, Any]) -> Account:
    """Create an account.

    E-mail addresses are case-insensitive; one that is taken is a 409. With an `Idempotency-Key`
    the request can be repeated when its answer was lost, as long as the password is still the same.
    """
    key = read_key(request, secret_fields=("password",))
    wanted = Registration(
        email=data["email"],
        time_zone=data["time_zone"],
        locale=data.get("locale") or _preferred_locale(),
    )
    try:
        return register_once(parts(), wanted, data["password"], key, now())
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
