"""Logs: one JSON object a line (or plain text), with the ids of the work at hand bound to it. Secrets never enter."""

import logging
import re
import sys
from typing import Any

import structlog

from shared.runtime.settings import Settings

_SECRET = re.compile(
    r"(?i)(://[^:/@\s]+:)[^@\s]+@|(password|secret|token|authorization)(['\"]?\s*[:=]\s*)['\"]?[^\s'\",}]+"
)


def scrub(text: str) -> str:
    """The text with passwords in URLs and values of secret-looking names struck out."""
    return _SECRET.sub(lambda found: f"{found[1]}***@" if found[1] else f"{found[2]}{found[3]}***", text)


def start(settings: Settings, *, process: str) -> None:
    """Set logging up for this process; call once, first."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    shared_steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _scrub_fields,
    ]
    structlog.configure(
        processors=[*shared_steps, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared_steps, processor=renderer))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def get(name: str) -> Any:
    """A logger; every line names the room it comes from."""
    return structlog.get_logger(source=name)


def _scrub_fields(_logger: Any, _method: str, fields: Any) -> Any:
    return {key: scrub(value) if isinstance(value, str) else value for key, value in fields.items()}
