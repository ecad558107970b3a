"""`GET /api/.well-known/jwks.json`: the public keys, for whoever verifies access tokens."""

from flask.typing import ResponseReturnValue

from services.auth.parts import parts
from services.auth.schemas import JwkSetSchema
from services.auth.signing_keys import JWKS_MAX_AGE_SECONDS
from shared.http.app import ApiBlueprint

blueprint = ApiBlueprint("keys", __name__, description="Public keys of the access tokens")


@blueprint.route("/api/.well-known/jwks.json", methods=["GET"])
@blueprint.response(200, JwkSetSchema, description="A JSON Web Key Set (RFC 7517).")
@blueprint.problems(503)
@blueprint.doc(summary="Read the public keys", operationId="readPublicKeys")
def read_public_keys() -> ResponseReturnValue:
    """Return the keys that access tokens may be signed with at the moment.

    A new key appears here at least 12 minutes before it signs: keep a copy for 10 minutes at most.
    """
    headers = {"Cache-Control": f"public, max-age={JWKS_MAX_AGE_SECONDS}"}
    return {"keys": parts().key_ring.public_jwks()}, 200, headers
