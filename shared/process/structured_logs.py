"""Logs: one JSON object a line on standard output, with the ids of the work in hand.

`request_id` and `message_id` are bound for the duration of a request or message and travel with
the events that come of it. Libraries that log URLs are quieted: a Telegram URL holds the token.
"""

import logging
import sys

import structlog

_CHATTY = ("httpx", "httpcore", "aiormq", "aio_pika", "werkzeug", "alembic", "telegram")

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def configure_logs(service: str, process: str, level: str = "INFO") -> None:
    """Send all logs of this process, structlog's and the standard library's, through one format."""
    stamp: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*stamp, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )

    def name_process(_logger: object, _method: str, event: structlog.typing.EventDict) -> dict:  # type: ignore[type-arg]
        return {**event, "service": service, "process": process}

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*stamp, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                name_process,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
