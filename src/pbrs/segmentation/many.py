"""Many files at once: threads overlap reading, network and writing; results come in order, few at a time."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

MOST_WORKERS = 4
"""More would only hold more images in memory: the network's own threads fill larger machines."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def overlap(work: Callable[[Item], Result], items: Iterable[Item], workers: int = 0) -> Generator[Result, None, None]:
    """Do `work` on every item in threads, and give the results in the items' order.

    Items are taken as they are needed: at most ``workers + 1`` of them have been begun and not yet given, so that no
    more than so many results are ever held. The first exception of `work`, and ^C, end it: what has begun is finished,
    the rest is left.

    Parameters
    ----------
    work
        Called in several threads at a time.
    items
        Gone through in the caller's thread.
    workers
        Threads; 0 for one more than there are cores, at most `MOST_WORKERS`.
    """
    workers = workers or min(available_cores() + 1, MOST_WORKERS)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="pbrs")
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) > workers:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def available_cores() -> int:
    """Count the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
