"""How refusals of the service are told over HTTP."""

from flask import Flask, Response

from services.habits.days.day import DayRefused
from services.habits.etags import StaleVersion, owner_etag
from services.habits.event_store import ConcurrentChange
from services.habits.habit import (
    MOST_HABITS,
    HabitNotFound,
    NotTheOwner,
    RulesBroken,
    TooManyHabits,
)
from services.habits.owners import AccountErased
from services.habits.portable.import_jobs import ImportNotFound, ImportUnderWay
from services.habits.portable.ndjson_files import UnreadableFile
from services.habits.undo.undo_commands import NothingToUndo, UndoBreaksRule
from services.habits.upcasting import UpgradeInProgress
from services.habits.written_details import FormsDisagree
from shared.http.problem_details import (
    RETRY_AFTER_SECONDS,
    Problem,
    invalid_input,
    unauthorized,
)
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)


def register_refusals(app: Flask) -> None:
    """Answer each refusal with the problem details of its status."""
    app.register_error_handler(HabitNotFound, _not_found)
    app.register_error_handler(NotTheOwner, _not_the_owner)
    app.register_error_handler(RulesBroken, _rules_broken)
    app.register_error_handler(FormsDisagree, _forms_disagree)
    app.register_error_handler(DayRefused, _day_refused)
    app.register_error_handler(TooManyHabits, _too_many_habits)
    app.register_error_handler(StaleVersion, _stale_version)
    app.register_error_handler(ConcurrentChange, _concurrent_change)
    app.register_error_handler(AccountErased, _account_erased)
    app.register_error_handler(UpgradeInProgress, _upgrade_in_progress)
    app.register_error_handler(UnreadableFile, _unreadable_file)
    app.register_error_handler(ImportNotFound, _import_not_found)
    app.register_error_handler(ImportUnderWay, _import_under_way)
    app.register_error_handler(NothingToUndo, _nothing_to_undo)
    app.register_error_handler(UndoBreaksRule, _undo_breaks_rule)


def _not_found(_error: HabitNotFound) -> Response:
    return Problem(404, "not_found", "There is no such habit.").response()


def _not_the_owner(_error: NotTheOwner) -> Response:
    return Problem(
        403, "not_owner", "The habit is somebody else's: it can be read, not changed."
    ).response()


def _rules_broken(error: RulesBroken) -> Response:
    return invalid_input(error.errors, "The habit would break a rule.").response()


def _forms_disagree(error: FormsDisagree) -> Response:
    return invalid_input(
        error.errors, "What is written of the habit contradicts itself."
    ).response()


def _day_refused(error: DayRefused) -> Response:
    return invalid_input(error.errors, "The day cannot be recorded.").response()


def _too_many_habits(_error: TooManyHabits) -> Response:
    return Problem(
        400,
        "too_many_habits",
        f"An account has at most {MOST_HABITS} habits; delete one to make room.",
    ).response()


def _stale_version(error: StaleVersion) -> Response:
    version = error.current_version
    return Problem(
        412,
        "precondition_failed",
        "It has changed since; read it again before changing it.",
        headers={} if version is None else {"ETag": owner_etag(version)},
    ).response()


def _concurrent_change(_error: ConcurrentChange) -> Response:
    return Problem(
        409,
        "concurrent_change",
        "The habit was being changed at the same time; try again.",
        headers={"Retry-After": "1"},
    ).response()


def _account_erased(_error: AccountErased) -> Response:
    return unauthorized("invalid_token", "The account of this access token is gone.").response()


def _upgrade_in_progress(error: UpgradeInProgress) -> Response:
    _log.warning("upgrade in progress", reason=repr(error))
    return Problem(
        503,
        "upgrade_in_progress",
        "The service is being upgraded and cannot do this yet; try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    ).response()


def _nothing_to_undo(_error: NothingToUndo) -> Response:
    return Problem(
        409, "nothing_to_undo", "Nothing was changed in the last 24 hours that is not undone."
    ).response()


def _undo_breaks_rule(error: UndoBreaksRule) -> Response:
    detail = f"As it was before, it would break a rule by now: {error.reasons}"
    return Problem(409, "undo_breaks_rule", detail, errors=error.errors).response()


def _unreadable_file(error: UnreadableFile) -> Response:
    return Problem(400, "unreadable_file", str(error)).response()


def _import_not_found(_error: ImportNotFound) -> Response:
    return Problem(404, "not_found", "There is no such import.").response()


def _import_under_way(_error: ImportUnderWay) -> Response:
    return Problem(
        409,
        "import_under_way",
        "Another file is being taken in; try again when that is done.",
        headers={"Retry-After": "5"},
    ).response()
