"""A server that speaks S3, in a process of its own, with a bucket for each test to look into."""

import os
import re
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from services.operator.children import Child, Log, free_port, outside_environment
from tests.places import eventually

FOLDER = "house/one"


class Bucket:
    """Start it before use. What it holds is gone when it stops."""

    def __init__(self, home: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.name = ""
        self._server = Child(
            "bucket",
            command=[sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)],
            log=Log(home / "bucket.log"),
            environment=outside_environment(os.environ),
        )

    @property
    def files_url(self) -> str:
        return f"s3://{self.name}/{FOLDER}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs beside LOOMLINE_FILES_URL, as any program of this cloud does."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }

    def start(self) -> None:
        self._server.start()
        eventually(lambda: httpx.get(self.url).is_success, within=30)

    def empty(self) -> None:
        """From now on an empty bucket is meant."""
        self.name = f"pictures-{secrets.token_hex(4)}"
        httpx.put(f"{self.url}/{self.name}").raise_for_status()

    def stop(self) -> None:
        self._server.stop()

    def stall(self) -> None:
        """Take connections and say nothing, until `go_on`."""
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def keys(self) -> list[str]:
        """What is stored, by its key."""
        return self._named("Key", "list-type=2")

    def unfinished(self) -> list[str]:
        """Uploads in parts that were begun and not ended: they cost money and no key names them."""
        return self._named("UploadId", "uploads")

    def _named(self, name: str, query: str) -> list[str]:
        return re.findall(
            f"<{name}>([^<]+)</{name}>", httpx.get(f"{self.url}/{self.name}?{query}").raise_for_status().text
        )

    @property
    def _pid(self) -> int:
        assert self._server.pid is not None
        return self._server.pid
