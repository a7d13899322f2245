"""Only small things on cloth: buttons, pockets, a pen and a name badge."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.clothes.shell import Shell
from avatar_engine.maker.clothes.strip import Cloth
from avatar_engine.maker.hair.scalp import unit
from avatar_engine.maker.parts import Floats


def tangent_frame(shell: Shell, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Right (the wearer's left), up and outward unit vectors of the shell next to a point (3,)."""
    _, j = shell.tree.query(at, k=8)
    out = unit(shell.normals[j].mean(0))
    up = unit(np.array([0.0, 1.0, 0.0]) - out * out[1])
    return np.cross(up, out), up, out


def add_button(cloth: Cloth, shell: Shell, at: Floats, radius: float, shade: float = 0.92) -> None:
    """A domed disc of ten sides with a rim."""
    right, up, out = tangent_frame(shell, at)
    angle = np.arange(10) / 10 * 2 * np.pi
    spokes = np.cos(angle)[:, None] * right + np.sin(angle)[:, None] * up
    rings = [(1.0, -0.01, 0.5), (1.0, 0.012, 0.95), (0.72, 0.018, 1.0), (0.55, 0.010, 0.8)]
    p = np.concatenate([at + spokes * radius * r + out * z for r, z, _ in rings] + [(at + out * 0.010)[None]])
    n = np.concatenate([unit(spokes + out * (0.2, 1.0, 3.0, -2.0 * 0 + 3.0)[k]) for k in range(4)] + [out[None]])
    k = np.arange(10)
    m = (k + 1) % 10
    tri = []
    for ring in range(3):
        a, b = ring * 10, ring * 10 + 10
        tri += [np.stack([a + k, a + m, b + m], 1), np.stack([a + k, b + m, b + k], 1)]
    tri.append(np.stack([30 + k, 30 + m, np.full(10, 40)], 1))
    tone = np.concatenate([np.full(10, s * shade) for _, _, s in rings] + [[0.8 * shade]])
    cloth.add(p, np.concatenate(tri), np.zeros((41, 2)), tone, n)
