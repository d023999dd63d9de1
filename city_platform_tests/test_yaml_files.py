"""YAML files: what is wrong in one is told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from city_platform.yaml_files import DeclarationError, load_documents, validate


class Inner(BaseModel):
    count: int


class Outer(BaseModel):
    name: str
    parts: list[Inner] = []


def read(folder: Path, text: str | bytes) -> tuple[Path, list[object]]:
    path = folder / "some.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path, list(load_documents(path))


def test_every_document_comes_with_the_lines_of_its_fields(tmp_path: Path) -> None:
    _, documents = read(tmp_path, "# nothing\na: 1\n---\n\nb: 2\n")
    assert [(content, node.start_mark.line) for content, node in documents] == [({"a": 1}, 1), ({"b": 2}, 4)]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1, 2\n", 3, "not YAML"),
        ("a: 1\n b: 2\n", 2, "not YAML"),
        ("a: 1\n---\n- 1\n- 2\n", 3, "give fields and values here"),
        ("a: 1\nb: !!python/name:os.system\n", 2, "not YAML"),
    ],
)
def test_what_is_no_mapping_is_told_by_file_and_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(DeclarationError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'some.yaml'}, line {line}: {words}")


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("name: a\nparts:\n  - count: 1\n  - count: x\n", 4, "parts.1.count"),
        ("name: a\nparts:\n  - {count: 1}\n  - {}\n", 4, "parts.1.count"),
        ("parts: []\n", 1, "name"),
        ("# a\n\nname: [a]\n", 3, "name"),
    ],
)
def test_a_wrong_value_is_told_by_file_line_and_field(
    tmp_path: Path, text: str, line: int, field: str
) -> None:
    path, ((content, node),) = read(tmp_path, text)  # type: ignore[misc]
    with pytest.raises(DeclarationError) as error:
        validate(Outer, content, node, path)
    assert f"{path}, line {line}: {field}: " in str(error.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [(b"a: 1\nb: \x01\n", 2), (b"a: 1\nb: caf\xe9\n", 2), (b"a: 1\na: 2\n", 2)],
    ids=["control character", "not UTF-8", "field given twice"],
)
def test_what_cannot_be_read_or_stands_twice_is_told_by_file_and_line(
    tmp_path: Path, text: bytes, line: int
) -> None:
    with pytest.raises(DeclarationError, match=f"some.yaml, line {line}: "):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["a: 1\n---\n", "a: 1\n---\n---\nb: 2\n"])
def test_an_empty_document_counts_for_nothing(tmp_path: Path, text: str) -> None:
    _, documents = read(tmp_path, text)
    assert documents[0][0] == {"a": 1}  # type: ignore[index]
