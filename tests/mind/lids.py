"""Measures the lids that a model really shows: gaps between vertices of its skin, in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_engine.engine.model import Mesh
from avatar_engine.scenes.library import Avatar


@dataclass(frozen=True)
class Gap:
    """The opening between two edges of skin. upper, lower: (e, 3) points; *_delta: (targets, e, 3)."""

    upper: np.ndarray
    lower: np.ndarray
    upper_delta: np.ndarray
    lower_delta: np.ndarray

    def mm(self, morphs: np.ndarray) -> np.ndarray:
        """(n,) opening at (n, targets) weights; negative: the edges have passed each other."""
        up = self.upper[:, 1] + np.einsum("nt,te->ne", morphs, self.upper_delta[:, :, 1])
        low = self.lower[:, 1] + np.einsum("nt,te->ne", morphs, self.lower_delta[:, :, 1])
        return 1000.0 * (up.min(axis=1) - low.max(axis=1))


def _skin(avatar: Avatar) -> tuple[Mesh, np.ndarray]:
    model = avatar.model
    mesh = max((m for m in model.meshes if m.level == 1 and m.material.kind == "skin"), key=lambda m: len(m.positions))
    deltas = np.zeros((len(model.morph_names), len(mesh.positions), 3), np.float32)
    for target in mesh.targets:
        deltas[model.morph_names.index(target.name), target.index] = target.delta
    return mesh, deltas


def lid_gap(avatar: Avatar, side: int) -> Gap:
    """Between the lids of the left (1) or right (-1) eye, at the middle of the eye."""
    mesh, deltas = _skin(avatar)
    names, points = avatar.model.morph_names, mesh.positions
    shut = deltas[names.index("eyeBlinkLeft" if side > 0 else "eyeBlinkRight")]
    travel = -shut[:, 1]
    # the edge of the upper lid is what a blink moves farthest; the lower edge is the nearest skin where it arrives
    upper = np.argsort(-travel)[:3]
    middle = points[upper, 0].mean()
    upper = np.array([k for k in upper if abs(points[k, 0] - middle) < 0.004])
    arrival = (points + shut)[upper].mean(axis=0)
    still = np.flatnonzero((travel < 0.25 * travel.max()) & (np.abs(points[:, 0] - middle) < 0.005))
    still = still[points[still, 1] < points[upper, 1].min() - 0.004]
    lower = still[np.argsort(np.linalg.norm(points[still] - arrival, axis=1))[:2]]
    return Gap(points[upper], points[lower], deltas[:, upper], deltas[:, lower])
