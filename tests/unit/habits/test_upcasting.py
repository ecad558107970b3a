"""Old schema versions become the newest, one version at a time."""

import pytest

from services.habits.stored_events import from_data
from services.habits.upcasting import UnknownSchemaVersion, UnknownStoredType, Upcasting

STEPS = Upcasting(
    {
        "tea.brewed": [
            lambda data: {"minutes": data["duration"]},
            lambda data: {"seconds": data["minutes"] * 60},
        ]
    }
)


def test_a_type_without_steps_is_at_version_1() -> None:
    assert STEPS.newest_version("tea.drunk") == 1


def test_each_step_makes_a_version() -> None:
    assert STEPS.newest_version("tea.brewed") == 3


@pytest.mark.parametrize(
    ("version", "data"), [(1, {"duration": 2}), (2, {"minutes": 2}), (3, {"seconds": 120})]
)
def test_every_version_becomes_the_newest(version: int, data: dict[str, int]) -> None:
    assert STEPS.to_newest("tea.brewed", version, data) == {"seconds": 120}


@pytest.mark.parametrize("version", [0, 4])
def test_an_unknown_version_is_refused(version: int) -> None:
    with pytest.raises(UnknownSchemaVersion, match=r"tea\.brewed"):
        STEPS.to_newest("tea.brewed", version, {})


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(UnknownStoredType):
        from_data("habit.forgotten", {"at": "2026-01-05T08:00:00Z"})
