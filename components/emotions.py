"""Emotions, moods and styles: prototypes in action units, read from emotions.yaml and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from avatar_engine.components.action_units import UNIT_COUNT, catalogue, unit_ids, unit_names
from avatar_engine.engine.errors import AssetError, InputError, suggest

Float = NDArray[np.float32]
EMOTION_SLOTS = 64  # width of the emotion columns; the catalogue may name at most so many
BLENDED = 0.6  # of each of two emotions that are shown at once
RELEASE = ("base", "auto", "")  # an emotion of this name gives the face back to the persona


@dataclass(frozen=True, slots=True)
class Style:
    """How a persona shows emotion. base, ceilings: (EMOTION_SLOTS,); times in seconds until 90 %."""

    name: str
    index: int
    base: Float
    ceilings: Float
    gain: float
    attack_s: float
    decay_s: float
    liveliness: float
    blinks_per_min: float
    gaze_away: float


@dataclass(frozen=True, slots=True)
class EmotionBook:
    """All emotions. units: (EMOTION_SLOTS, 157) at intensity 1, zero rows where unused."""

    version: int
    names: tuple[str, ...]
    index: Mapping[str, int]
    sources: Mapping[str, str]
    aliases: Mapping[str, str]
    moods: Mapping[str, tuple[str, float]]
    styles: Mapping[str, Style]
    units: Float


@cache
def emotion_book() -> EmotionBook:
    """The shipped emotions."""
    path = resources.files("avatar_engine.components").joinpath("emotions.yaml")
    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return build_book(yaml.load(path.read_text("utf-8"), Loader=loader), "emotions.yaml")


def find_emotion(name: str) -> tuple[int, float]:
    """Index and gain of an emotion, one of its other names, or `mood:<LiveKit mood>`; InputError with a
    suggestion. Moods colour a whole conversation, so they show less than the emotion of the same name."""
    book = emotion_book()
    word = name.strip().lower()
    if word.startswith("mood:"):
        mood = word[5:].strip()
        if mood in book.moods:
            emotion, gain = book.moods[mood]
            return book.index[emotion], gain
        raise InputError("emotion", f"unknown mood '{mood}'", suggest(mood, book.moods))
    word = book.aliases.get(word, word)
    if word in book.index:
        return book.index[word], 1.0
    known = [*book.names, *book.aliases, *(f"mood:{mood}" for mood in book.moods)]
    hint = suggest(name, known) or f"known: {', '.join(book.names)}"
    raise InputError("emotion", f"unknown emotion '{name}'", hint)


def find_blend(name: str) -> list[tuple[int, float]]:
    """Index and gain of an emotion, or of both emotions of a blend (`happy+surprised`); InputError with a suggestion."""
    parts = name.split("+")
    if len(parts) > 2:
        raise InputError("emotion", f"'{name}' blends {len(parts)} emotions", "blend two at most")
    share = 1.0 if len(parts) == 1 else BLENDED
    return [(index, gain * share) for index, gain in map(find_emotion, parts)]


def check_emotion(name: str) -> None:
    """InputError with a suggestion unless it is an emotion, a blend of two, or a word that gives the face back."""
    if name.strip().lower() not in RELEASE:
        find_blend(name)


def parse_emotion(text: str) -> tuple[str, float]:
    """A name as `SetEmotion` takes it and a strength 0..1 (1 where none is given), as in `happy:0.6` or `mood:calm:0.5`;
    InputError with a suggestion."""
    name, colon, said = text.rpartition(":")
    if not colon or name.rpartition("+")[2].strip().lower() == "mood":  # `mood:calm` has a colon of its own
        name, said = text, "1"
    if name.strip():
        check_emotion(name)
    else:
        find_blend(name)
    try:
        strength = float(said)
    except ValueError:
        raise InputError(f"emotion {text}", f"'{said}' is no number", "write happy:0.6") from None
    if not 0.0 <= strength <= 1.0:
        raise InputError(f"emotion {text}", f"a strength of {said} is out of range", "strengths go from 0 to 1")
    return name, strength


def find_style(name: str) -> Style:
    """A style preset by name; InputError with a suggestion."""
    styles = emotion_book().styles
    if name not in styles:
        raise InputError("style", f"unknown style '{name}'", suggest(name, styles))
    return styles[name]


def build_book(data: Mapping[str, Any], where: str) -> EmotionBook:
    """Check the parsed file and compile it."""
    names = tuple(data["emotions"])
    if len(names) > EMOTION_SLOTS:
        raise AssetError(where, f"{len(names)} emotions", f"there is room for {EMOTION_SLOTS}")
    index = {name: i for i, name in enumerate(names)}
    units = np.zeros((EMOTION_SLOTS, UNIT_COUNT), np.float32)
    for name, raw in data["emotions"].items():
        units[index[name]] = unit_vector(raw["units"], f"{where} emotions.{name}")
    for section in ("aliases", "moods"):
        for name, target in data[section].items():
            emotion = target["emotion"] if section == "moods" else target
            if emotion not in index:
                raise AssetError(f"{where} {section}.{name}", f"no emotion '{emotion}'", suggest(emotion, index))
    return EmotionBook(
        version=int(data["version"]),
        names=names,
        index=index,
        sources={name: str(raw["source"]) for name, raw in data["emotions"].items()},
        aliases=dict(data["aliases"]),
        moods={name: (raw["emotion"], float(raw["gain"])) for name, raw in data["moods"].items()},
        styles={name: _style(name, i, raw, index, where) for i, (name, raw) in enumerate(data["styles"].items())},
        units=units,
    )


def unit_vector(weights: Mapping[Any, float], where: str) -> Float:
    """(157,) from names or codes -> intensities."""
    vector = np.zeros(UNIT_COUNT, np.float32)
    book = catalogue()
    for name, weight in weights.items():
        ids = unit_ids(str(name))
        if not ids:
            raise AssetError(where, f"no action unit '{name}'", suggest(str(name), unit_names()))
        if not 0.0 <= weight <= 1.0:
            raise AssetError(where, f"unit {name} is {weight}", "give an intensity of 0..1")
        for unit in ids:
            vector[book.index[unit]] = weight
    return vector


def _style(name: str, i: int, raw: Mapping[str, Any], index: Mapping[str, int], where: str) -> Style:
    spot = f"{where} styles.{name}"
    fields = dict(raw)
    base = np.zeros(EMOTION_SLOTS, np.float32)
    ceilings = np.ones(EMOTION_SLOTS, np.float32)
    for target, values in ((base, fields.pop("base")), (ceilings, fields.pop("ceilings"))):
        for emotion, value in values.items():
            if emotion not in index:
                raise AssetError(spot, f"no emotion '{emotion}'", suggest(emotion, index))
            target[index[emotion]] = value
    try:
        return Style(name=name, index=i, base=base, ceilings=ceilings, **fields)
    except TypeError as error:
        raise AssetError(spot, str(error), "see the comment above the styles") from error
