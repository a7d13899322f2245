"""Only joins parts that are drawn alike into one: every part of its own costs a renderer as much as many triangles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avatar_engine.maker.parts import Floats, Material, MeshPart
from avatar_engine.maker.skeleton import rigid_to


def joined(name: str, parts: Sequence[MeshPart], material: Material) -> MeshPart:
    """One part of all, drawn with `material`; the colours that the parts' own materials had go into the vertices."""
    sizes = [len(part.positions) for part in parts]
    starts = np.cumsum([0, *sizes])
    names = list(dict.fromkeys(shape for part in parts for shape in part.morphs))
    morphs = {shape: np.zeros((int(starts[-1]), 3)) for shape in names}
    for part, start, size in zip(parts, starts, sizes, strict=False):
        for shape, delta in part.morphs.items():
            morphs[shape][start : start + size] = delta
    bones = [rigid_to("head", size) if part.joints is None else (part.joints, part.weights) for part, size in
             zip(parts, sizes, strict=True)]  # fmt: skip
    tinted = any(part.colors is not None or part.material.base_color != material.base_color for part in parts)
    return MeshPart(
        name=name,
        positions=np.concatenate([part.positions for part in parts]),
        normals=np.concatenate([part.normals for part in parts]),
        uvs=np.concatenate([part.uvs for part in parts]),
        triangles=np.concatenate([part.triangles + start for part, start in zip(parts, starts, strict=False)]),
        material=material,
        colors=np.concatenate([_colours(part) for part in parts]) if tinted else None,
        morphs=morphs,
        joints=np.concatenate([np.asarray(joints) for joints, _ in bones]),
        weights=np.concatenate([np.asarray(weights) for _, weights in bones]),
        lod=parts[0].lod,
    )


def _colours(part: MeshPart) -> Floats:
    """(n, 4) linear: the vertices' own times the material's."""
    base = np.tile(np.array(part.material.base_color), (len(part.positions), 1))
    return base if part.colors is None else base * part.colors
