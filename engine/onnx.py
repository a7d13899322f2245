"""The only door to onnxruntime: opens a model file on the best wanted device and runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.errors import AssetError, DeviceError

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
# Small networks wait longer for a copy to the card than for their own arithmetic.
DEFAULT_DEVICES = ("cpu",)
_ERRORS_ONLY = 3


class OnnxModel:
    """One loaded model. Not thread-safe; on the CPU it uses one thread."""

    def __init__(self, path: Path, devices: Sequence[str] = DEFAULT_DEVICES) -> None:
        """devices: wanted ones, best first, of 'cuda', 'coreml', 'cpu'; those not available are passed over."""
        # Deferred, as loading the library takes a fifth of a second that no help text should wait for.
        import onnxruntime

        available = set(onnxruntime.get_available_providers())
        unknown = [d for d in devices if d not in PROVIDERS]
        if unknown:
            raise DeviceError("inference device", f"'{unknown[0]}' is unknown", f"known: {', '.join(PROVIDERS)}")
        chosen = [PROVIDERS[d] for d in devices if PROVIDERS[d] in available]
        if not chosen:
            raise DeviceError(
                "inference device", f"none of {', '.join(devices)} is available", "use cpu, which always is"
            )
        if not path.is_file():
            raise AssetError(str(path), "no such model file", "install avatar-engine again or train the model")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _ERRORS_ONLY
        # A spinning thread pool would burn a core between two ticks.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=chosen)
        except Exception as error:  # onnxruntime raises a dozen unrelated types for a file it cannot read
            raise AssetError(str(path), f"is no model onnxruntime can run ({error})", "train it again") from error
        self.path = path
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self._widths = {i.name: i.shape for i in self._session.get_inputs()}

    def width(self, name: str) -> int:
        """Last dimension of an input."""
        return int(self._widths[name][-1])

    def about(self, key: str) -> Any:
        """JSON stored with the model under `key`."""
        stored: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        if key not in stored:
            raise AssetError(str(self.path), f"carries no '{key}' description", "export it again")
        return json.loads(stored[key])

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """The named outputs for one set of inputs."""
        result: list[NDArray[np.float32]] = self._session.run(list(outputs), dict(inputs))
        return result
