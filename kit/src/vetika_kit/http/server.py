"""The API on gunicorn: threads in a few worker processes, started clean and stopped gracefully."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gunicorn.app.base
import gunicorn.glogging
from flask import Flask
from prometheus_client import multiprocess, values

from vetika_kit import tracing
from vetika_kit.clock import SystemClock
from vetika_kit.config import ConfigurationError, ServiceConfig
from vetika_kit.http.tokens import TokenVerifier
from vetika_kit.http.unreadable import Worker
from vetika_kit.logs import configure_logging
from vetika_kit.mongo import connect, connection_name, service_database

if TYPE_CHECKING:
    from vetika_kit.service import Service

GRACE: Final = 8  # seconds for requests in hand after SIGTERM; supervisors kill after ten
_MULTIPROC: Final = "PROMETHEUS_MULTIPROC_DIR"


def run_api(service: "Service", config: ServiceConfig) -> None:
    """Serve a service's API until SIGTERM or SIGINT.

    Indexes are made before the first request can come: the rules that they hold (no person twice at a forum)
    must never be missing. While the database is away the start waits for it.
    """
    from vetika_kit.processes import prepare_when_possible  # noqa: PLC0415 - imports this package's users

    client = connect(config, name=connection_name(config, service=service.name))
    database = service_database(client, coalition=config.coalition, service=service.name)
    prepare_when_possible(service, config, database, SystemClock())
    client.close()  # clients are not carried over a fork

    try:
        TokenVerifier(config=config, clock=SystemClock())
    except ConfigurationError as error:
        sys.exit(
            f"{service.name}: {error}"
        )  # one sentence here instead of a traceback from every worker process

    given = os.environ.get(_MULTIPROC)
    arbiter = os.getpid()
    folder = Path(given) if given else Path(tempfile.mkdtemp(prefix=f"vetika-{service.name}-metrics-"))
    _share_metrics(folder)
    try:
        _Server(service, config).run()
    finally:
        if not given and os.getpid() == arbiter:  # worker processes leave by this way too
            shutil.rmtree(folder, ignore_errors=True)


def _share_metrics(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob("*.db"):  # of the run before; its counts would be added to ours
        left_over.unlink()
    os.environ[_MULTIPROC] = str(folder)
    # prometheus_client chose the kind of value when it was imported; no value has been made since then,
    # because every metric has labels and nothing has been counted in this process.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call] # prometheus_client leaves it untyped


class _Server(gunicorn.app.base.BaseApplication):  # type: ignore[misc] # gunicorn publishes no types
    def __init__(self, service: "Service", config: ServiceConfig) -> None:
        self._service = service
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        config = self._config
        settings: dict[str, Any] = {
            "bind": [f"{config.http_host}:{config.http_port}"],
            "proc_name": f"{self._service.name}-api",
            "workers": config.api_workers,
            "worker_class": Worker,
            "threads": config.api_threads,
            "preload_app": False,  # clients of MongoDB are made after the fork
            "timeout": 60,
            "graceful_timeout": GRACE,
            "keepalive": 15,  # seconds; shorter than a proxy's patience, or it would meet closed connections
            "backlog": 512,
            "limit_request_line": 4094,
            "limit_request_fields": 50,
            "limit_request_field_size": 8190,
            "accesslog": None,  # ours is JSON and knows routes, not paths
            "logger_class": _QuietLogger,
            "control_socket_disable": True,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - heartbeats must not wait for a disk
            "child_exit": _child_exit,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        service, config = self._service, self._config
        configure_logging(service=service.name, process="api", level=config.log_level)
        if config.otlp_endpoint:
            tracing.configure(service=service.name, process="api", otlp_endpoint=config.otlp_endpoint)
        client = connect(config, name=connection_name(config, service=service.name))
        database = service_database(client, coalition=config.coalition, service=service.name)
        return service.app(config, database=database, clock=SystemClock())


class _QuietLogger(gunicorn.glogging.Logger):  # type: ignore[misc] # gunicorn publishes no types
    """gunicorn's messages through the process's own JSON logs."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers[:]:
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True


def _child_exit(_server: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call] # prometheus_client leaves it untyped
