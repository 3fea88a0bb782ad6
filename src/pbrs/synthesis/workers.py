"""Processes that draw: one thread each, deaf to ^C, gone when their parent is."""

import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

START_METHOD = "spawn"
"""Of worker processes: a fork would copy threads of torch and numba in the middle of what they do."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def processors() -> int:
    """Count the processors of this machine."""
    return os.cpu_count() or 1


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Have processes that are started inside compute with one thread: there are as many of them as processors."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def control_c_later() -> Iterator[None]:
    """Put ^C and SIGTERM off until the end; processes that are started inside do not hear them until they are prepared.

    A terminal sends ^C to all of them, and one that is still importing has no handler yet.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # The tracker unblocks them when it is started: have it there before.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_worker(*_: object) -> None:
    """Prepare a worker process; the first thing that it does."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be put off
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    cv2.setNumThreads(1)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """Wait for the parent's end, and end this process: a killed parent cannot end its workers."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
