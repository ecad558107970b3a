"""What the simulator is told by its environment; the token may come from a file (`_FILE`)."""

from dataclasses import dataclass, field
from pathlib import Path

from environs import FileAwareEnv
from marshmallow import validate

from shared.process.environment import PORT
from shared.process.structured_logs import LOG_LEVELS


@dataclass(frozen=True, slots=True)
class Settings:
    """`journal` takes a line for each received request; `state` outlives a restart."""

    host: str
    port: int
    bot_token: str = field(repr=False)
    journal: Path | None
    state: Path | None
    log_level: str


def read_settings(environment: FileAwareEnv) -> Settings:
    """Read the settings; an EnvError names the variable that is missing or wrong."""
    return Settings(
        host=environment.str("TELEGRAM_SIMULATOR_HOST", "127.0.0.1"),
        port=environment.int("TELEGRAM_SIMULATOR_PORT", 8081, **PORT),
        bot_token=environment.str(
            "TELEGRAM_BOT_TOKEN", validate=validate.Length(1, error="must not be empty")
        ),
        journal=_path(environment.str("TELEGRAM_SIMULATOR_JOURNAL", "")),
        state=_path(environment.str("TELEGRAM_SIMULATOR_STATE", "")),
        log_level=environment.str("LOG_LEVEL", "INFO", validate=validate.OneOf(LOG_LEVELS)),
    )


def _path(name: str) -> Path | None:
    return Path(name) if name else None
