"""Reading a YAML file that must hold names and values, as settings are."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from pbrs.bounded_read import read_bounded
from pbrs.errors import InputError

LARGEST_YAML_BYTES = 64 * 2**10
"""Settings have two thousand; PyYAML reads a megabyte in ten seconds."""


MOST_LEVELS = 20
"""Of lists and mappings in each other; settings have two."""


class _PlainLoader(yaml.SafeLoader):
    """Text, numbers, truth values, lists and mappings; an alias, of which few bytes make a value without end, is not.

    A date stays the text that it was written as, and so do numbers that YAML 1.1 reads in the base of 8 or 60 (there
    ``010`` is 8, and ``1:30`` is 90). A name that stands twice is refused: YAML would take the last.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.YAMLError(f"line {event.start_mark.line + 1} repeats &{event.anchor:.40}: write its value out")
        self.depth += 1
        if self.depth > MOST_LEVELS:
            raise yaml.YAMLError(f"has more than {MOST_LEVELS} levels of lists and mappings")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := [name for name, count in names.items() if count > 1]:
            raise yaml.YAMLError(f"{twice[0]:.40} stands twice")
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_KEPT = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in (
    ("int", r"[-+]?(0|[1-9][0-9_]*)$"),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list("-+.0123456789"))


def read_yaml_mapping(path: Path, example: str) -> dict[str, Any]:
    """Read names and values from a YAML file.

    Parameters
    ----------
    path
        UTF-8 text.
    example
        Of a line that is expected.

    Raises
    ------
    InputError
        If the file is not there or too large, is no YAML, or holds something else than names and values.
    """
    expected = f"expected a YAML file with lines such as `{example}`"
    try:
        values = yaml.load(read_bounded(path, LARGEST_YAML_BYTES, expected).decode("utf-8-sig"), _PlainLoader)
    except InputError:
        raise
    # PyYAML lets through what Python says of a number, a date or a base64 text that is none, and of deep brackets.
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ) as error:
        reason = (str(error).splitlines() or [""])[0][:160]
        raise InputError(f"{path} cannot be read ({reason}): {expected}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds a {type(values).__name__}: {expected}")
    if not all(isinstance(name, str) for name in values):
        raise InputError(f"{path} holds a name that is no text: {expected}")
    return values
