"""The progress bar of commands that go through many files."""

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.progress import track


def progress_bar(doing: str) -> Callable[[Sequence[str]], Iterable[str]]:
    """Give a bar on the terminal while the stems are gone through; nothing where there is no terminal."""

    def bar(stems: Sequence[str]) -> Iterable[str]:
        console = Console(stderr=True)
        return track(stems, doing, console=console, transient=True, disable=not console.is_terminal)

    return bar
