"""`uptier serve` and `uptier work`: the HTTP server, and the worker that bills what falls due."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from contextlib import suppress
from typing import Annotated

import typer

from billing.kernel.errors import ConflictError
from serving.cli.output import err, readable_errors
from serving.cli.session import services

HOST = Annotated[str, typer.Option(help="Address to listen on.")]
PORT = Annotated[int, typer.Option(help="Port to listen on.")]

_DID_NOT_START = 3


def serve(
    host: HOST = "127.0.0.1",
    port: PORT = 8000,
    with_worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Run the worker in this process too.")
    ] = True,
) -> None:
    """Serve the API and pages.

    Example: uptier serve --port 8080
    """
    with readable_errors():
        require_free(port, f"choose another, as in 'uptier serve --port {port + 1}'", host=host)

        import uvicorn

        from serving.application import create_app
        from serving.intake.pace import settle
        from serving.jobs.deliver import DeliveryLoop
        from serving.jobs.learning import LearningLoop
        from serving.jobs.worker import Worker
        from serving.logs import configure
        from serving.ofrep.server import StreamingServer

        configure()
        _end_in_order()
        wired = services()
        app = create_app(wired)
        jobs: list[Worker | DeliveryLoop | LearningLoop] = (
            [Worker(wired), DeliveryLoop(wired), LearningLoop(wired)] if with_worker else []
        )
        settle()
        for job in jobs:
            job.start()
        try:
            config = uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False)
            server = StreamingServer(config, app.state.streams)
            with suppress(KeyboardInterrupt):
                server.run()
            if not server.started:
                sys.exit(_DID_NOT_START)
        finally:
            app.state.intake.close()
            app.state.desk.close()
            for job in jobs:
                job.stop()
            wired.database.close()


def require_free(port: int, advice: str, *, host: str = "127.0.0.1") -> None:
    """Refuse an address that cannot be listened on, before anything is built; raises ConflictError with the advice."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            trouble = f"port {port} is taken" if error.errno == errno.EADDRINUSE else str(error.strerror).lower()
            raise ConflictError(f"cannot listen on {host}: {trouble}; {advice}", port=port) from None


def work(once: Annotated[bool, typer.Option("--once", help="Do what is due now, then end.")] = False) -> None:
    """Run the worker alone: any number of them share one database.

    Example: uptier work --once
    """
    from serving.jobs.deliver import DeliveryLoop, deliver_due
    from serving.jobs.learning import LearningLoop
    from serving.jobs.worker import Worker
    from serving.logs import configure

    with readable_errors():
        configure()
        wired = services()
        worker = Worker(wired)
        if once:
            report = worker.run_once()
            sent = deliver_due(wired)
            err.print(f"{report.drafted} invoices drafted, {report.issued} issued, {sent.delivered} webhooks delivered")
            return
        _end_in_order()
        deliveries, learning = DeliveryLoop(wired), LearningLoop(wired)
        deliveries.start()
        learning.start()
        try:
            worker.run_forever()
        finally:
            deliveries.stop()
            learning.stop()


def _end_in_order() -> None:
    """Let SIGTERM unwind like any exit, so that the worker finishes its step and connections are given back; the code is 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
