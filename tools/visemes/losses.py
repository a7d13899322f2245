"""Only says how wrong the network is: phones, visemes, openness, lips and speech, at every delay."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.systems.phone_table import PHONE_CLASSES, phone_of_class
from tools.visemes.network import DELAYS, NEAR_DELAYS, PHONES, VISEMES

WARM_UP_FRAMES = 16
DELAY_WEIGHTS = {3: 0.35, 7: 1.0, 23: 1.0}
# Weight of visemes by rarity: lips that are seldom shown matter as much to the eye.
_RARE = {"FF": 2.0, "TH": 1.5, "CH": 1.6, "PP": 1.5, "U": 1.4, "O": 1.3, "RR": 1.2}
_LIP_WEIGHTS = (2.5, 3.0, 1.5)
# Phones whose confusion shows: lips, and the nasals that are taken for m.
_TELLING = "pbmfvwnŋ"
_TELLING_WEIGHT = 1.5


def _accepted() -> np.ndarray:
    """(PHONES, VISEMES) uniform over what also passes for a phone class."""
    out = np.zeros((PHONES, VISEMES), np.float32)
    for i in range(len(PHONE_CLASSES)):
        for viseme in phone_of_class(i).accepted:
            if i == 0 or viseme != "sil":
                out[i, VISEME_INDEX[viseme]] = 1
    out[0] = 0
    out[0, 0] = 1
    return out / out.sum(1, keepdims=True)


_ACCEPTED = _accepted()
_WEIGHT = np.ones(VISEMES, np.float32)
for _name, _value in _RARE.items():
    _WEIGHT[VISEME_INDEX[_name]] = _value
_PHONE_WEIGHT = np.array([_TELLING_WEIGHT if c[0] in _TELLING else 1.0 for c in PHONE_CLASSES], np.float32)


def _binary(logit: jax.Array, target: jax.Array, positive: float) -> jax.Array:
    return -(positive * target * jax.nn.log_sigmoid(logit) + (1 - target) * jax.nn.log_sigmoid(-logit))


def loss_of(logits: jax.Array, label: jax.Array, openness: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
    """logits (B, T / 2, delays, 2, OUTPUTS), label (B, T, columns), openness (B, T) -> total and its parts."""
    rows, steps = logits.shape[:2]
    total = jnp.zeros(())
    parts: dict[str, jax.Array] = {}
    for k, delay in enumerate(DELAYS):
        shift = delay - 1
        lab = jnp.pad(label, ((0, 0), (shift, 0), (0, 0)))[:, : 2 * steps]
        opened = jnp.pad(openness, ((0, 0), (shift, 0)))[:, : 2 * steps]
        out = logits[:, :, k].reshape(rows, 2 * steps, -1)
        known = (jnp.arange(2 * steps) >= WARM_UP_FRAMES + shift)[None] & (lab[:, :, 0] >= 0)
        count = known.sum()
        phone = jnp.maximum(lab[:, :, 0], 0)
        viseme = jnp.maximum(lab[:, :, 1], 0)
        target = 0.85 * jax.nn.one_hot(viseme, VISEMES) + 0.15 * jnp.asarray(_ACCEPTED)[phone]
        weight = known * jnp.asarray(_WEIGHT)[viseme]
        log_v = jax.nn.log_softmax(out[..., :VISEMES])
        log_p = jax.nn.log_softmax(out[..., VISEMES : VISEMES + PHONES])
        lips = out[..., VISEMES + PHONES :]
        heard = known * jnp.asarray(_PHONE_WEIGHT)[phone]
        named = {
            "viseme": (weight * -(target * log_v).sum(-1)).sum() / count,
            "phone": (heard * -jnp.take_along_axis(log_p, phone[..., None], axis=-1)[..., 0]).sum() / count,
            "open": 6.0 * (known * (jax.nn.sigmoid(lips[..., 0]) - opened) ** 2).sum() / count,
            "speech": 0.5 * (known * _binary(lips[..., 4], (phone > 0).astype(jnp.float32), 1.0)).sum() / count,
        }
        for i, (name, positive) in enumerate(zip(("closed", "labial", "round"), _LIP_WEIGHTS)):
            wrong = _binary(lips[..., 1 + i], lab[:, :, 3 + i].astype(jnp.float32), positive)
            named[name] = 0.5 * (known * wrong).sum() / count
        mixed = (
            named["viseme"] + 0.5 * named["phone"] + sum(v for n, v in named.items() if n not in ("viseme", "phone"))
        )
        total = total + DELAY_WEIGHTS[delay] * mixed
        if delay == NEAR_DELAYS[-1]:
            parts = dict(named)
            right = (log_v.argmax(-1) == viseme) & known
            parts["right"] = right.sum() / count
    return total, parts
