"""Only assembles a person: body parts, hair and clothes at every level, into the bytes of a GLB."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from avatar_engine.maker.body import Bust, Person, cut_bust, neutral_person
from avatar_engine.maker.eyes import eye_materials, eye_parts, eyeballs
from avatar_engine.maker.glb import GlbWriter
from avatar_engine.maker.lashes import lash_material, lash_parts
from avatar_engine.maker.lips import sealing
from avatar_engine.maker.mouth import mouth_materials, mouth_parts
from avatar_engine.maker.parts import LODS, Material, MeshPart
from avatar_engine.maker.shapes import arkit_shapes, tongue_shapes, unit_shapes, viseme_shapes
from avatar_engine.maker.skeleton import four_strongest
from avatar_engine.maker.skin import skin_material
from avatar_engine.maker.source import Source, load_source
from avatar_engine.maker.spec import PersonSpec
from avatar_engine.maker.visemes import VISEME_TABLE


@dataclass(frozen=True, slots=True)
class Built:
    """A finished person: the file and what was put into it."""

    person: Person
    parts: tuple[MeshPart, ...]
    glb: bytes

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(self.glb).hexdigest()

    def triangles(self, lod: int) -> int:
        """All triangles of a level."""
        return sum(len(part.triangles) for part in self.parts if part.lod == lod)


def make_person(spec: PersonSpec, source: Source | None = None) -> Person:
    """Shape and all shapes of the face, with lips and eyes made to fit."""
    data = source or load_source()
    person = neutral_person(data, spec)
    vertices = person.vertices + sealing(person.vertices)
    arkit = arkit_shapes(data, vertices)
    shapes = {
        **arkit,
        **viseme_shapes(arkit, VISEME_TABLE),
        **unit_shapes(data, vertices, arkit),
        **tongue_shapes(data, vertices),
    }
    person = replace(person, vertices=vertices, shapes=shapes)
    for side, ball in eyeballs(person).items():
        person.centres[f"eye{side}"] = ball.centre
    return person


def skin_part(bust: Bust, material: Material, hidden: NDArray[np.bool_]) -> MeshPart:
    """The skin of a level without the faces that nobody sees."""
    surface = bust.surface
    at = bust.corner_position
    seen = ~hidden[at][bust.corner_triangles].all(1)
    used, numbers = np.unique(bust.corner_triangles[seen], return_inverse=True)
    vertex = at[used]
    joints, weights = four_strongest({name: weight[vertex] for name, weight in surface.weights.items()})
    morphs = {name: delta[vertex] for name, delta in surface.morphs.items()}
    return MeshPart(
        "Head", surface.positions[vertex], surface.normals[vertex], bust.texcoords[bust.corner_texcoord[used]],
        numbers.reshape(-1, 3), material,
        morphs={name: delta for name, delta in morphs.items() if np.abs(delta).max() > 1e-5},
        joints=joints, weights=weights, lod=surface.lod,
    )  # fmt: skip


def build(spec: PersonSpec, texture_size: int = 2048) -> Built:
    """The whole person; the same description gives the same bytes."""
    person = make_person(spec)
    busts = {lod: cut_bust(person, lod) for lod in LODS}
    skin = skin_material(person, busts[0], None, texture_size)
    eye = eye_materials(spec.eyes, np.random.default_rng([spec.seed, 2]))
    lash = lash_material(spec.eyes.lashes, np.random.default_rng([spec.seed, 3]))
    mouth = mouth_materials()
    parts: list[MeshPart] = []
    for lod in LODS:
        surface = busts[lod].surface
        hidden = np.zeros(len(surface.positions), dtype=bool)
        parts.append(skin_part(busts[lod], skin, hidden))
        parts += eye_parts(person, eye, lod)
        parts += lash_parts(person, lash, lod, spec.eyes.lashes)
        parts += mouth_parts(person, mouth, lod)
    extras = {"origin": "MakeHuman base mesh and targets, face units by Mika Suominen, CC0; built by avatar-engine"}
    glb = GlbWriter(spec.id).write(parts, person.centres, extras)
    return Built(person, tuple(parts), glb)
