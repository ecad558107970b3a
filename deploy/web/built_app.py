"""The app as the gateway serves it: `web/dist`, made anew when its sources have changed."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.web.toolchain import WEB, install_packages, npm

DIST = WEB / "dist"

_STAMP = WEB / "dist.sources"
_NEW = WEB / "dist.new"
_OLD = WEB / "dist.old"
_MADE_HERE = {"node_modules", DIST.name, _STAMP.name, _NEW.name, _OLD.name, "schema.d.ts"}


def is_current() -> bool:
    """Tell whether the built files are those of the present sources; looks at files only."""
    return DIST.is_dir() and _STAMP.exists() and _STAMP.read_text() == _fingerprint()


def build() -> None:
    """Build the app unless it is current. Raises ToolFailed.

    Who comes while another builds waits for it. A gateway that is serving sees the old files or
    the new ones, never half of each.
    """
    with _alone():
        if is_current():
            return
        fingerprint = _fingerprint()
        install_packages()
        npm("run", "--silent", "build", "--", "--outDir", _NEW.name, "--emptyOutDir")
        _replace_built_files()
        _STAMP.write_text(fingerprint)


def _replace_built_files() -> None:
    shutil.rmtree(_OLD, ignore_errors=True)
    if DIST.exists():
        DIST.rename(_OLD)
    _NEW.rename(DIST)
    shutil.rmtree(_OLD, ignore_errors=True)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for file in _sources():
        digest.update(str(file.relative_to(WEB)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(set(folders) - _MADE_HERE)
        yield from (Path(folder, name) for name in sorted(set(files) - _MADE_HERE))


@contextmanager
def _alone() -> Iterator[None]:
    with (WEB / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
