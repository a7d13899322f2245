"""Only writes the trained network as ONNX: explicit state, any batch, any even number of frames, 16-bit weights.

    python -m tools.visemes.export --weights FILE.npz --out assets/models/visemes.onnx

Inputs: mel (B, T, 40) log-mel with T even; state (B, S), zeros for a fresh stream; delay () index into DELAYS.
Outputs: beliefs (B, T, 15 + classes + 5) in [0, 1]: visemes, phone classes, then openness, closure, labiodental,
rounding, speech; next_state (B, S). Row t of a call that ends with hop h speaks of hop h - T + 2 + t - delay.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from avatar_engine.components.visemes import VISEMES
from avatar_engine.systems.log_mel import BANDS
from avatar_engine.systems.phone_table import PHONE_CLASSES
from tools.visemes import network

OPSET = 18
_END = np.iinfo(np.int64).max


class _Graph:
    """Collects nodes; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._named: dict[bytes, str] = {}

    def weight(self, values: np.ndarray) -> str:
        """A constant stored in 16 bits and widened when the session starts."""
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values.astype(np.float16), name))
        return self.op("Cast", name, to=TensorProto.FLOAT)

    def ints(self, *values: int) -> str:
        data = np.array(values, np.int64)
        if data.tobytes() not in self._named:
            name = f"i{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(data, name))
            self._named[data.tobytes()] = name
        return self._named[data.tobytes()]

    def op(self, kind: str, *inputs: str, count: int = 1, name: str = "", **attributes: object) -> str:
        outputs = [name or f"t{len(self.nodes)}" + (f"_{i}" if i else "") for i in range(count)]
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs[0]

    def cut(self, x: str, axis: int, start: int, stop: int | None, step: int = 1, name: str = "") -> str:
        end = _END if stop is None else stop
        inputs = (x, self.ints(start), self.ints(end), self.ints(axis), self.ints(step))
        return self.op("Slice", *inputs, name=name)

    def unfolded(self, padded: str, kernel: int, stride: int) -> str:
        parts = []
        for i in range(kernel):
            # The last start that still leaves room for the taps after it.
            stop = i - kernel + 1
            parts.append(self.cut(padded, 1, i, stop if stop < 0 else None, stride))
        return self.op("Concat", *parts, axis=2)

    def dense(self, x: str, p: network.Params) -> str:
        return self.op("Add", self.op("MatMul", x, self.weight(p["w"])), self.weight(p["b"]))

    def gru(self, x: str, p: network.Params, h0: str, size: int) -> tuple[str, str]:
        """x (S, B, I), h0 (1, B, H) -> (S, B, H), (1, B, H)."""
        bias = np.concatenate([p["b"], np.zeros(2 * size, np.float32), p["bn"]])
        w, u = (self.weight(np.ascontiguousarray(p[k].T)[None]) for k in ("w", "u"))
        out = self.op("GRU", x, w, u, self.weight(bias[None]), "", h0, count=2, hidden_size=size, linear_before_reset=1)
        return self.op("Squeeze", out, self.ints(1)), f"{out}_1"


def build(p: network.Params, shape: network.Shape) -> onnx.ModelProto:
    g = _Graph()
    mel_past, conv_past = (shape.kernel1 - 1) * BANDS, (shape.kernel2 - 2) * shape.conv1
    sizes = [mel_past, conv_past, shape.gru, shape.gru]
    marks = np.cumsum([0, *sizes]).tolist()
    pasts = [g.cut("state", 1, a, b) for a, b in itertools.pairwise(marks)]

    mel = g.op("Concat", g.op("Reshape", pasts[0], g.ints(0, shape.kernel1 - 1, BANDS)), "mel", axis=1)
    c1 = g.op("Relu", g.dense(g.unfolded(mel, shape.kernel1, 1), p["c1"]))
    conv = g.op("Concat", g.op("Reshape", pasts[1], g.ints(0, shape.kernel2 - 2, shape.conv1)), c1, axis=1)
    c2 = g.op("Relu", g.dense(g.unfolded(conv, shape.kernel2, 2), p["c2"]))
    norm = (g.weight(p["norm"]["g"]), g.weight(p["norm"]["b"]))
    z = g.op("LayerNormalization", c2, *norm, axis=-1, epsilon=1e-5)
    z = g.op("Transpose", z, perm=[1, 0, 2])
    a, h1 = g.gru(z, p["g1"], g.op("Unsqueeze", pasts[2], g.ints(0)), shape.gru)
    b, h2 = g.gru(a, p["g2"], g.op("Unsqueeze", pasts[3], g.ints(0)), shape.gru)
    head = g.op("Relu", g.dense(g.op("Concat", z, a, b, axis=2), p["h"]))
    out = g.op("Transpose", g.dense(head, p["o"]), perm=[1, 0, 2])
    # All delays are computed, as that costs less than fetching the weights of one.
    out = g.op("Reshape", out, g.ints(0, 0, len(network.DELAYS), -1))
    out = g.op("Reshape", g.op("Gather", out, "delay", axis=2), g.ints(0, -1, network.OUTPUTS))
    cue_at = network.VISEMES + network.PHONES
    heads = (
        g.op("Softmax", g.cut(out, 2, 0, network.VISEMES), axis=-1),
        g.op("Softmax", g.cut(out, 2, network.VISEMES, cue_at), axis=-1),
        g.op("Sigmoid", g.cut(out, 2, cue_at, None)),
    )
    g.op("Concat", *heads, axis=2, name="beliefs")
    kept = [
        g.op("Reshape", g.cut(mel, 1, 1 - shape.kernel1, None), g.ints(0, mel_past)),
        g.op("Reshape", g.cut(conv, 1, 2 - shape.kernel2, None), g.ints(0, conv_past)),
        g.op("Squeeze", h1, g.ints(0)),
        g.op("Squeeze", h2, g.ints(0)),
    ]
    g.op("Concat", *kept, axis=1, name="next_state")

    def info(name: str, kind: int, *dims: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, list(dims))

    single = TensorProto.FLOAT
    graph = helper.make_graph(
        g.nodes,
        "visemes",
        [
            info("mel", single, "B", "T", BANDS),
            info("state", single, "B", marks[-1]),
            info("delay", TensorProto.INT64),
        ],
        [
            info("beliefs", single, "B", "T", network.OUTPUTS),
            info("next_state", single, "B", marks[-1]),
        ],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    about = {
        "delays": list(network.DELAYS),
        "visemes": list(VISEMES),
        "phones": list(PHONE_CLASSES),
        "bands": BANDS,
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
