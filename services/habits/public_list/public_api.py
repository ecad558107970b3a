"""The routes of everybody's published habits, under `/api/habit/public/`."""

# mypy: disable-error-code="untyped-decorator"
# flask-smorest is not typed, so each of its decorators would be an error.

from typing import TYPE_CHECKING, Any, cast

from flask import current_app, request, url_for
from flask.views import MethodView
from flask_jwt_extended import jwt_required
from marshmallow.validate import Length, OneOf

from services.habits import etags
from services.habits.callers import current_account, habit_id_of
from services.habits.documented_parameters import BEARER, ETAG, HABIT_ID, LOCATION
from services.habits.list_schemas import HabitPage
from services.habits.pagination import PageQuery, PageRequest, envelope
from services.habits.public_list.public_table import Order
from services.habits.representations import public_representation, representation
from services.habits.schemas import HabitRepresentation, not_blank
from shared.http.app import ApiBlueprint
from shared.http.idempotency import IDEMPOTENCY_KEY, read_key
from shared.http.strict_fields import StrictString

if TYPE_CHECKING:
    from services.habits.public_list.public_list import PublicList

PUBLIC_LIST = "public_list"

LONGEST_SEARCH_CHARACTERS = 100

blueprint = ApiBlueprint(
    "public",
    __name__,
    url_prefix="/api/habit/public",
    description="Everybody's published habits.",
)


class PublicQuery(PageQuery):
    """Which page of which published habits, in which order."""

    q = StrictString(
        validate=[
            Length(
                max=LONGEST_SEARCH_CHARACTERS,
                error=f"Must not be longer than {LONGEST_SEARCH_CHARACTERS} characters.",
            ),
            not_blank,
        ],
        metadata={
            "example": "water",
            "description": "Those whose action or place contains this text, in any case.",
        },
    )
    order = StrictString(
        load_default=Order.OLDEST.value,
        validate=OneOf([order.value for order in Order]),
        metadata={"example": "oldest", "description": "`copied`: most often copied first."},
    )


@blueprint.route("/")
class PublishedHabits(MethodView):
    """Everybody's published habits."""

    @blueprint.doc(security=[])
    @blueprint.arguments(PublicQuery, location="query")
    @blueprint.response(200, HabitPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List everybody's published habits, oldest first unless told otherwise.

        Needs no token. Tells nothing of the owners, not even which habits share one: the links
        between habits are left out (`linked_habit_id` is null).
        """
        page = PageRequest(query["page"], query["page_size"])
        count, habits = _list().page(page, query.get("q"), Order(query["order"]))
        return envelope(page, count, [public_representation(habit) for habit in habits])


@blueprint.route("/<string(length=36):habit_id>/copy/", parameters=[HABIT_ID])
class CopiedHabit(MethodView):
    """A published habit that somebody makes theirs."""

    @jwt_required()
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    @blueprint.response(201, HabitRepresentation, headers={**ETAG, **LOCATION})
    @blueprint.problems(400, 401, 404, 409, 413, 415)
    def post(self, habit_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Make a habit of my own out of a published one.

        It begins today, is not published and not linked. With an `Idempotency-Key` the request can
        be repeated when its answer was lost.
        """
        habit = _list().copy(current_account(), habit_id_of(habit_id), read_key(request))
        location = url_for("habits.OneHabit", habit_id=habit.id, _external=True)
        headers = {"ETag": etags.owner_etag(habit.version), "Location": location}
        return representation(habit), 201, headers


def _list() -> "PublicList":
    return cast("PublicList", current_app.extensions[PUBLIC_LIST])
