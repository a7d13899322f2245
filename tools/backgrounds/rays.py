"""Only finds what rays hit: all shapes of a room as arrays, tested group by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.backgrounds.shapes import Box, Cone, Ellipsoid, Floats, Group, Room, Surface

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEAR_M = np.float32(1e-3)
FAR = np.float32(1e9)
LANES = 60_000
"""So many (shape, ray) pairs are tested at once: they fit the second-level cache."""


@dataclass(slots=True)
class Cluster:
    """A group as arrays. Shape numbers: boxes first, then cones, then ellipsoids, from `first` on."""

    first: int
    low: Floats  # (3,) bounding box in the room
    high: Floats
    turn: Floats  # (3, 3) group -> room
    place: Floats  # (3,)
    boxes: Floats  # (b, 6) low, high
    cones: Floats  # (c, 6) base, height, radius below, radius above
    ellipsoids: Floats  # (e, 12) matrix room-of-group -> unit sphere (9), centre (3)
    identity: bool

    @property
    def count(self) -> int:
        """Shapes in it."""
        return len(self.boxes) + len(self.cones) + len(self.ellipsoids)


@dataclass(slots=True)
class Solids:
    """All shapes of a room. Per shape number: surface, cluster."""

    clusters: list[Cluster]
    surfaces: list[Surface]
    surface_of: Ints
    cluster_of: Ints
    see_through: Bools  # shapes that cast no shadow (panes and lamps that are sampled)


def solids(room: Room) -> Solids:
    """Compile the shapes of a room."""
    surfaces: list[Surface] = []
    numbers: dict[int, int] = {}
    shapes: list[int] = []
    owners: list[int] = []
    clusters: list[Cluster] = []
    glowing = {id(lamp.surface) for lamp in room.lamps if lamp.surface is not None}
    for group in (room.shell, *room.groups):
        ordered: list[Box | Cone | Ellipsoid] = []
        for kind in (Box, Cone, Ellipsoid):
            ordered += [shape for shape in group.shapes if isinstance(shape, kind)]
        clusters.append(_cluster(group, ordered, len(shapes)))
        for shape in ordered:
            key = id(shape.surface)
            if key not in numbers:
                numbers[key] = len(surfaces)
                surfaces.append(shape.surface)
            shapes.append(numbers[key])
            owners.append(len(clusters) - 1)
    lit = np.array([id(surface) in glowing for surface in surfaces])
    surface_of = np.array(shapes)
    return Solids(clusters, surfaces, surface_of, np.array(owners), lit[surface_of])


def nearest(scene: Solids, origin: Floats, heading: Floats) -> tuple[Floats, Ints]:
    """(n,) distance and shape number (-1: nothing) along rays origin + t heading, both (3, n)."""
    count = origin.shape[1]
    best = np.full(count, FAR, np.float32)
    shape = np.full(count, -1, np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.float32(1) / heading
        for number, cluster in enumerate(scene.clusters):
            if number == 0:
                at = np.arange(count)
            else:
                enter = _enter(cluster, origin, inverse)
                at = np.flatnonzero(enter < best)
            if not len(at):
                continue
            for part in np.array_split(at, max(1, len(at) * cluster.count // LANES)):
                distance, index = _inside(cluster, origin[:, part], heading[:, part])
                closer = distance < best[part]
                hit = part[closer]
                best[hit] = distance[closer]
                shape[hit] = index[closer] + cluster.first
    return best, shape


def blocked(scene: Solids, origin: Floats, heading: Floats, limit: Floats) -> Bools:
    """(n,) whether something stands between origin and origin + limit heading."""
    count = origin.shape[1]
    result = np.zeros(count, np.bool_)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.float32(1) / heading
        for cluster in scene.clusters:
            at = np.flatnonzero((_enter(cluster, origin, inverse) < limit) & ~result)
            if not len(at):
                continue
            seen = scene.see_through[cluster.first : cluster.first + cluster.count]
            for part in np.array_split(at, max(1, len(at) * cluster.count // LANES)):
                distance, _ = _inside(cluster, origin[:, part], heading[:, part], seen)
                result[part] = distance < limit[part]
    return result


def normals(scene: Solids, shape: Ints, point: Floats) -> tuple[Floats, Floats, Floats]:
    """Normals (n, 3) in the room and points, normals (n, 3) in the axes of the shape's group."""
    local = np.empty_like(point)
    facing = np.empty_like(point)
    world = np.empty_like(point)
    owners = scene.cluster_of[shape]
    for number in np.unique(owners):
        cluster = scene.clusters[number]
        at = np.flatnonzero(owners == number)
        where = (point[at] - cluster.place) @ cluster.turn
        index = shape[at] - cluster.first
        normal = np.empty_like(where)
        b, c = len(cluster.boxes), len(cluster.cones)
        box, cone, ball = index < b, (index >= b) & (index < b + c), index >= b + c
        if box.any():
            edges = cluster.boxes[index[box]]
            half = (edges[:, 3:] - edges[:, :3]) / 2
            offset = where[box] - edges[:, :3] - half
            # The face whose plane is closest in metres: thin boxes have faces that are nearly everywhere close.
            axis = np.argmin(np.abs(np.abs(offset) - half), 1)
            flat = np.zeros_like(offset)
            rows = np.arange(len(axis))
            flat[rows, axis] = np.sign(offset[rows, axis])
            normal[box] = flat
        if cone.any():
            normal[cone] = _cone_normal(cluster.cones[index[cone] - b], where[cone])
        if ball.any():
            data = cluster.ellipsoids[index[ball] - b - c]
            matrix = data[:, :9].reshape(-1, 3, 3)
            unit = np.einsum("nij,nj->ni", matrix, where[ball] - data[:, 9:])
            normal[ball] = np.einsum("nij,ni->nj", matrix, unit)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        local[at], facing[at], world[at] = where, normal, normal @ cluster.turn.T
    return world, local, facing


def _cluster(group: Group, ordered: list[Box | Cone | Ellipsoid], first: int) -> Cluster:
    boxes = [(*shape.low, *shape.high) for shape in ordered if isinstance(shape, Box)]
    cones = [
        (*shape.base, shape.height, shape.radius_low, shape.radius_high) for shape in ordered if isinstance(shape, Cone)
    ]
    balls = []
    corners = [np.zeros((0, 3))]
    for shape in ordered:
        if isinstance(shape, Box):
            low, high = np.array(shape.low), np.array(shape.high)
        elif isinstance(shape, Cone):
            radius = max(shape.radius_low, shape.radius_high)
            low = np.subtract(shape.base, (radius, 0, radius))
            high = np.add(shape.base, (radius, shape.height, radius))
        else:
            reach = np.sqrt(((shape.axes * np.array(shape.radii)) ** 2).sum(1))
            low, high = np.array(shape.centre) - reach, np.array(shape.centre) + reach
            matrix = (shape.axes / np.array(shape.radii)).T
            balls.append((*matrix.ravel(), *shape.centre))
        span = np.stack([low, high])
        grid = np.array([[span[i, 0], span[j, 1], span[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
        corners.append(grid @ group.turn.T + group.place)
    everything = np.concatenate(corners)
    f32 = np.float32
    return Cluster(
        first,
        (everything.min(0) - 1e-3).astype(f32),
        (everything.max(0) + 1e-3).astype(f32),
        group.turn.astype(f32),
        np.array(group.place, f32),
        np.array(boxes, f32).reshape(-1, 6),
        np.array(cones, f32).reshape(-1, 6),
        np.array(balls, f32).reshape(-1, 12),
        bool(np.allclose(group.turn, np.eye(3))),
    )


def _enter(cluster: Cluster, origin: Floats, inverse: Floats) -> Floats:
    """(n,) where rays enter the bounding box, FAR where they miss it."""
    enter = np.full(origin.shape[1], 0, np.float32)
    leave = np.full(origin.shape[1], FAR, np.float32)
    for axis in range(3):
        one = (cluster.low[axis] - origin[axis]) * inverse[axis]
        two = (cluster.high[axis] - origin[axis]) * inverse[axis]
        np.maximum(enter, np.minimum(one, two), out=enter)
        np.minimum(leave, np.maximum(one, two), out=leave)
    return np.asarray(np.where(enter <= leave, enter, FAR))


def _inside(cluster: Cluster, origin: Floats, heading: Floats, skip: Bools | None = None) -> tuple[Floats, Ints]:
    """(n,) distance to the nearest shape of the cluster and its number in it."""
    start = origin - cluster.place[:, None]
    if not cluster.identity:
        start, heading = cluster.turn.T @ start, cluster.turn.T @ heading
    tables = []
    if len(cluster.boxes):
        tables.append(_boxes(cluster.boxes, start, heading))
    if len(cluster.cones):
        tables.append(_cones(cluster.cones, start, heading))
    if len(cluster.ellipsoids):
        tables.append(_ellipsoids(cluster.ellipsoids, start, heading))
    table = tables[0] if len(tables) == 1 else np.concatenate(tables)
    if skip is not None and skip.any():
        table[skip] = FAR
    index = table.argmin(0)
    return table[index, np.arange(table.shape[1])], index


def _boxes(boxes: Floats, start: Floats, heading: Floats) -> Floats:
    inverse = 1 / heading
    enter = leave = np.zeros(0, np.float32)
    for axis in range(3):
        one = (boxes[:, axis, None] - start[axis]) * inverse[axis]
        two = (boxes[:, axis + 3, None] - start[axis]) * inverse[axis]
        near, far = np.minimum(one, two), np.maximum(one, two, out=one)
        enter = np.maximum(enter, near, out=enter) if axis else near
        leave = np.minimum(leave, far, out=leave) if axis else far
    enter[(enter > leave) | (enter < NEAR_M)] = FAR
    return enter


def _cones(cones: Floats, start: Floats, heading: Floats) -> Floats:
    base, height, low, high = cones[:, :3], cones[:, 3, None], cones[:, 4, None], cones[:, 5, None]
    x, y, z = (start[axis] - base[:, axis, None] for axis in range(3))
    dx, dy, dz = heading
    slope = (high - low) / height
    radius = low + slope * y
    a = dx * dx + dz * dz - (slope * dy) ** 2
    b = x * dx + z * dz - radius * slope * dy
    c = x * x + z * z - radius * radius
    root = np.sqrt(np.maximum(b * b - a * c, 0))
    best = np.full(a.shape, FAR, np.float32)
    for sign in (-1, 1):
        t = (-b + sign * root) / a
        at = y + t * dy
        good = (b * b >= a * c) & (t > NEAR_M) & (at >= 0) & (at <= height) & (t < best)
        best = np.where(good, t, best)
    for level, reach in ((0.0, low), (height, high)):
        t = (level - y) / dy
        good = ((x + t * dx) ** 2 + (z + t * dz) ** 2 <= reach * reach) & (t > NEAR_M) & (t < best)
        best = np.where(good, t, best)
    return best.astype(np.float32, copy=False)


def _ellipsoids(balls: Floats, start: Floats, heading: Floats) -> Floats:
    matrix, centre = balls[:, :9].reshape(-1, 3, 3), balls[:, 9:]
    direction = np.matmul(matrix.reshape(-1, 3), heading).reshape(len(balls), 3, -1)
    offset = np.matmul(matrix.reshape(-1, 3), start).reshape(len(balls), 3, -1)
    offset -= np.einsum("eij,ej->ei", matrix, centre)[:, :, None]
    a = (direction * direction).sum(1)
    b = (direction * offset).sum(1)
    c = (offset * offset).sum(1) - 1
    inside = b * b - a * c
    t = (-b - np.sqrt(np.maximum(inside, 0))) / a
    return np.asarray(np.where((inside > 0) & (t > NEAR_M), t, FAR), np.float32)


def _cone_normal(cones: Floats, where: Floats) -> Floats:
    offset = where - cones[:, :3]
    height, slope = cones[:, 3], (cones[:, 5] - cones[:, 4]) / cones[:, 3]
    radius = np.hypot(offset[:, 0], offset[:, 2])
    side = np.abs(radius - cones[:, 4] - slope * offset[:, 1])
    lid, floor = np.abs(height - offset[:, 1]), np.abs(offset[:, 1])
    normal = np.stack([offset[:, 0], -slope * radius, offset[:, 2]], 1)
    normal[(lid < side) & (lid < floor)] = (0, 1, 0)
    normal[(floor < side) & (floor < lid)] = (0, -1, 0)
    return normal
