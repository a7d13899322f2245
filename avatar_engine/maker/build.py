"""Only assembles a person: body parts, hair and clothes at every level, into the bytes of a GLB."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.viseme_shapes import VISEME_SHAPES
from avatar_engine.maker import clothes, hair
from avatar_engine.maker.body import SOCKET_A, SOCKET_B, Bust, Person, cut_bust, hands, neutral_person
from avatar_engine.maker.eyes import eye_materials, eye_parts, eyeballs
from avatar_engine.maker.glb import GlbWriter
from avatar_engine.maker.joining import joined
from avatar_engine.maker.lashes import lash_material, lash_part
from avatar_engine.maker.lining import is_lining, lining_part, widening
from avatar_engine.maker.lips import levelling, sealing
from avatar_engine.maker.mouth import hard_points, mouth_materials, mouth_parts
from avatar_engine.maker.parts import LODS, SKIN_TRIANGLES, Floats, Ints, Material, MeshPart
from avatar_engine.maker.shapes import arkit_shapes, tongue_shapes, unit_shapes, viseme_shapes
from avatar_engine.maker.skeleton import four_strongest
from avatar_engine.maker.skin import skin_material
from avatar_engine.maker.source import Source, load_source
from avatar_engine.maker.spec import PersonSpec
from avatar_engine.maker.thinning import thinned_skin


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

    def vertices(self, lod: int) -> int:
        """All vertices of a level that triangles use: those of the file."""
        return sum(len(np.unique(part.triangles)) for part in self.parts if part.lod == lod)

    def textures(self) -> dict[str, str]:
        """Material -> size of its picture, width x height; all levels share them."""
        pictures = {part.material.name: part.material.texture for part in self.parts}
        return {name: f"{picture.width}x{picture.height}" for name, picture in pictures.items() if picture is not None}


def make_person(spec: PersonSpec, source: Source | None = None) -> Person:
    """Shape and all shapes of the face, with lips and eyes made to fit."""
    data = source or load_source()
    person = neutral_person(data, spec)
    vertices = person.vertices + levelling(person.vertices)
    vertices += sealing(vertices)
    arkit = arkit_shapes(data, vertices)
    tongue = tongue_shapes(data, vertices)
    shapes = {
        **arkit,
        **viseme_shapes({**arkit, **tongue}, VISEME_SHAPES),
        **unit_shapes(data, vertices, arkit),
        **tongue,
    }
    person = replace(person, vertices=vertices, shapes=shapes)
    person = replace(person, vertices=vertices + widening(person, hard_points(person)))
    for side, ball in eyeballs(person).items():
        person.centres[f"eye{side}"] = ball.centre
    return person


def seen_skin(bust: Bust, hidden: NDArray[np.bool_], wanted: int, cheap: NDArray[np.bool_], hairline: Floats) -> Ints:
    """Triangles of render vertices without those that nobody sees, thinned out to about `wanted`.

    hidden, cheap (n,): vertices below hair and clothes, and those that hair hides from most sides.
    hairline (n,): how far they lie inside of where hair grows, pupil distances.
    """
    at = bust.corner_position
    triangles = bust.corner_triangles[~hidden[at][bust.corner_triangles].all(1)]
    return thinned_skin(bust, triangles, wanted, cheap, hairline) if len(triangles) > wanted else triangles


def skin_part(bust: Bust, material: Material, triangles: Ints, tuck: Floats) -> MeshPart:
    """The skin of a level. tuck (n,): how far it is drawn in, dm."""
    surface, at = bust.surface, bust.corner_position
    positions = surface.positions - surface.normals * tuck[:, None]
    used, numbers = np.unique(triangles, return_inverse=True)
    vertex = at[used]
    joints, weights = four_strongest({name: weight[vertex] for name, weight in surface.weights.items()})
    morphs = {name: delta[vertex] for name, delta in surface.morphs.items()}
    return MeshPart(
        "Head", positions[vertex], surface.normals[vertex], bust.texcoords[bust.corner_texcoord[used]],
        numbers.reshape(-1, 3), material,
        morphs={name: delta for name, delta in morphs.items() if np.abs(delta).max() > 1e-5},
        joints=joints, weights=weights, lod=surface.lod,
    )  # fmt: skip


def _behind_eyes(person: Person, bust: Bust) -> NDArray[np.bool_]:
    """Walls of the eye sockets, which the eyeballs hide."""
    out = np.zeros(len(bust.surface.positions), dtype=bool)
    inside = (bust.island == SOCKET_A) | (bust.island == SOCKET_B)
    out[bust.corner_position[inside[bust.corner_texcoord]]] = True
    if bust.surface.lod == 2:
        return out
    for ball in eyeballs(person).values():
        near = np.linalg.norm(bust.surface.positions - ball.centre, axis=1) < 2.0 * ball.radius
        out[near] &= bust.surface.positions[near, 2] < ball.centre[2] + 0.5 * ball.radius
    return out


def build(spec: PersonSpec, texture_size: int = 2048) -> Built:
    """The whole person; the same description gives the same bytes."""
    person = make_person(spec)
    busts = {lod: cut_bust(person, lod) for lod in LODS}
    skin = skin_material(person, busts[LODS[0]], texture_size)
    eye = eye_materials(spec.eyes, np.random.default_rng([spec.seed, 2]))
    lash = lash_material(spec.eyes.lashes, np.random.default_rng([spec.seed, 3]))
    mouth = mouth_materials()
    parts: list[MeshPart] = []
    for lod in LODS:
        bust, surface = busts[lod], busts[lod].surface
        hidden = hair.covered(surface, spec.hair) | clothes.covered(surface, spec.clothes)
        hidden |= _behind_eyes(person, bust) | hands(person, bust)
        worn = clothes.build(surface, spec.clothes, np.random.default_rng([spec.seed, 7]))
        cheap, hairline = hair.shaded(surface, spec.hair), hair.beyond_hairline(surface, spec.hair)
        skin_triangles = seen_skin(bust, hidden, SKIN_TRIANGLES[lod], cheap, hairline)
        # Hair that lies on the skin has its very triangles, or one would come through the other.
        scalp = replace(surface, triangles=bust.corner_position[skin_triangles])
        tuck = clothes.tuck(surface, spec.clothes)
        inside = is_lining(person, bust, skin_triangles)
        parts += [skin_part(bust, skin, skin_triangles[~inside], tuck), *eye_parts(person, eye, lod)]
        parts.append(lash_part(person, lash, lod, spec.eyes.lashes))
        *hard, tongue = mouth_parts(person, mouth, lod)
        lining = lining_part(person, bust, mouth["mouth"], skin_triangles[inside])
        parts += [joined("Mouth", [*hard, lining], mouth["mouth"]), tongue]
        parts += hair.build(scalp, spec.hair, np.random.default_rng([spec.seed, 5])) + worn
    extras = {"origin": "MakeHuman base mesh and targets, face units by Mika Suominen, CC0; built by avatar-engine"}
    glb = GlbWriter(spec.id).write(parts, person.centres, extras)
    return Built(person, tuple(parts), glb)
