"""`GET /api/.well-known/jwks.json`: the public keys, for whoever verifies access tokens."""

from flask.typing import ResponseReturnValue

from services.auth.parts import parts
from services.auth.schemas import JwkSetSchema
from shared.http.access_tokens import KEY_SET_SECONDS
from shared.http.app import ApiBlueprint

blueprint = ApiBlueprint("keys", __name__, description="Public keys of the access tokens")


@blueprint.route("/api/.well-known/jwks.json", methods=["GET"])
@blueprint.response(200, JwkSetSchema, description="A JSON Web Key Set (RFC 7517).")
@blueprint.problems(503)
@blueprint.doc(summary="Read the public keys", operationId="readPublicKeys")
def read_public_keys() -> ResponseReturnValue:
    """Return the keys that access tokens may be signed with at the moment.

    A new key appears here at least 3 minutes before it signs: keep a copy for a minute at most.
    """
    headers = {"Cache-Control": f"public, max-age={KEY_SET_SECONDS}"}
    return {"keys": parts().key_ring.public_jwks()}, 200, headers
