"""Files that hold passwords: readable by their owner alone, replaced whole or not at all."""

from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else may read; a power cut leaves the old text or the new one."""
    new_file = file.with_name(f"{file.name}.new")
    new_file.unlink(missing_ok=True)
    new_file.touch(mode=0o600)
    new_file.write_text(text)
    new_file.replace(file)
