"""Debian packages that tests and private services lean on: installed when they are missing and we may. No service of theirs is started."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_POLICY = "#!/bin/sh\nexit 101\n"
"""policy-rc.d: packages may be installed, their services may not be started."""


class NotInstalled(Exception):
    """A package is missing and could not be installed; the message says why and what to do."""


def ensure_installed(*names: str, provides: Path) -> None:
    """Install packages unless the file they bring is there. Raises NotInstalled."""
    if provides.exists():
        return
    apt, root = shutil.which("apt-get"), _as_root()
    if apt is None or root is None:
        raise NotInstalled(
            f"{names[0]} is not installed, and this user may not install it. Run `sudo apt-get install {' '.join(names)}`."
        )
    with _services_kept_off(root):
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
            _run([*root, "env", "DEBIAN_FRONTEND=noninteractive", apt, *arguments])
    if not provides.exists():
        raise NotInstalled(f"The package {names[0]} was installed, and {provides} is not there.")


def _as_root() -> list[str] | None:
    """The words before a command that make it root's, or None when we may not."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "--non-interactive"]
    if shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True).returncode == 0:
        return sudo
    return None


@contextlib.contextmanager
def _services_kept_off(root: list[str]) -> Iterator[None]:
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    _run([*root, "sh", "-c", 'printf "%s" "$1" > "$0" && chmod 755 "$0"', str(policy), _POLICY])
    try:
        yield
    finally:
        _run([*root, "rm", "-f", str(policy)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotInstalled(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}.")
