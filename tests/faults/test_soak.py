"""The soak, for about a minute: `make soak` runs it for as long as one likes."""

import pytest

from tests.faults.arena import Arena
from tests.faults.soak import soak


@pytest.mark.timeout(1200)
def test_a_minute_of_faults_breaks_no_promise(arena: Arena) -> None:
    verdict, injected = soak(arena.rig, arena.seen, minutes=1, seed=20261123)
    assert verdict.breaches == []
    assert verdict.numbers["sent once"] > 50
    assert verdict.numbers["duplicates"] == 0
    assert verdict.numbers["lost"] == 0
    assert verdict.numbers["events lost"] == 0
    assert sum(injected.values()) >= 10
