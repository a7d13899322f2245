"""Only defines the viseme network in JAX: causal convolutions at 100 Hz, two GRUs at 50 Hz, heads for three delays.

Two 10 ms frames make one step. At the step that ends with hop t (t odd) the heads of delay d speak of hops t - d and
t + 1 - d, so that a frame is never older than d hops when the next step is still to come. The head of the longest delay
reads what the GRUs say at the step of the one before it and at every step since.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from avatar_engine.systems.log_mel import BANDS
from avatar_engine.systems.phone_table import PHONE_CLASSES

NEAR_DELAYS = (3, 7)
AHEAD_STEPS = 8
DELAYS = (*NEAR_DELAYS, NEAR_DELAYS[-1] + 2 * AHEAD_STEPS)
VISEMES = 15
PHONES = len(PHONE_CLASSES)
# Per frame and delay: visemes, phone classes, openness, closure, labiodental, rounding, speech (all logits).
OUTPUTS = VISEMES + PHONES + 5

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network."""

    conv1: int = 96
    conv2: int = 160
    gru: int = 256
    head: int = 160
    ahead: int = 128
    ahead_head: int = 192
    kernel1: int = 5
    kernel2: int = 4


def init(shape: Shape, seed: int) -> Params:
    rng = np.random.default_rng(seed)

    def dense(fan_in: int, *size: int) -> np.ndarray:
        return (rng.standard_normal(size) * np.sqrt(1.6 / fan_in)).astype(np.float32)

    def gru(inputs: int) -> Params:
        h = shape.gru
        orthogonal = np.concatenate([np.linalg.qr(rng.standard_normal((h, h)))[0] for _ in range(3)], axis=1)
        return {
            "w": dense(inputs, inputs, 3 * h),
            "u": orthogonal.astype(np.float32),
            "b": np.zeros(3 * h, np.float32),
            "bn": np.zeros(h, np.float32),
        }

    last = shape.conv2 + 2 * shape.gru
    outputs = len(NEAR_DELAYS) * 2 * OUTPUTS
    window = (AHEAD_STEPS + 1) * shape.ahead
    return {
        "c1": {"w": dense(BANDS * shape.kernel1, shape.kernel1 * BANDS, shape.conv1), "b": np.zeros(shape.conv1, np.float32)},
        "c2": {
            "w": dense(shape.conv1 * shape.kernel2, shape.kernel2 * shape.conv1, shape.conv2),
            "b": np.zeros(shape.conv2, np.float32),
        },
        "norm": {"g": np.ones(shape.conv2, np.float32), "b": np.zeros(shape.conv2, np.float32)},
        "g1": gru(shape.conv2),
        "g2": gru(shape.gru),
        "h": {"w": dense(last, last, shape.head), "b": np.zeros(shape.head, np.float32)},
        "o": {"w": 0.3 * dense(shape.head, shape.head, outputs), "b": np.zeros(outputs, np.float32)},
        "ap": {"w": dense(last, last, shape.ahead), "b": np.zeros(shape.ahead, np.float32)},
        "ah": {"w": dense(window, window, shape.ahead_head), "b": np.zeros(shape.ahead_head, np.float32)},
        "ao": {
            "w": 0.3 * dense(shape.ahead_head, shape.ahead_head, 2 * OUTPUTS),
            "b": np.zeros(2 * OUTPUTS, np.float32),
        },
    }  # fmt: skip


def _product(x: jax.Array, w: jax.Array) -> jax.Array:
    """x @ w in 16 bits with sums in 32: three times as fast on processors that know bfloat16."""
    out = jnp.dot(x.astype(jnp.bfloat16), w.astype(jnp.bfloat16), preferred_element_type=jnp.float32)
    return out.astype(jnp.float32)


@jax.custom_vjp
def _product16(x: jax.Array, w: jax.Array) -> jax.Array:
    return _product(x, w)


def _product16_forward(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _product(x, w), (x, w)


def _product16_backward(kept: tuple[jax.Array, jax.Array], d: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, w = kept
    flat_x, flat_d = x.reshape(-1, x.shape[-1]), d.reshape(-1, d.shape[-1])
    return _product(flat_d, w.T).reshape(x.shape), _product(flat_x.T, flat_d)


_product16.defvjp(_product16_forward, _product16_backward)


def _gru_step(u: jax.Array, bn: jax.Array, h: jax.Array, g: jax.Array) -> tuple[jax.Array, ...]:
    size = u.shape[0]
    r = h @ u
    z = jax.nn.sigmoid(g[:, :size] + r[:, :size])
    reset = jax.nn.sigmoid(g[:, size : 2 * size] + r[:, size : 2 * size])
    q = r[:, 2 * size :] + bn
    n = jnp.tanh(g[:, 2 * size :] + reset * q)
    return (1 - z) * n + z * h, z, reset, q, n


@jax.custom_vjp
def _recurrence(u: jax.Array, bn: jax.Array, gates: jax.Array, h0: jax.Array) -> jax.Array:
    """gates (S, B, 3H) -> (S, B, H). The gradient of `u` is one large product after the loop, not one per step."""
    return _recurrence_forward(u, bn, gates, h0)[0]


def _recurrence_forward(u: jax.Array, bn: jax.Array, gates: jax.Array, h0: jax.Array):  # type: ignore[no-untyped-def]
    def step(h, g):  # type: ignore[no-untyped-def]
        new, *kept = _gru_step(u, bn, h, g)
        return new, (new, h, *kept)

    _, (out, before, z, reset, q, n) = jax.lax.scan(step, h0, gates)
    return out, (u, before, z, reset, q, n)


def _recurrence_backward(kept, d_out):  # type: ignore[no-untyped-def]
    u, before, z, reset, q, n = kept
    size = u.shape[0]
    u_back = u.T

    def step(dh, row):  # type: ignore[no-untyped-def]
        d, h, z, reset, q, n = row
        dh = dh + d
        dn = dh * (1 - z) * (1 - n * n)
        dz = dh * (h - n) * z * (1 - z)
        dr = dn * q * reset * (1 - reset)
        from_h = jnp.concatenate([dz, dr, dn * reset], axis=1)
        return dh * z + from_h @ u_back, (jnp.concatenate([dz, dr, dn], axis=1), from_h)

    start = jnp.zeros_like(before[0])
    dh0, (d_gates, from_h) = jax.lax.scan(step, start, (d_out, before, z, reset, q, n), reverse=True)
    du = _product(before.reshape(-1, size).T, from_h.reshape(-1, 3 * size))
    return du, from_h[:, :, 2 * size :].sum((0, 1)), d_gates, dh0


_recurrence.defvjp(_recurrence_forward, _recurrence_backward)


def _gru(p: Params, x: jax.Array, h0: jax.Array) -> tuple[jax.Array, jax.Array]:
    """x (B, S, I) -> (B, S, H); the candidate resets after its product, as ONNX's linear_before_reset."""
    gates = jnp.swapaxes(_product16(x, p["w"]) + p["b"], 0, 1)
    out = _recurrence(p["u"], p["bn"], gates, h0)
    return jnp.swapaxes(out, 0, 1), out[-1]


def _frames(x: jax.Array, past: jax.Array, kernel: int, stride: int) -> jax.Array:
    """Causal unfolding: (B, T, C) and its past (B, P, C) -> (B, T / stride, kernel * C)."""
    y = jnp.concatenate([past, x], axis=1)
    steps = x.shape[1] // stride
    parts = [y[:, i : i + stride * (steps - 1) + 1 : stride] for i in range(kernel)]
    return jnp.concatenate(parts, axis=2)


def state(shape: Shape, batch: int) -> tuple[jax.Array, ...]:
    """Zero state: past mel, past of the second convolution, two GRUs, what the longest delay has read of them."""
    return (
        jnp.zeros((batch, shape.kernel1 - 1, BANDS)),
        jnp.zeros((batch, shape.kernel2 - 2, shape.conv1)),
        jnp.zeros((batch, shape.gru)),
        jnp.zeros((batch, shape.gru)),
        jnp.zeros((batch, AHEAD_STEPS, shape.ahead)),
    )


def apply(
    p: Params,
    shape: Shape,
    mel: jax.Array,
    past: tuple[jax.Array, ...],
    drop: jax.Array | None = None,
    rate: float = 0.0,
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Log-mel (B, T, BANDS), T even -> logits (B, T / 2, delays, 2, OUTPUTS) and the next state."""
    x1 = _frames(mel, past[0], shape.kernel1, 1)
    c1 = jax.nn.relu(_product16(x1, p["c1"]["w"]) + p["c1"]["b"])
    x2 = _frames(c1, past[1], shape.kernel2, 2)
    c2 = jax.nn.relu(_product16(x2, p["c2"]["w"]) + p["c2"]["b"])
    mean = c2.mean(-1, keepdims=True)
    scale = jax.lax.rsqrt(((c2 - mean) ** 2).mean(-1, keepdims=True) + 1e-5)
    z = (c2 - mean) * scale * p["norm"]["g"] + p["norm"]["b"]
    if drop is not None:
        keys = jax.random.split(drop, 4)
        z = _dropped(z, keys[0], rate)
    a, h1 = _gru(p["g1"], z, past[2])
    a_in = a if drop is None else _dropped(a, keys[1], rate)
    b, h2 = _gru(p["g2"], a_in, past[3])
    every = jnp.concatenate([z, a, b], axis=2)
    if drop is not None:
        every = _dropped(every, keys[2], rate)
    read = jnp.concatenate([past[4], jax.nn.relu(_product16(every, p["ap"]["w"]) + p["ap"]["b"])], axis=1)
    window = jnp.concatenate([read[:, i : i + every.shape[1]] for i in range(AHEAD_STEPS + 1)], axis=2)
    if drop is not None:
        window = _dropped(window, keys[3], rate)
    rows = (*every.shape[:2], -1, 2, OUTPUTS)
    near = _head(every, p["h"], p["o"]).reshape(rows)
    ahead = _head(window, p["ah"], p["ao"]).reshape(rows)
    tail1 = jnp.concatenate([past[0], mel], axis=1)[:, -(shape.kernel1 - 1) :]
    tail2 = jnp.concatenate([past[1], c1], axis=1)[:, -(shape.kernel2 - 2) :]
    return jnp.concatenate([near, ahead], axis=2), (tail1, tail2, h1, h2, read[:, -AHEAD_STEPS:])


def _head(x: jax.Array, hidden: Params, out: Params) -> jax.Array:
    return _product16(jax.nn.relu(_product16(x, hidden["w"]) + hidden["b"]), out["w"]) + out["b"]


def _dropped(x: jax.Array, key: jax.Array, rate: float) -> jax.Array:
    # One mask for all steps of a row: a unit is there or it is not.
    keep = jax.random.bernoulli(key, 1 - rate, (x.shape[0], 1, x.shape[2]))
    return x * keep / (1 - rate)


def parameter_count(p: Params) -> int:
    return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(p))


def save(path: Path, p: Params, shape: Shape) -> None:
    flat = {"/".join(str(k.key) for k in keys): np.asarray(v) for keys, v in jax.tree_util.tree_leaves_with_path(p)}
    np.savez(path, **flat, **{f"shape/{k}": np.array(v) for k, v in asdict(shape).items()})


def mixed(begin: Params, end: Params, kept: float) -> Params:
    """Weights between those a training began and ended with: `kept` 0..1 of the first."""
    return jax.tree.map(lambda a, b: np.asarray(kept * a + (1 - kept) * b, np.float32), begin, end)


def load(path: Path) -> tuple[Params, Shape]:
    stored = np.load(path)
    sizes = {k.split("/")[1]: int(stored[k]) for k in stored.files if k.startswith("shape/")}
    p: Params = {}
    for key in stored.files:
        if key.startswith("shape/"):
            continue
        where = p
        *path_parts, leaf = key.split("/")
        for part in path_parts:
            where = where.setdefault(part, {})
        where[leaf] = stored[key]
    return p, Shape(**sizes)
