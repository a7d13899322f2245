"""Only geometry on the card: a model's static arrays, triangles and textures, shared; moving vertices per view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.model import Mesh, Model, Texture
from avatar_engine.engine.render.panda.morphing import Morpher, MorphTable
from avatar_engine.engine.render.panda.outline import Outline
from avatar_engine.engine.surface import weld

MAX_BONES = 200  # three vec4 each: within the 1,024 vec4 that OpenGL 3.3 drivers offer


SOLID_ALPHA, FAINT_ALPHA = 0.7, 0.03
"""Strands count as solid from the first (as in the shader), and as nothing below the second."""

COARSE_M = {"skin": 0.012, "cloth": 0.03, "plain": 0.012}
"""Surfaces whose mean edge is longer than this are lit per pixel: light would show their triangles."""


def _edge_m(mesh: Mesh) -> float:
    corners = mesh.positions[mesh.triangles]
    return float(np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1).mean()) if len(corners) else 0.0


def _leading_bones(mesh: Mesh, bones: Palette) -> NDArray[np.int64]:
    if mesh.joints is None or mesh.weights is None:
        return np.full(len(mesh.positions), bones.lookup[mesh.attached_joint])
    best = mesh.weights.argmax(axis=1)
    leading: NDArray[np.int64] = bones.lookup[np.take_along_axis(mesh.joints, best[:, None], 1)[:, 0]]
    return leading


def _triangles(corners: NDArray[np.uint32], count: int) -> core.GeomTriangles:
    primitive = core.GeomTriangles(core.Geom.UH_static)
    if not corners.size:
        return primitive
    small = count < 65535
    primitive.set_index_type(core.Geom.NT_uint16 if small else core.Geom.NT_uint32)
    rows = primitive.modify_vertices()
    rows.unclean_set_num_rows(corners.size)
    flat = np.ascontiguousarray(corners.astype(np.uint16 if small else np.uint32))
    memoryview(rows).cast("B")[:] = flat.data.cast("B")
    return primitive


def _alpha_range(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and most alpha (0..1) that each triangle shows, sampled at 28 places."""
    texture, base = mesh.material.base_texture, mesh.material.base_colour[3]
    count = len(mesh.triangles)
    tint = np.full((count, 3), base) if mesh.colours is None else mesh.colours[mesh.triangles][:, :, 3] * base
    if texture is None:
        return tint.min(axis=1), tint.max(axis=1)
    alpha = texture.pixels[..., 3]
    height, width = alpha.shape
    steps = 6
    spots = [(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)]
    least, most = np.full(count, 255.0), np.zeros(count)
    for spot in spots:
        uv = np.einsum("k,nkd->nd", np.array(spot) / steps, mesh.uvs[mesh.triangles])
        column = np.clip((uv[:, 0] % 1.0 * width).astype(np.int64), 0, width - 1)
        row = np.clip((uv[:, 1] % 1.0 * height).astype(np.int64), 0, height - 1)
        seen = alpha[row, column] * (tint @ (np.array(spot) / steps))
        least, most = np.minimum(least, seen), np.maximum(most, seen)
    return least / 255.0, most / 255.0


def _front_first(mesh: Mesh) -> NDArray[np.int64]:
    """Triangles in six slices from the face to the back: what lies behind is refused by depth, not shaded in vain.

    Within a slice the file's order stays, and with it the reuse of vertices."""
    depth = mesh.positions[mesh.triangles][:, :, 2].mean(axis=1)
    low, high = float(depth.min(initial=0.0)), float(depth.max(initial=0.0))
    slices = np.floor((high - depth) / max(high - low, 1e-9) * 5.999)
    return np.argsort(slices, kind="stable")


def _back_to_front(mesh: Mesh) -> NDArray[np.int64]:
    """Triangles in two dozen slices from behind the head to before the face: what is blended later lies nearer to a
    camera in front. Within a slice the file's order stays, and with it the reuse of vertices."""
    depth = mesh.positions[mesh.triangles][:, :, 2].mean(axis=1)
    low, high = float(depth.min(initial=0.0)), float(depth.max(initial=0.0))
    return np.argsort(np.floor((depth - low) / max(high - low, 1e-9) * 23.999), kind="stable")


def _moving_format() -> core.GeomVertexArrayFormat:
    layout = core.GeomVertexArrayFormat()
    layout.add_column("vertex", 3, core.Geom.NT_float32, core.Geom.C_point)
    layout.add_column("normal", 3, core.Geom.NT_float32, core.Geom.C_normal)
    return layout


def _fill(array: core.GeomVertexArrayData, values: NDArray[np.float32]) -> None:
    memoryview(array).cast("B")[:] = np.ascontiguousarray(values).data.cast("B")


@dataclass(frozen=True, slots=True)
class Palette:
    """Joints that move any vertex, as the shaders see them: joint number of every palette entry."""

    joints: NDArray[np.int64]
    lookup: NDArray[np.int64]  # joint number (-1 last: not moved) -> palette entry


def palette(model: Model) -> Palette:
    """The joints in use, at most MAX_BONES; the rest is carried by the nearest ancestor in use."""
    count = len(model.joints)
    votes = np.zeros(count + 1)
    for mesh in model.meshes:
        if mesh.joints is not None and mesh.weights is not None:
            votes[:count] += np.bincount(mesh.joints.ravel(), mesh.weights.ravel(), count)[:count]
        else:
            votes[mesh.attached_joint] += len(mesh.positions)
    votes[count] = np.inf  # the identity is always there
    best = np.argsort(-votes, kind="stable")[:MAX_BONES]
    kept = np.sort(best[votes[best] > 0.0])
    lookup = np.zeros(count + 1, np.int64)
    place = {int(joint): i for i, joint in enumerate(kept)}
    for joint in range(count + 1):
        at = joint
        while at not in place:
            at = model.joints[at].parent if at < count else count
            at = count if at < 0 else at
        lookup[joint] = place[at]
    return Palette(kept, lookup)


class SharedMesh:
    """One mesh on the card, as every view of the model uses it."""

    def __init__(self, mesh: Mesh, model: Model, bones: Palette) -> None:
        self.mesh = mesh
        count = len(mesh.positions)
        self.influences, self.bone = 0, int(bones.lookup[mesh.attached_joint])
        columns = [mesh.uvs]
        static = core.GeomVertexArrayFormat()
        static.add_column("texcoord", 2, core.Geom.NT_float32, core.Geom.C_texcoord)
        self.has_tangents = mesh.tangents is not None
        self.has_colours = mesh.colours is not None
        if mesh.tangents is not None:
            static.add_column("strand", 3, core.Geom.NT_float32, core.Geom.C_other)
            columns.append(mesh.tangents[:, :3])
        if mesh.colours is not None:
            static.add_column("tint", 4, core.Geom.NT_float32, core.Geom.C_other)
            columns.append(mesh.colours)
        if mesh.joints is not None and mesh.weights is not None:
            index, weight = bones.lookup[mesh.joints], mesh.weights
            self.influences = int((weight > 1e-4).sum(axis=1).max(initial=1))
            only = np.unique(index[weight > 1e-4])
            if len(only) == 1:
                self.influences, self.bone = 0, int(only[0])
            else:
                order = np.argsort(-weight, axis=1, kind="stable")
                entry = np.take_along_axis(index, order, 1).astype(np.float32)
                weight = np.take_along_axis(weight, order, 1)
                static.add_column("bone_index", 4, core.Geom.NT_float32, core.Geom.C_other)
                static.add_column("bone_weight", 4, core.Geom.NT_float32, core.Geom.C_other)
                columns += [entry, weight]
        self.static_array = core.GeomVertexArrayData(
            core.GeomVertexArrayFormat.register_format(static), core.Geom.UH_static
        )
        self.static_array.unclean_set_num_rows(count)
        _fill(self.static_array, np.hstack(columns).astype(np.float32))
        seen = core.GeomVertexArrayFormat()
        seen.add_column("seen", 2, core.Geom.NT_float32, core.Geom.C_other)
        self._seen_layout = core.GeomVertexArrayFormat.register_format(seen)
        layout = core.GeomVertexFormat()
        layout.add_array(_moving_format())
        layout.add_array(static)
        layout.add_array(seen)
        self.layout = core.GeomVertexFormat.register_format(layout)
        # Strands: the solid part from front to back, so that what is hidden is never shaded; the soft ends in turn.
        layered = mesh.material.kind in ("hair", "lash", "brow")
        order = _back_to_front(mesh) if layered else np.zeros(0, np.int64)
        self._drawn = mesh.triangles[order[::-1] if layered else _front_first(mesh)]
        self.triangles = _triangles(self._drawn, count)
        self.core = self.fringe = self.triangles
        if layered:
            least, most = _alpha_range(mesh)
            solid, soft = most >= SOLID_ALPHA, (least < SOLID_ALPHA) & (most > FAINT_ALPHA)
            self.core = _triangles(mesh.triangles[order[::-1][solid[order[::-1]]]], count)
            self.fringe = _triangles(mesh.triangles[order[soft[order]]], count)
        self.table = MorphTable(mesh, model.morph_names)
        self.coarse = _edge_m(mesh) > COARSE_M.get(mesh.material.kind, 1.0)
        self._rest: core.GeomVertexData | None = None
        self._leading = _leading_bones(mesh, bones)
        self._outline: Outline | None = None
        self._sky: NDArray[np.float32] | None = None
        self._pruned = False

    def learn(self, sky: NDArray[np.float32]) -> None:
        """Told how much sky every vertex sees at rest (n,): what nobody can ever see is not drawn again.

        Only skin below hair and clothes, and only where no shape moves it: two rings around stay, for turned heads.
        """
        self._sky = sky
        if self.mesh.material.kind != "skin" or self._pruned:
            return
        self._pruned = True
        open_ = np.maximum(sky, self.table.reach() > 0.0005)
        corners = self.mesh.triangles.astype(np.int64)
        groups = weld(self.mesh.positions)
        for _ in range(2):
            spread = np.zeros(int(groups.max(initial=0)) + 1)
            np.maximum.at(spread, groups[corners], open_[corners].max(axis=1, keepdims=True))
            open_ = spread[groups]
        keep = (open_[self._drawn.astype(np.int64)] > 0.0).any(axis=1)
        self._drawn = self._drawn[keep]
        self.triangles = self.core = self.fringe = _triangles(self._drawn, len(self.mesh.positions))

    def outline(self) -> Outline:
        """Edges for silhouettes; made when a view first asks."""
        if self._outline is None:
            seen = np.ones(len(self.mesh.positions), bool)
            if self._sky is not None:
                seen = (self._sky > 0.02) | (self.table.reach() > 0.002)
            self._outline = Outline(self.mesh, self._leading, seen)
        return self._outline

    def seen_array(self, seen: NDArray[np.float32]) -> core.GeomVertexArrayData:
        """Baked light (n, 2) on the card."""
        array = core.GeomVertexArrayData(self._seen_layout, core.Geom.UH_static)
        array.unclean_set_num_rows(len(seen))
        _fill(array, seen)
        return array

    def rest_data(self) -> core.GeomVertexData:
        """Resting vertices, for baking."""
        if self._rest is None:
            self._rest = self._vertices(core.Geom.UH_static)
        return self._rest

    def _vertices(self, hint: int) -> core.GeomVertexData:
        data = core.GeomVertexData(self.mesh.name, self.layout, hint)
        data.unclean_set_num_rows(len(self.mesh.positions))
        data.set_array(1, self.static_array)
        _fill(data.modify_array(0), self.table.rest)
        return data

    def vertex_data(self, seen: core.GeomVertexArrayData) -> core.GeomVertexData:
        """Vertices for one view; meshes that nothing morphs share their positions."""
        data = self._vertices(core.Geom.UH_dynamic) if self.table.size else core.GeomVertexData(self.rest_data())
        data.set_array(2, seen)
        return data


class ViewMesh:
    """One mesh of one view: its own vertices where anything morphs it."""

    def __init__(self, shared: SharedMesh, seen: core.GeomVertexArrayData) -> None:
        self.shared = shared
        self.morpher = Morpher(shared.table) if shared.table.size else None
        self.changes = 0  # of the vertices, and how many of them the card has seen
        self._uploaded = 0
        geom = core.Geom(shared.vertex_data(seen))
        geom.add_primitive(shared.triangles)
        node = core.GeomNode(shared.mesh.name)
        node.add_geom(geom)
        # Vertices move in the shader: what is seen is decided by framing, not by these bounds.
        node.set_bounds(core.OmniBoundingVolume())
        node.set_final(True)
        self.path = core.NodePath(node)
        self.node = node
        self._fringe: core.GeomNode | None = None

    def fringe(self) -> core.NodePath:
        """The same vertices once more, back to front, for what is blended."""
        self.node.modify_geom(0).set_primitive(0, self.shared.core)
        geom = core.Geom(self.node.get_geom(0).get_vertex_data())
        geom.add_primitive(self.shared.fringe)
        self._fringe = core.GeomNode(self.shared.mesh.name + " fringe")
        self._fringe.add_geom(geom)
        self._fringe.set_bounds(core.OmniBoundingVolume())
        self._fringe.set_final(True)
        return core.NodePath(self._fringe)

    def pose(self, morphs: NDArray[np.float32]) -> None:
        """Find where the vertices are."""
        if self.morpher is not None and self.morpher.apply(morphs):
            self.changes += 1

    def upload(self) -> None:
        """Show them."""
        if self.morpher is None or self._uploaded == self.changes:
            return
        self._uploaded = self.changes
        data = self.node.modify_geom(0).modify_vertex_data()
        _fill(data.modify_array(0), self.morpher.vertices)
        if self._fringe is not None:
            self._fringe.modify_geom(0).set_vertex_data(data)


class ViewOutline:
    """The silhouette of one mesh of one view, as smooth lines over the same vertices."""

    def __init__(self, part: ViewMesh) -> None:
        self._part = part
        self._outline = part.shared.outline()
        self._planes = self._outline.faces(part.shared.table.rest)
        self._pairs = np.zeros((1, 2), np.uint32)
        self._posed = self._uploaded = 0  # changes of the part's vertices
        self._lines = core.GeomLines(core.Geom.UH_dynamic)
        self._lines.set_index_type(core.Geom.NT_uint32)
        self._lines.add_vertices(0, 0)
        geom = core.Geom(part.node.get_geom(0).get_vertex_data())
        geom.add_primitive(self._lines)
        self._node = core.GeomNode(part.shared.mesh.name + " outline")
        self._node.add_geom(geom)
        self._node.set_bounds(core.OmniBoundingVolume())
        self._node.set_final(True)
        self.path = core.NodePath(self._node)

    def pose(self, eyes: NDArray[np.float32]) -> None:
        """Find the silhouette anew, of the part as it is posed; eyes: (P, 3) the camera's place as each bone sees it."""
        if self._part.morpher is not None and self._posed != self._part.changes:
            self._posed = self._part.changes
            self._planes = self._outline.faces(self._part.morpher.vertices)
        pairs = self._outline.visible(self._planes, eyes)
        self._pairs = np.ascontiguousarray(pairs) if len(pairs) else np.zeros((1, 2), np.uint32)

    def upload(self) -> None:
        """Show it, after the part."""
        geom = self._node.modify_geom(0)
        if self._uploaded != self._posed:
            self._uploaded = self._posed
            geom.set_vertex_data(self._part.node.get_geom(0).get_vertex_data())
        rows = geom.modify_primitive(0).modify_vertices()
        rows.unclean_set_num_rows(self._pairs.size)
        memoryview(rows).cast("B")[:] = self._pairs.data.cast("B")


def make_texture(texture: Texture, side: int) -> core.Texture:
    """Pixels to the card with mipmaps, at most `side` a side; the copy in memory is dropped once they are there."""
    pixels = texture.pixels
    shrink = -(-max(pixels.shape[:2]) // side)
    if shrink > 1:
        pixels = np.asarray(PIL.Image.fromarray(pixels).reduce(shrink))
    height, width = pixels.shape[:2]
    result = core.Texture(texture.name)
    result.setup_2d_texture(width, height, core.Texture.T_unsigned_byte, core.Texture.F_rgba)
    # Rows are red first, the card expects blue first: the shaders swap, a copy would be as large as the picture.
    result.set_ram_image(np.ascontiguousarray(pixels).data.cast("B"))
    result.set_minfilter(core.SamplerState.FT_linear_mipmap_linear)
    result.set_magfilter(core.SamplerState.FT_linear)
    result.set_wrap_u(core.SamplerState.WM_repeat)
    result.set_wrap_v(core.SamplerState.WM_repeat)
    result.set_keep_ram_image(False)
    return result
