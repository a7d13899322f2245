"""Guesses from the names of a model's morph targets which control or viseme each one shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from avatar_engine.components.controls import ARKIT
from avatar_engine.components.visemes import VISEMES
from avatar_engine.scenes.profile import TargetDrive

Weights = dict[str, float]
MAIN = 0.7  # of a shape's largest weight
_PREFIXES = re.compile(
    r"^(blendshape\d*[._]|face_blendshape[._]|(face\.)?m?_?f\d\d_\d{3}_(\d\d_)?|ctrl_expressions_|head_lod\d+_mesh__|"
    r"ak_\d+_|aa_vi_\d+_|a\d\d_)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[\s._:|/-]+")
_SIDE = re.compile(r"(?:[._ -]([lLrR])|(?<=[a-z])([LR]))$")


@dataclass(frozen=True, slots=True)
class Proposal:
    """mapping: control -> drives. visemes: viseme -> target. families: where the names come from, most hits first.

    unknown: targets no table knows. missing: ARKit controls nothing drives.
    """

    mapping: dict[str, tuple[TargetDrive, ...]]
    visemes: dict[str, str]
    families: tuple[str, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


def propose(targets: Sequence[str]) -> Proposal:
    """What the names say. Exact ARKit names win over aliases, aliases of the model's own family over others."""
    plain = {target: normalised(target) for target in targets}
    exact = {normalised(control): control for control in ARKIT}
    mapping: dict[str, list[TargetDrive]] = {}
    visemes: dict[str, str] = {}
    used: set[str] = set()
    for target, name in plain.items():
        if name in exact and exact[name] not in mapping:
            mapping[exact[name]] = [TargetDrive(target=target)]
            used.add(target)
        elif target.startswith("viseme_") and target[7:] in VISEMES:
            visemes.setdefault(target[7:], target)
            used.add(target)
    families = _families_by_hits(plain, used)
    for target, control in _behind_prefixes(plain, exact, families, used):
        mapping.setdefault(control, []).append(TargetDrive(target=target))
        used.add(target)
    exact_controls = frozenset(mapping)
    found = _by_family(plain, families, used, visemes)
    driver: dict[str, str] = {}  # control -> the family that drives it: two families would move it twice
    for family, target, weights in sorted(found, key=_rank):
        if len(weights) == 1:
            control = next(iter(weights))
            free = control not in exact_controls and driver.setdefault(control, family) == family
        else:
            # A shape that shows several controls at once serves only where nothing finer does.
            free = not any(control in exact_controls or control in driver for control in weights)
        if free:
            # What a shape is mostly about drives it: a smile shows joy, the squint that comes along does not.
            main = [control for control, weight in weights.items() if weight >= MAIN * max(weights.values())]
            for control in main:
                driver[control] = family
                # One target for both sides gets half from each; a half or quadrant of a control its full value.
                mapping.setdefault(control, []).append(TargetDrive(target=target, gain=1.0 / len(main)))
    return Proposal(
        mapping={control: tuple(drives) for control, drives in mapping.items()},
        visemes=visemes,
        families=tuple(families),
        unknown=tuple(target for target in targets if target not in used),
        missing=tuple(control for control in ARKIT if control not in mapping),
    )


def _behind_prefixes(
    plain: dict[str, str], exact: dict[str, str], families: Sequence[str], used: set[str]
) -> list[tuple[str, str]]:
    """(target, control) of ARKit names behind words of any kind: `Head_GEO.jawOpen`, `07_jawOpen`.

    Only for controls that no plain name drives; several parts of a face may each bring their own.
    """
    taken = {exact[plain[target]] for target in used if plain[target] in exact}
    found = []
    for target, name in plain.items():
        if target in used or any(name in _tables()[family] for family in families):
            continue
        for cut in _SEPARATOR.finditer(target):
            control = exact.get(normalised(target[cut.end() :]))
            if control is not None and control not in taken:
                found.append((target, control))
                break
    return found


def normalised(name: str) -> str:
    """Lower case without prefixes and separators; side suffixes spelled out, mouthClosed = mouthClose."""
    bare = _PREFIXES.sub("", name)
    side = _SIDE.search(bare)
    if side is not None:
        bare = bare[: side.start()] + ("Left" if (side[1] or side[2]).lower() == "l" else "Right")
    plain = re.sub(r"[\s._:-]", "", bare).lower()
    return "mouthclose" if plain == "mouthclosed" else plain


def _by_family(
    plain: dict[str, str], families: Sequence[str], used: set[str], visemes: dict[str, str]
) -> list[tuple[str, str, Weights]]:
    """(family, target, weights) of every alias; visemes go straight where they belong."""
    found: list[tuple[str, str, Weights]] = []
    for family in families:
        for target, name in plain.items():
            weights = _tables()[family].get(name)
            if weights is None or target in used:
                continue
            used.add(target)
            if all(key.startswith("viseme_") for key in weights):
                visemes.setdefault(next(iter(weights))[7:], target)
            else:
                found.append((family, target, weights))
    return found


def _rank(entry: tuple[str, str, Weights]) -> tuple[int, float]:
    """Finest first: one control, then both sides of one, then several; among equals the fuller shape."""
    weights = entry[2]
    kinds = len({_bare(control) for control in weights})
    return (0 if len(weights) == 1 else 1 if kinds == 1 else 2, -max(weights.values()))


def _bare(control: str) -> str:
    return control.removesuffix("Left").removesuffix("Right")


def _families_by_hits(plain: dict[str, str], used: set[str]) -> list[str]:
    open_names = [name for target, name in plain.items() if target not in used]
    hits = {family: sum(name in table for name in open_names) for family, table in _tables().items()}
    return sorted((family for family, count in hits.items() if count), key=lambda family: -hits[family])


@cache
def _tables() -> dict[str, dict[str, Weights]]:
    text = files("avatar_engine.components").joinpath("morph_aliases.yaml").read_text("utf-8")
    data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {
        family: {normalised(alias): dict(weights) for alias, weights in table.items()}
        for family, table in data["families"].items()
    }


@cache
def joint_aliases() -> dict[str, tuple[str, ...]]:
    """Joint role -> names other ecosystems give that joint."""
    text = files("avatar_engine.components").joinpath("morph_aliases.yaml").read_text("utf-8")
    return {role: tuple(names) for role, names in yaml.safe_load(text)["joints"].items()}
