"""The errors the gateway itself answers with, in the shape of the services' own (RFC 9457).

nginx hands each of these statuses to a page of its own; what an upstream answers is never touched.
408 is missing on purpose: nginx closes the connection of a client that stopped sending, without an
answer.
"""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnProblem:
    """One error page: `statuses` are what nginx calls it, `status` is what the client sees."""

    statuses: tuple[int, ...]
    status: int
    code: str
    title: str
    detail: str
    retry_after_seconds: int | None = None
    names_allowed_methods: bool = False

    @property
    def body_for_nginx(self) -> str:
        """The body as the inside of a single-quoted nginx string.

        `$request_identifier` is put in by nginx; its pattern has no character that JSON escapes.
        """
        body = json.dumps(
            {
                "type": "about:blank",
                "title": self.title,
                "status": self.status,
                "detail": self.detail,
                "code": self.code,
                "request_id": "$request_identifier",
            }
        )
        return body.replace("\\", "\\\\").replace("'", "\\'")


# A client that is refused for its rate may try again when the whole minute has passed: the gateway
# lets single requests through earlier, but the service counts a moving minute.
_RATE_WINDOW_SECONDS = 60
_UNAVAILABLE_RETRY_SECONDS = 5

OWN_PROBLEMS = (
    OwnProblem((400,), 400, "bad_request", "Bad Request", "The request is not valid HTTP."),
    # The challenge comes with auth's refusal to exchange a token.
    OwnProblem(
        (401,), 401, "invalid_token", "Unauthorized", "The token is not valid, or not any more."
    ),
    OwnProblem((403, 404), 404, "not_found", "Not Found", "There is nothing at this address."),
    OwnProblem(
        (405,),
        405,
        "method_not_allowed",
        "Method Not Allowed",
        "This address does not know the method.",
        names_allowed_methods=True,
    ),
    OwnProblem(
        (411,), 411, "length_required", "Length Required", "The request must state its length."
    ),
    OwnProblem(
        (412,),
        412,
        "precondition_failed",
        "Precondition Failed",
        "The page is not the one the request expects.",
    ),
    OwnProblem(
        (413,),
        413,
        "body_too_large",
        "Content Too Large",
        "The body is larger than 64 KiB, a file than 16 MiB.",
    ),
    OwnProblem((414,), 414, "uri_too_long", "URI Too Long", "The address is too long."),
    OwnProblem(
        (416,),
        416,
        "range_not_satisfiable",
        "Range Not Satisfiable",
        "The page does not have the requested range.",
    ),
    OwnProblem(
        (429,),
        429,
        "too_many_requests",
        "Too Many Requests",
        "Too many requests of this kind from one address in a minute.",
        retry_after_seconds=_RATE_WINDOW_SECONDS,
    ),
    OwnProblem(
        (494,),
        431,
        "headers_too_large",
        "Request Header Fields Too Large",
        "The request's headers are too large.",
    ),
    OwnProblem(
        (501,),
        501,
        "not_implemented",
        "Not Implemented",
        "The request's transfer encoding is not known.",
    ),
    OwnProblem(
        # 502 and 504 come here by way of a second try; 500 is a token that auth could not exchange.
        (500, 503),
        503,
        "service_unavailable",
        "Service Unavailable",
        "The service behind this address cannot answer right now.",
        retry_after_seconds=_UNAVAILABLE_RETRY_SECONDS,
    ),
    OwnProblem(
        (505,),
        505,
        "http_version_not_supported",
        "HTTP Version Not Supported",
        "The request's HTTP version is not known.",
    ),
)
