from __future__ import annotations

import pickle

import pytest

from avatar_engine.engine.errors import AssetError, InputError, OutputError, SceneError, suggest

pytestmark = pytest.mark.unit


def test_says_where_what_and_what_next_in_one_line() -> None:
    error = InputError("talk.mp3", "holds\nno  sound", "give another")
    assert str(error) == "talk.mp3: holds no sound; give another"
    assert str(InputError("talk.mp3", "is empty")) == "talk.mp3: is empty"
    assert all(issubclass(kind, InputError) for kind in (AssetError, SceneError, OutputError))


def test_survives_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(SceneError("a.yaml:3", "no such light", "use key")))
    assert isinstance(error, SceneError)
    assert str(error) == "a.yaml:3: no such light; use key"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("hed", ["head", "bust"], "did you mean 'head'?"),
        ("STUDO", ["plain", "Studio"], "did you mean 'Studio'?"),
        ("zzz", ["head", "bust"], "known: bust, head"),
        ("zzz", [f"name{i}" for i in range(30)], ""),
        ("zzz", [], ""),
    ],
)
def test_suggests_what_was_meant(name: str, known: list[str], hint: str) -> None:
    assert suggest(name, known) == hint
