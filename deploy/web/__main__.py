"""`python -m deploy.web build | check | test | install`: what Node does for the web app.

`check` writes the types of our own API anew from the services' OpenAPI document, so an app that
no longer fits the API does not compile.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.web.built_app import build
from deploy.web.toolchain import ToolFailed, install_packages, npm


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.web", description=__doc__)
    parser.add_argument("job", choices=_JOBS)
    try:
        _JOBS[parser.parse_args(arguments).job]()
    except ToolFailed as error:
        sys.exit(str(error))


def _check() -> None:
    install_packages()
    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder, "pages")
        command = (sys.executable, "-m", "deploy.api_docs", "build", "--out", str(pages))
        subprocess.run(command, check=True)  # noqa: S603 - our own program
        npm("run", "--silent", "types", "--", str(pages / "openapi.json"))
    npm("run", "--silent", "check")


def _test() -> None:
    install_packages()
    npm("run", "--silent", "test")


_JOBS = {"build": build, "check": _check, "test": _test, "install": install_packages}


if __name__ == "__main__":
    main(sys.argv[1:])
