"""supervisord reads back exactly what was written for it."""

from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from deploy.local.programs import Program
from deploy.local.supervision import Group, Supervisor, UnquotableValue

AWKWARD = "a b,c=d%20e{1}'f'g"


def _read_back(tmp_path: Path, groups: list[Group]) -> ServerOptions:
    supervisor = Supervisor(tmp_path / "supervisord.conf", tmp_path, 29_999, "password")
    supervisor.write_configuration(groups)
    options = ServerOptions()
    options.realize(["-c", str(supervisor.configuration)])
    return options


def test_awkward_arguments_and_values_arrive_unchanged(tmp_path: Path) -> None:
    program = Program("one", ("/bin/echo", "a b", "50%"), {"VALUE": AWKWARD})
    options = _read_back(tmp_path, [Group("servers", [program])])
    (configuration,) = options.process_group_configs[0].process_configs
    assert configuration.command == "/bin/echo 'a b' 50%"
    assert configuration.environment["VALUE"] == AWKWARD


def test_groups_stop_in_the_reverse_of_their_order_and_empty_ones_are_left_out(
    tmp_path: Path,
) -> None:
    groups = [
        Group("servers", [Program("one", ("/bin/true",))]),
        Group("nothing", []),
        Group("services", [Program("two", ("/bin/true",))]),
    ]
    options = _read_back(tmp_path, groups)
    assert [group.name for group in sorted(options.process_group_configs)] == [
        "servers",
        "services",
    ]


def test_the_file_with_passwords_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    _read_back(tmp_path, [Group("servers", [Program("one", ("/bin/true",))])])
    assert (tmp_path / "supervisord.conf").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a ;b", "a #b", "a'"])
def test_what_the_file_cannot_hold_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(UnquotableValue):
        _read_back(tmp_path, [Group("servers", [Program("one", ("/bin/true",), {"X": value})])])
