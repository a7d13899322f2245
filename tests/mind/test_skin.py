"""On the bundled avatars' own skin: lips do not cross, lids do not cross, emotions leave speech readable."""

from __future__ import annotations

import av
import numpy as np
import pytest

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.controls import CONTROL_INDEX
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.messages import AudioChunk, ClearSpeech, Trigger
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime
from avatar_engine.scenes.library import Avatar, AvatarLibrary
from avatar_engine.systems.face_mix import bound, calibrated, kept_by_emotion, mix_lids
from avatar_engine.systems.unit_limits import mouth_units
from tests.mind.lids import lid_gap
from tools.shown_mouth import gap_mm, mouth_reader

pytestmark = pytest.mark.property
AVATARS = sorted(path.parent.name for path in asset_path("avatars").glob("*/avatar.yaml"))
FACES = 4000
CROSSED_MM = 2.5  # lips and lids are soft: pressed, they give way by this much


@pytest.fixture(scope="module", params=AVATARS)
def avatar(request: pytest.FixtureRequest) -> Avatar:
    return AvatarLibrary((asset_path("avatars"),), load_model).load(request.param)


def random_faces(avatar: Avatar) -> np.ndarray:
    """(FACES, targets) weights of anything that units, visemes, blinks and looks can ask for together."""
    rng = np.random.default_rng(157)
    rig, book = avatar.rig, catalogue()
    units = rng.uniform(0.0, 1.0, (FACES, len(book.units))) * (rng.random((FACES, len(book.units))) < 0.06)
    units = units.astype(np.float32)
    visemes = rng.dirichlet(np.full(15, 0.15), FACES).astype(np.float32)
    owner = rng.choice([0.0, 0.5, 1.0], (FACES, 1)).astype(np.float32)
    controls = (units @ rig.unit_controls) * (1.0 - owner * (1.0 - kept_by_emotion()))
    controls += visemes @ rig.viseme_controls * owner
    for name in ("eyeLookDownLeft", "eyeLookDownRight", "eyeLookUpLeft", "eyeLookUpRight"):
        controls[:, CONTROL_INDEX[name]] += rng.uniform(-1.0, 1.0, FACES).clip(0.0)
    blink = np.zeros_like(controls)
    shut = rng.choice([0.0, 0.5, 1.0], FACES)
    blink[:, CONTROL_INDEX["eyeBlinkLeft"]] = blink[:, CONTROL_INDEX["eyeBlinkRight"]] = shut
    mix_lids(controls, blink)
    bound(controls)
    controls = calibrated(controls, rig)
    native = units * (1.0 - owner * mouth_units(book))
    return np.clip(controls @ rig.control_morphs + native @ rig.unit_morphs, 0.0, 1.0)


def test_lips_and_lids_never_cross(avatar: Avatar) -> None:
    morphs = random_faces(avatar)
    lips = mouth_reader(avatar)
    gaps = {
        "lips beyond those of a p": gap_mm(lips, morphs) - lips.shut_mm,
        "left lids": lid_gap(avatar, 1).mm(morphs),
        "right lids": lid_gap(avatar, -1).mm(morphs),
    }
    for name, open_mm in gaps.items():
        print(f"{avatar.id} {name}: least {open_mm.min():.1f} mm, 1 % below {np.percentile(open_mm, 1):.1f} mm, "
              f"most {open_mm.max():.1f} mm")  # fmt: skip
        assert open_mm.min() > -CROSSED_MM
        assert open_mm.max() > 8.0


def demo_speech() -> tuple[np.ndarray, int]:
    """Ten seconds of English, and their rate."""
    with av.open(str(asset_path("speech", "demo_en.flac"))) as file:
        stream = file.streams.audio[0]
        parts = [frame.to_ndarray().reshape(-1) for frame in file.decode(stream)]
        samples = np.concatenate(parts)
        scale = np.iinfo(samples.dtype).max if samples.dtype.kind == "i" else 1.0
        return (samples / scale).astype(np.float32), int(stream.rate)


def test_an_interrupted_mouth_is_shut_within_120_ms() -> None:
    runtime = make_runtime(RuntimeOptions(draw=False, viseme_model="spectral"))
    samples, rate = demo_speech()
    for seed in range(8):
        name = f"s{seed}"
        runtime.open_session(SessionOptions(avatar="ada", style="playful", emotion="surprised", seed=seed), name)
        runtime.push_audio(name, AudioChunk(samples[seed * rate // 3 :], rate, 0, True))
    avatar = runtime.library.load("ada")
    lips, count = mouth_reader(avatar), len(avatar.model.morph_names)
    opened = []
    for _ in range(60):
        runtime.step()
        opened.append(gap_mm(lips, runtime.world.batch["morphs"][:, :count]))
    rest, most = np.min(opened), np.max(opened)
    for seed in range(8):
        runtime.send(f"s{seed}", ClearSpeech())
        runtime.send(f"s{seed}", Trigger("user_speech_start"))
    after = []
    for _ in range(15):
        runtime.step()
        after.append((gap_mm(lips, runtime.world.batch["morphs"][:, :count]) - rest) / (most - rest))
    runtime.close()
    late = [int(np.argmax(np.array(after)[:, seed] < 0.1)) + 1 for seed in range(8)]
    print(f"lips below 10 % of {most - rest:.0f} mm after at most {1000 * max(late) / 30:.0f} ms")
    assert max(late) <= 3
    assert np.array(after)[3:].max() < 0.1
