"""Lightning without its advice on the terminal, and with ^C left to the caller."""

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Run Lightning inside this.

    Raises
    ------
    KeyboardInterrupt
        On ^C, which Lightning would turn into an exit of its own.
    """
    interrupt = signal.getsignal(signal.SIGINT)
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
        try:
            yield
        except SystemExit as leaving:
            raise KeyboardInterrupt from leaving
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            signal.signal(signal.SIGINT, interrupt)
