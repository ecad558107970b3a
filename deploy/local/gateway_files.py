"""What nginx serves: its configuration, and pages and a web app as new as the code."""

import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.gateway.configuration import GatewaySettings, render_configuration
from deploy.local.code_fingerprint import code_fingerprint
from deploy.local.executables import find_program
from deploy.local.one_shots import OneShots
from deploy.local.programs import Program, StartFailed
from deploy.local.run_directory import RunDirectory
from deploy.local.settings import Settings
from deploy.web.built_app import DIST, is_current


def gateway_program(settings: Settings, run: RunDirectory, upstreams: Mapping[str, str]) -> Program:
    """Write nginx's configuration and return nginx as a program."""
    configuration = render_configuration(
        GatewaySettings(
            listen=str(settings.gateway_port),
            pages=run.pages,
            web=DIST,
            state=run.gateway,
            access_log=Path("/dev/stdout"),
            upstreams={name: (address,) for name, address in upstreams.items()},
            choices=settings.gateway,
        )
    )
    file = run.gateway / "nginx.conf"
    file.write_text(configuration)
    nginx = str(find_program("nginx"))
    return Program("gateway", (nginx, "-p", str(run.gateway), "-c", str(file), "-e", "stderr"))


class DocumentationPages:
    """The pages of one run directory, generated beside everything else that starts."""

    def __init__(self, run: RunDirectory) -> None:
        """Begin to generate the pages, unless those of the same sources are there."""
        self._stamp = run.pages / ".sources"
        self._sources = code_fingerprint()
        if self._stamp.exists() and self._stamp.read_text() == self._sources:
            self._build = None
        else:
            command = (sys.executable, "-m", "deploy.api_docs", "build", "--out", str(run.pages))
            self._build = OneShots([Program("api-docs", command)], run.logs)

    def wait(self) -> None:
        """Wait for the pages. Raises StartFailed when they could not be generated."""
        if self._build is not None:
            self._build.wait()
            self._stamp.write_text(self._sources)


class WebApp:
    """The app of this clone, built beside everything else that starts."""

    def __init__(self, run: RunDirectory) -> None:
        """Begin to build the app, unless it is there as its sources are now."""
        command = (sys.executable, "-m", "deploy.web", "build")
        self._build = None if is_current() else OneShots([Program("web-app", command)], run.logs)

    @property
    def is_being_built(self) -> bool:
        """Tell whether there is something to wait for."""
        return self._build is not None

    def wait(self) -> str | None:
        """Wait for the app; return why there is none: API and reminders do without it."""
        try:
            if self._build is not None:
                self._build.wait()
        except StartFailed as error:
            return str(error)
        return None
