"""YAML files: reads one into a model, and says of what is wrong in which file and on which line.

Belongs here: loading and pointing at lines. Does not belong here: what the files mean (city.py,
feeds/declaration/, risk/case.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class DeclarationError(ValueError):
    """A YAML file that cannot be used; the message names file, line and field, and what to do."""


def load_documents(path: Path) -> list[tuple[dict[str, Any], yaml.Node]]:
    """Every document of a YAML file with its node tree, which knows the lines; empty documents count for nothing."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        return [_document(node, path) for node in nodes if not _is_empty(node)]
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DeclarationError(f"{path}, line {line}: not UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DeclarationError(f"{path}, line {line}: not YAML: {error.problem}.") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise DeclarationError(f"{path}, line {line}: not YAML: {error.reason}.") from None


def _is_empty(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"))


def _document(node: yaml.Node, path: Path) -> tuple[dict[str, Any], yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise DeclarationError(f"{path}, line {node.start_mark.line + 1}: give fields and values here.")
    _refuse_twice(node, path)
    return yaml.SafeLoader("").construct_document(node), node


def _refuse_twice(node: yaml.Node, path: Path) -> None:
    """YAML takes the last of two fields of one name without a word."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise DeclarationError(f"{path}, line {key.start_mark.line + 1}: {key.value} is given twice.")
            seen.add(key.value)
            _refuse_twice(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(value, path)


def validate(
    model: type[Model], content: Any, node: yaml.Node, path: Path, within: tuple[str, ...] = ()
) -> Model:
    """content as a model; raises DeclarationError naming file, line and field of everything wrong in it."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = []
        for wrong in error.errors():
            where = (*within, *(str(part) for part in wrong["loc"]))
            field = ".".join(where) or "as a whole"
            reason = wrong["msg"].removeprefix("Value error, ")
            if wrong["type"] == "extra_forbidden":
                reason = "there is no such field"
            elif wrong["type"] == "missing":
                reason = "this field is needed"
            lines.append(f"{path}, line {_line(node, where)}: {field}: {reason}.")
        raise DeclarationError("\n".join(lines)) from None


def _line(node: yaml.Node, where: tuple[str, ...]) -> int:
    """The line of a field, or of the nearest thing around it that the file holds."""
    line = node.start_mark.line
    for part in where:
        children: dict[str, tuple[int, yaml.Node]] = {}
        if isinstance(node, yaml.MappingNode):
            children = {k.value: (k.start_mark.line, v) for k, v in node.value}
        elif isinstance(node, yaml.SequenceNode):
            children = {str(i): (v.start_mark.line, v) for i, v in enumerate(node.value)}
        if part not in children:
            break
        line, node = children[part]
    return line + 1
