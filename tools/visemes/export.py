"""Only writes the trained network as ONNX: explicit state, any batch, any number of steps of two hops, 8-bit weights.

    python -m tools.visemes.export --weights FILE.npz --out assets/models/visemes.onnx

Inputs: spectrum (S, 2, B, 514), what `log_mel.spectra` gives, two hops to a step; state (B, N), zeros for a fresh
stream; delay () index into NEAR_DELAYS; ahead () whether the longest delay is wanted too. Outputs: beliefs (S, B, 2,
15 + classes + 5) in [0, 1]: visemes, phone classes, then openness, closure, labiodental, rounding, speech; the same at
the longest delay, no rows where it is not wanted; next_state (B, N). Of a call that ends with hop h, row i of step s
speaks of hop h - 2 * (S - s) + 1 + i + 1 - delay.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from avatar_engine.components.visemes import VISEMES
from avatar_engine.systems.log_mel import BANDS, BINS, LOG_SCALE, LOG_SHIFT, POWER_FLOOR, filterbank
from avatar_engine.systems.phone_table import PHONE_CLASSES
from tools.visemes import network

OPSET = 18
_END = np.iinfo(np.int64).max
_CUES = 5


class _Graph:
    """Collects nodes; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._named: dict[bytes, str] = {}
        self._prefix = ""
        self._branches = 0

    def weight(self, values: np.ndarray) -> str:
        """A constant stored in 16 bits and widened when the session starts."""
        return self._widened(values.astype(np.float16))

    def large_weight(self, values: np.ndarray, inputs: int) -> str:
        """A constant stored in 8 bits, with a scale for every unit; `inputs` is the axis that a unit sums over."""
        scale = np.maximum(np.abs(values).max(axis=inputs, keepdims=True), 1e-9) / 127
        return self.op("Mul", self._widened(np.round(values / scale).astype(np.int8)), self.exact(scale))

    def _widened(self, values: np.ndarray) -> str:
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return self.op("Cast", name, to=TensorProto.FLOAT)

    def ints(self, *values: int) -> str:
        data = np.array(values, np.int64)
        if data.tobytes() not in self._named:
            name = f"i{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(data, name))
            self._named[data.tobytes()] = name
        return self._named[data.tobytes()]

    def index(self, value: int) -> str:
        name = f"n{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, np.int64), name))
        return name

    def op(self, kind: str, *inputs: str, count: int = 1, name: str = "", **attributes: object) -> str:
        outputs = [name or f"{self._prefix}t{len(self.nodes)}" + (f"_{i}" if i else "") for i in range(count)]
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs[0]

    def exact(self, values: np.ndarray) -> str:
        name = f"e{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    @contextmanager
    def branch(self) -> Iterator[list[onnx.NodeProto]]:
        """Nodes made inside go to the list this yields; constants stay with the graph around it."""
        outer, self.nodes = self.nodes, []
        self._branches += 1
        self._prefix = f"b{self._branches}_"
        yield self.nodes
        self.nodes, self._prefix = outer, ""

    def split(self, x: str, axis: int, *sizes: int) -> list[str]:
        outputs = [f"{self._prefix}t{len(self.nodes)}_{i}" for i in range(len(sizes))]
        self.nodes.append(helper.make_node("Split", [x, self.ints(*sizes)], outputs, axis=axis))
        return outputs

    def steps(self, x: str, start: int, stop: int | None) -> str:
        """Steps [start, stop) of x (S, B, C); a negative `stop` counts from the end."""
        end = _END if stop is None else stop
        return self.op("Slice", x, self.ints(start), self.ints(end), self.ints(0))

    def dense(self, x: str, w: np.ndarray, b: np.ndarray) -> str:
        return self.op("Add", self.op("MatMul", x, self.weight(w)), self.exact(b))

    def large_dense(self, x: str, w: np.ndarray, b: np.ndarray) -> str:
        return self.op("Add", self.op("MatMul", x, self.large_weight(w, inputs=0)), self.exact(b))

    def gru(self, x: str, p: network.Params, h0: str, size: int) -> tuple[str, str]:
        """x (S, B, I), h0 (1, B, H) -> (S, B, H), (1, B, H)."""
        bias = np.concatenate([p["b"], np.zeros(2 * size, np.float32), p["bn"]])
        w, u = (self.large_weight(np.ascontiguousarray(p[k].T)[None], inputs=2) for k in ("w", "u"))
        out = self.op("GRU", x, w, u, self.exact(bias[None]), "", h0, count=2, hidden_size=size, linear_before_reset=1)
        return self.op("Squeeze", out, self.ints(1)), f"{out}_1"


def _first(g: _Graph, x: str, p: network.Params) -> str:
    """The first convolution for two hops at once, x (S, B, (kernel + 1) * BANDS)."""
    taps = g.weight(LOG_SCALE * p["c1"]["w"])  # which was trained with scaled logarithms
    # Joined with zeros when the session starts, not in the file.
    earlier, later = (g.op("Pad", taps, g.ints(*rows)) for rows in ((0, 0, BANDS, 0), (BANDS, 0, 0, 0)))
    bias = np.tile(p["c1"]["b"], 2)
    return g.op("Add", g.op("MatMul", x, g.op("Concat", earlier, later, axis=1)), g.exact(bias))


def _beliefs(g: _Graph, logits: str, name: str) -> None:
    """Logits (S, B, 2, OUTPUTS) as chances."""
    visemes, phones, cues = g.split(logits, 3, network.VISEMES, network.PHONES, _CUES)
    heads = (g.op("Softmax", visemes, axis=-1), g.op("Softmax", phones, axis=-1), g.op("Sigmoid", cues))
    g.op("Concat", *heads, axis=3, name=name)


def _reads(g: _Graph, new: str, past: str, shape: network.Shape) -> str:
    """What the head of the longest delay reads, (AHEAD_STEPS + S, B, ahead)."""
    before = g.op("Reshape", past, g.ints(-1, network.AHEAD_STEPS, shape.ahead))
    return g.op("Concat", g.op("Transpose", before, perm=[1, 0, 2]), new, axis=0)


def _ahead(g: _Graph, reads: str, p: network.Params) -> None:
    """The output `ahead`: the longest delay, where the input of that name asks for it."""
    with g.branch() as wanted:
        parts = [g.steps(reads, i, i - network.AHEAD_STEPS or None) for i in range(network.AHEAD_STEPS + 1)]
        head = g.op("Relu", g.large_dense(g.op("Concat", *parts, axis=2), p["ah"]["w"], p["ah"]["b"]))
        out = g.dense(head, p["ao"]["w"], p["ao"]["b"])
        _beliefs(g, g.op("Reshape", out, g.ints(0, 0, 2, network.OUTPUTS)), "wanted")
    with g.branch() as unwanted:
        g.op("Identity", g.exact(np.zeros((0, 0, 2, network.OUTPUTS))), name="unwanted")
    # What a branch gives has no shape of its own: the output's says it.
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("wanted", "unwanted")]
    then_branch = helper.make_graph(wanted, "look_ahead", [], outputs[:1])
    else_branch = helper.make_graph(unwanted, "do_not", [], outputs[1:])
    g.op("If", "ahead", name="beliefs_ahead", then_branch=then_branch, else_branch=else_branch)


def build(p: network.Params, shape: network.Shape) -> onnx.ModelProto:
    if (shape.kernel1, shape.kernel2) != (5, 4):
        raise ValueError(f"kernels of {shape.kernel1} and {shape.kernel2} hops: only 5 and 4 make whole steps")
    g = _Graph()
    pair, conv_pair = 2 * BANDS, 2 * shape.conv1
    sizes = [pair, pair, conv_pair, shape.gru, shape.gru, network.AHEAD_STEPS * shape.ahead]
    pasts = g.split("state", 1, *sizes)
    before = [g.op("Unsqueeze", past, g.ints(0)) for past in pasts]

    # A shifted logarithm is that of more power.
    more = np.exp(LOG_SHIFT)
    power = g.op("MatMul", g.op("Mul", "spectrum", "spectrum"), g.weight(more * filterbank()))
    mel = g.op("Log", g.op("Add", power, g.exact(np.array(more * POWER_FLOOR))))
    mel = g.op("Transpose", mel, perm=[0, 2, 1, 3])
    # Steps of two hops: the last of `mels` is this step, two more lie before the first.
    mels = g.op("Concat", before[0], before[1], g.op("Reshape", mel, g.ints(0, 0, pair)), axis=0)
    x1 = g.op("Concat", g.steps(mels, 0, -2), g.steps(mels, 1, -1), g.steps(mels, 2, None), axis=2)
    c1 = g.op("Relu", _first(g, x1, p))
    convs = g.op("Concat", before[2], c1, axis=0)
    x2 = g.op("Concat", g.steps(convs, 0, -1), c1, axis=2)
    c2 = g.op("Relu", g.dense(x2, p["c2"]["w"], p["c2"]["b"]))
    norm = (g.exact(p["norm"]["g"]), g.exact(p["norm"]["b"]))
    z = g.op("LayerNormalization", c2, *norm, axis=-1, epsilon=1e-5)
    a, h1 = g.gru(z, p["g1"], before[3], shape.gru)
    b, h2 = g.gru(a, p["g2"], before[4], shape.gru)
    every = g.op("Concat", z, a, b, axis=2)
    head = g.op("Relu", g.dense(every, p["h"]["w"], p["h"]["b"]))
    out = g.dense(head, p["o"]["w"], p["o"]["b"])
    # Both are computed, as that costs less than fetching the weights of one.
    out = g.op("Reshape", out, g.ints(0, 0, len(network.NEAR_DELAYS), 2, network.OUTPUTS))
    _beliefs(g, g.op("Gather", out, "delay", axis=2), "beliefs")
    reads = _reads(g, g.op("Relu", g.large_dense(every, p["ap"]["w"], p["ap"]["b"])), pasts[5], shape)
    _ahead(g, reads, p)
    kept = [g.op("Gather", mels, g.index(-2)), g.op("Gather", mels, g.index(-1)), g.op("Gather", convs, g.index(-1))]
    kept += [g.op("Squeeze", h, g.ints(0)) for h in (h1, h2)]
    newest = g.op("Transpose", g.steps(reads, -network.AHEAD_STEPS, None), perm=[1, 0, 2])
    kept.append(g.op("Reshape", newest, g.ints(0, sizes[5])))
    g.op("Concat", *kept, axis=1, name="next_state")
    width = sum(sizes)

    def info(name: str, kind: int, *dims: int | str | None) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, list(dims))

    single = TensorProto.FLOAT
    graph = helper.make_graph(
        g.nodes,
        "visemes",
        [
            info("spectrum", single, "S", 2, "B", 2 * BINS),
            info("state", single, "B", width),
            info("delay", TensorProto.INT64),
            info("ahead", TensorProto.BOOL),
        ],
        [
            info("beliefs", single, "S", "B", 2, network.OUTPUTS),
            info("beliefs_ahead", single, None, None, 2, network.OUTPUTS),
            info("next_state", single, "B", width),
        ],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    about = {
        "delays": list(network.NEAR_DELAYS),
        "ahead": network.DELAYS[-1],
        "visemes": list(VISEMES),
        "phones": list(PHONE_CLASSES),
        "bins": BINS,
    }
    helper.set_model_props(model, {"avatar_engine": json.dumps(about, ensure_ascii=False)})
    onnx.checker.check_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    params, shape = network.load(args.weights)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(build(params, shape), args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, {network.parameter_count(params)} parameters")


if __name__ == "__main__":
    main()
