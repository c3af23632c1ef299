"""How gunicorn serves the gateway. Everything that differs between places comes from the settings."""

import os

from shared.runtime import settings

_settings = settings.read()

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
proc_name = "loomline-gateway"
wsgi_app = "services.api.app:create()"

worker_class = "gthread"
workers = 1
threads = _settings.gateway_threads
# One heartbeat for the whole worker: it is silent only when the process hangs, however long a request waits.
timeout = 60
# Ends before whoever stops us loses patience (25 s) and kills the group.
graceful_timeout = 20
keepalive = 15

# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
# Two gateways of one user would fight for the same socket, and nobody asks it anything.
control_socket_disable = True

accesslog = "-" if _settings.log_level == "debug" else None
errorlog = "-"
loglevel = "info" if _settings.log_level == "debug" else "warning"
