"""Settings, read once from the environment. Every process starts by asking for them; nothing else reads `os.environ`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec


class SettingsError(Exception):
    """A setting cannot be used; the message names the variable and says what to write instead."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. The annotation of each field is its one-sentence documentation (`loomline settings` prints them)."""

    home: Annotated[Path, "LOOMLINE_HOME: where embedded state lives (database files, run files, logs)."]
    port: Annotated[int, "LOOMLINE_PORT: the port the gateway listens on."]
    host: Annotated[str, "LOOMLINE_HOST: the address the gateway listens on."]
    database_url: Annotated[str, "LOOMLINE_DATABASE_URL: your PostgreSQL; empty means the embedded one."]
    amqp_url: Annotated[str, "LOOMLINE_AMQP_URL: your RabbitMQ; empty means the embedded broker."]
    files_url: Annotated[
        str,
        "LOOMLINE_FILES_URL: where pictures are kept (s3://, gs://, az://, file:///; credentials come from AWS_…, GOOGLE_… and "
        "AZURE_… variables, see docs/media.md); empty means LOOMLINE_HOME/files.",
    ]
    namespace: Annotated[str, "LOOMLINE_NAMESPACE: prefix of queue and exchange names."]
    admin_email: Annotated[str, "LOOMLINE_ADMIN_EMAIL: the first admin's address."]
    admin_password: Annotated[
        str, "LOOMLINE_ADMIN_PASSWORD: the first admin's password; generated and printed once if absent."
    ]
    event_secret: Annotated[
        str,
        "LOOMLINE_EVENT_SECRET: Standard Webhooks secret(s) of POST /events and /events/medusa, comma separated during rotation.",
    ]
    shopify_secret: Annotated[str, "LOOMLINE_SHOPIFY_SECRET: the app's or store's signing secret(s), comma separated."]
    woocommerce_secret: Annotated[
        str, "LOOMLINE_WOOCOMMERCE_SECRET: the secret(s) given with the webhook, comma separated."
    ]
    saleor_secret: Annotated[str, "LOOMLINE_SALEOR_SECRET: the secret key(s) of the webhook, comma separated."]
    saleor_jwks: Annotated[
        str, "LOOMLINE_SALEOR_JWKS: the key set of the Saleor instance, as JSON or the path of a file with it."
    ]
    medusa_url: Annotated[
        str, "LOOMLINE_MEDUSA_URL: where Medusa answers; with a token, the lines of thin events are fetched there."
    ]
    medusa_token: Annotated[str, "LOOMLINE_MEDUSA_TOKEN: a secret API key of Medusa that may read orders."]
    medusa_allow_private: Annotated[
        str,
        "LOOMLINE_MEDUSA_ALLOW_PRIVATE: yes lets LOOMLINE_MEDUSA_URL be http and in one's own network; no refuses it.",
    ]
    public_url: Annotated[
        str,
        "LOOMLINE_PUBLIC_URL: the address people reach the gateway at, for links in messages; empty: HOST and PORT.",
    ]
    link_secret: Annotated[
        str,
        "LOOMLINE_LINK_SECRET: signs the links in messages, at least 32 characters; empty: messages carry no links.",
    ]
    admin_notify: Annotated[
        str, "LOOMLINE_ADMIN_NOTIFY: Apprise URLs that tell the admins, comma separated; empty: a line in the log."
    ]
    webhooks_allow_private: Annotated[
        str,
        "LOOMLINE_WEBHOOKS_ALLOW_PRIVATE: yes lets webhooks go to plain http and to private and local addresses; no refuses them.",
    ]
    worker_threads: Annotated[int, "LOOMLINE_WORKER_THREADS: actor threads in one worker process."]
    worker_processes: Annotated[int, "LOOMLINE_WORKER_PROCESSES: worker processes that `up` starts."]
    gateway_threads: Annotated[int, "LOOMLINE_GATEWAY_THREADS: requests one gateway process serves at once."]
    worker_metrics_port: Annotated[
        int, "LOOMLINE_WORKER_METRICS_PORT: serve a worker's own metrics on 127.0.0.1 at this port; 0 is off."
    ]
    legacy_design_routes: Annotated[
        str, "LOOMLINE_LEGACY_DESIGN_ROUTES: deprecated serves the retired design routes, gone answers 410 at them."
    ]
    log_level: Annotated[str, "LOOMLINE_LOG_LEVEL: debug, info, warning or error."]
    log_format: Annotated[str, "LOOMLINE_LOG_FORMAT: json (one object a line) or plain."]


_DEFAULTS = {
    "LOOMLINE_HOME": ".loomline",
    "LOOMLINE_PORT": "8080",
    "LOOMLINE_HOST": "127.0.0.1",
    "LOOMLINE_DATABASE_URL": "",
    "LOOMLINE_AMQP_URL": "",
    "LOOMLINE_FILES_URL": "",
    "LOOMLINE_NAMESPACE": "loomline",
    "LOOMLINE_ADMIN_EMAIL": "admin@loomline.localhost",
    "LOOMLINE_ADMIN_PASSWORD": "",
    "LOOMLINE_EVENT_SECRET": "",
    "LOOMLINE_SHOPIFY_SECRET": "",
    "LOOMLINE_WOOCOMMERCE_SECRET": "",
    "LOOMLINE_SALEOR_SECRET": "",
    "LOOMLINE_SALEOR_JWKS": "",
    "LOOMLINE_MEDUSA_URL": "",
    "LOOMLINE_MEDUSA_TOKEN": "",
    "LOOMLINE_MEDUSA_ALLOW_PRIVATE": "no",
    "LOOMLINE_PUBLIC_URL": "",
    "LOOMLINE_LINK_SECRET": "",
    "LOOMLINE_ADMIN_NOTIFY": "",
    "LOOMLINE_WEBHOOKS_ALLOW_PRIVATE": "no",
    "LOOMLINE_WORKER_THREADS": "4",
    "LOOMLINE_WORKER_PROCESSES": "2",
    "LOOMLINE_GATEWAY_THREADS": "32",
    "LOOMLINE_WORKER_METRICS_PORT": "0",
    "LOOMLINE_LEGACY_DESIGN_ROUTES": "deprecated",
    "LOOMLINE_LOG_LEVEL": "info",
    "LOOMLINE_LOG_FORMAT": "json",
}


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises SettingsError on an unknown LOOMLINE_ name or a value that cannot be used."""
    source = os.environ if environ is None else environ
    unknown = sorted(name for name in source if name.startswith("LOOMLINE_") and name not in _DEFAULTS)
    if unknown:
        raise SettingsError(f"{unknown[0]} is not a setting of Loomline. Known: {', '.join(_DEFAULTS)}.")
    value = {name: source.get(name) or default for name, default in _DEFAULTS.items()}
    return Settings(
        home=Path(value["LOOMLINE_HOME"]).absolute(),
        port=_whole_number("LOOMLINE_PORT", value["LOOMLINE_PORT"], low=1, high=65535),
        host=value["LOOMLINE_HOST"],
        database_url=_url("LOOMLINE_DATABASE_URL", value["LOOMLINE_DATABASE_URL"], "postgresql", "postgres"),
        amqp_url=_url("LOOMLINE_AMQP_URL", value["LOOMLINE_AMQP_URL"], "amqp", "amqps"),
        files_url=_files_url(value["LOOMLINE_FILES_URL"]),
        namespace=_name("LOOMLINE_NAMESPACE", value["LOOMLINE_NAMESPACE"]),
        admin_email=value["LOOMLINE_ADMIN_EMAIL"],
        admin_password=value["LOOMLINE_ADMIN_PASSWORD"],
        event_secret=value["LOOMLINE_EVENT_SECRET"],
        shopify_secret=value["LOOMLINE_SHOPIFY_SECRET"],
        woocommerce_secret=value["LOOMLINE_WOOCOMMERCE_SECRET"],
        saleor_secret=value["LOOMLINE_SALEOR_SECRET"],
        saleor_jwks=_text_or_file("LOOMLINE_SALEOR_JWKS", value["LOOMLINE_SALEOR_JWKS"]),
        medusa_url=_url("LOOMLINE_MEDUSA_URL", value["LOOMLINE_MEDUSA_URL"], "https", "http").rstrip("/"),
        medusa_token=value["LOOMLINE_MEDUSA_TOKEN"],
        medusa_allow_private=_one_of(
            "LOOMLINE_MEDUSA_ALLOW_PRIVATE", value["LOOMLINE_MEDUSA_ALLOW_PRIVATE"], "no", "yes"
        ),
        public_url=_public_url(value),
        link_secret=_link_secret(value["LOOMLINE_LINK_SECRET"]),
        admin_notify=value["LOOMLINE_ADMIN_NOTIFY"],
        webhooks_allow_private=_one_of(
            "LOOMLINE_WEBHOOKS_ALLOW_PRIVATE", value["LOOMLINE_WEBHOOKS_ALLOW_PRIVATE"], "no", "yes"
        ),
        worker_threads=_whole_number("LOOMLINE_WORKER_THREADS", value["LOOMLINE_WORKER_THREADS"], low=1, high=64),
        worker_processes=_whole_number("LOOMLINE_WORKER_PROCESSES", value["LOOMLINE_WORKER_PROCESSES"], low=1, high=64),
        gateway_threads=_whole_number("LOOMLINE_GATEWAY_THREADS", value["LOOMLINE_GATEWAY_THREADS"], low=2, high=512),
        worker_metrics_port=_whole_number(
            "LOOMLINE_WORKER_METRICS_PORT", value["LOOMLINE_WORKER_METRICS_PORT"], low=0, high=65535
        ),
        legacy_design_routes=_one_of(
            "LOOMLINE_LEGACY_DESIGN_ROUTES", value["LOOMLINE_LEGACY_DESIGN_ROUTES"], "deprecated", "gone"
        ),
        log_level=_one_of("LOOMLINE_LOG_LEVEL", value["LOOMLINE_LOG_LEVEL"], "debug", "info", "warning", "error"),
        log_format=_one_of("LOOMLINE_LOG_FORMAT", value["LOOMLINE_LOG_FORMAT"], "json", "plain"),
    )


def _whole_number(name: str, text: str, *, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {text!r}.")
    return int(text)


def _one_of(name: str, text: str, *choices: str) -> str:
    if text not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {text!r}.")
    return text


def _url(name: str, text: str, *schemes: str) -> str:
    if text and (urlsplit(text).scheme not in schemes or not urlsplit(text).netloc):
        raise SettingsError(f"{name} must look like {schemes[0]}://user:password@host:port/name, and it does not.")
    return text


def _public_url(value: Mapping[str, str]) -> str:
    text = _url("LOOMLINE_PUBLIC_URL", value["LOOMLINE_PUBLIC_URL"], "https", "http")
    return text.rstrip("/") or f"http://{value['LOOMLINE_HOST']}:{value['LOOMLINE_PORT']}"


def _link_secret(text: str) -> str:
    if text and len(text) < 32:
        raise SettingsError(
            "LOOMLINE_LINK_SECRET must have at least 32 characters; make one by `openssl rand -hex 32`."
        )
    return text


def _files_url(text: str) -> str:
    parts = urlsplit(text)
    if text and not (parts.scheme in ("s3", "gs", "az") and parts.netloc) and parts.scheme not in ("file", "memory"):
        raise SettingsError("LOOMLINE_FILES_URL must look like s3://bucket/folder or file:///folder, and it does not.")
    return text


def _text_or_file(name: str, text: str) -> str:
    """JSON as it stands, or what the file of that path holds."""
    if not text or text.lstrip().startswith("{"):
        return text
    try:
        return Path(text).read_text()
    except (OSError, ValueError):
        raise SettingsError(f"{name} must be JSON or the path of a file that can be read, and it is neither.") from None


def _name(name: str, text: str) -> str:
    if not all(c.isascii() and (c.isalnum() or c in "-_.") for c in text):
        raise SettingsError(f"{name} may hold letters, digits, '-', '_' and '.', not {text!r}.")
    return text
