"""YAML 1.2 by PyYAML, whose own loaders read YAML 1.1.

DVC writes and reads params.yaml as YAML 1.2, where `1e-05` is a number and `on` a string. Only the
core schema is read (https://yaml.org/spec/1.2.2/#103-core-schema): no tags, merge keys or dates.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

from noisylab.core.errors import InputError

#: Far above the needs of the pipeline; a text within these limits is read in seconds.
MAX_NODES = 10_000  # keys and values, with aliases unfolded
MAX_DEPTH = 20
MAX_LENGTH = 1000  # characters of a key or value

_CORE_SCHEMA = {  # by type: the pattern, and the characters that it may begin with
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
}


def load(text: str) -> Any:
    """The value of the only document in `text`; raises InputError with the line at fault."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        problem = str(error.problem).removeprefix("but ")
    except ReaderError as error:
        line = text.count("\n", 0, error.position)
        problem = "control characters are not allowed"
    raise InputError(f"line {line + 1} is not valid YAML: {' '.join(problem.split())[:200]}")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012, as PyYAML declares it: none of YAML 1.1's

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._n_nodes = 0
        self._depth = 0
        self._sizes: dict[str, int] = {}  # number of nodes by anchor

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        is_alias = isinstance(event, yaml.AliasEvent)
        before = self._n_nodes
        self._n_nodes += self._sizes.get(event.anchor, 1) if is_alias else 1
        problem = None
        if not is_alias and event.tag is not None:
            problem = "tags are not supported; remove the tag"
        elif len(getattr(event, "value", "")) > MAX_LENGTH:
            problem = f"value has more than {MAX_LENGTH} characters; shorten it"
        elif self._n_nodes > MAX_NODES:
            problem = f"more than {MAX_NODES:,} values, counting aliases unfolded"
        elif self._depth == MAX_DEPTH:
            problem = f"more than {MAX_DEPTH} levels"
        if problem:
            raise InputError(f"line {event.start_mark.line + 1}: {problem}")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if event.anchor is not None and not is_alias:
            self._sizes[event.anchor] = self._n_nodes - before
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                problem = f'found duplicate key "{key}"'
                raise ConstructorError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        return mapping

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node))
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))  # 010 is ten, not eight


for _type, (_pattern, _first) in _CORE_SCHEMA.items():
    _regexp = re.compile(rf"(?:{_pattern})\Z")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_type}", _regexp, _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
