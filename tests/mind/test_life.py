"""What makes a face alive, measured over ten simulated minutes and five seeds; figures are printed (`-s`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from avatar_engine.components.controls import CONTROL_INDEX, POSE_INDEX
from avatar_engine.components.mind import GAZE, HEAD, TurnState
from avatar_engine.engine.messages import ClearSpeech, SetAgentState, SetGaze, Trigger
from avatar_engine.systems.gaze_plan import peak_speed_deg_s
from tests.mind.rig import Minds, babble

pytestmark = pytest.mark.unit
SEEDS, MINUTES, HZ = 5, 10, 30
IDLE, LISTENING, SPEAKING = slice(0, 5), slice(5, 10), slice(10, 15)
DEG = 180.0 / np.pi
YAWS = [POSE_INDEX[f"{part}_yaw"] for part in ("head", "neck", "spine")]
PITCHES = [POSE_INDEX[f"{part}_pitch"] for part in ("head", "neck", "spine")]
LID = CONTROL_INDEX["eyeBlinkLeft"]


@dataclass
class Record:
    """(ticks, 15) each."""

    shut: np.ndarray
    away: np.ndarray
    state: np.ndarray
    head: np.ndarray
    breath: np.ndarray


@pytest.fixture(scope="module")
def life() -> Record:
    """Five seeds in each of three turns, ten minutes long: idle, listening to a user, speaking."""
    minds = Minds(3 * SEEDS, HZ, seed=11)
    speech = babble(60.0)
    for avatar in range(5, 10):
        minds.send(SetAgentState("listening"), avatar=avatar)
    rows: list[tuple[np.ndarray, ...]] = []
    batch = minds.world.batch
    for tick in range(MINUTES * 60 * HZ):
        if tick % (60 * HZ) == 0:
            for avatar in range(10, 15):
                minds.say(speech, segment=tick, avatar=avatar, last=False)
        minds.step()
        pose = batch["pose.head"]
        rows.append((
            batch["layer.blink"][:, LID].copy(), batch["gaze"][:, GAZE.index("away")].copy(),
            batch["turn"][:, 0].copy(), pose[:, YAWS].sum(axis=1), batch["pose.breath"][:, POSE_INDEX["breath"]].copy(),
        ))  # fmt: skip
    return Record(*(np.array(column) for column in zip(*rows)))


def starts(shut: np.ndarray) -> list[np.ndarray]:
    """Ticks in which a blink begins, per avatar."""
    return [np.flatnonzero((column[1:] > 0.02) & (column[:-1] <= 0.02)) for column in shut.T]


def test_blink_rates_and_gaps(life: Record) -> None:
    for name, part in (("idle", IDLE), ("listening", LISTENING), ("speaking", SPEAKING)):
        begun = starts(life.shut[:, part])
        rates = [len(ticks) / MINUTES for ticks in begun]
        gaps = np.concatenate([np.diff(ticks) / HZ for ticks in begun])
        logs = np.log(gaps)
        print(f"blinks {name}: {np.mean(rates):.1f}/min ({min(rates):.1f}-{max(rates):.1f}), gap median "
              f"{np.median(gaps):.2f} s, spread of ln {logs.std():.2f}")  # fmt: skip
        assert all(15.0 <= rate <= 25.0 for rate in rates), (name, rates)
        # log-normal: skewed in seconds, about symmetrical in their logarithm
        skew = np.mean((logs - logs.mean()) ** 3) / logs.std() ** 3
        raw = np.mean((gaps - gaps.mean()) ** 3) / gaps.std() ** 3
        assert raw > 0.5
        assert abs(skew) < raw
        assert 0.3 < logs.std() < 0.9


def test_blinks_come_at_phrase_ends_more_often(life: Record) -> None:
    minds = Minds(SEEDS, HZ, seed=50)
    for avatar in range(SEEDS):
        minds.say(babble(60.0, seed=avatar), avatar=avatar)
    near = far = near_s = far_s = 0.0
    since = np.full(SEEDS, 9.0)
    before = np.zeros(SEEDS)
    for _ in range(58 * HZ):
        minds.step()
        since = np.where(minds.world.batch["prosody"][:, 5] > 0.0, 0.0, since + 1.0 / HZ)
        shut = minds.world.batch["layer.blink"][:, LID]
        begun = (shut > 0.02) & (before <= 0.02)
        before = shut.copy()
        near += float((begun & (since < 0.4)).sum())
        far += float((begun & (since >= 0.4)).sum())
        near_s += float((since < 0.4).sum()) / HZ
        far_s += float((since >= 0.4).sum()) / HZ
    print(f"blinks per minute within 0.4 s of a phrase end {60 * near / near_s:.0f}, elsewhere {60 * far / far_s:.0f}")
    assert near / near_s > 1.5 * far / far_s


def test_gaze_away_shares(life: Record) -> None:
    bars = {"speaking": (SPEAKING, 0.25, 0.35), "listening": (LISTENING, 0.05, 0.15), "idle": (IDLE, 0.10, 0.35)}
    for name, (part, low, high) in bars.items():
        share = float((life.away[:, part] > 0.0).mean())
        print(f"gaze away {name}: {share:.1%}")
        assert low <= share <= high, name
    assert (life.state[HZ:, LISTENING] == TurnState.LISTENING).all()
    assert (life.state[2 * HZ :, SPEAKING] == TurnState.SPEAKING).mean() > 0.97


def test_sway_is_slow_and_small(life: Record) -> None:
    yaw = life.head[:, IDLE] * DEG
    spectrum = np.abs(np.fft.rfft(yaw - yaw.mean(axis=0), axis=0)) ** 2
    hz = np.fft.rfftfreq(len(yaw), 1.0 / HZ)
    below = float(spectrum[hz < 1.3].sum() / spectrum.sum())
    print(f"idle head yaw: RMS {yaw.std():.1f} degrees, {below:.1%} of the power below 1.3 Hz")
    assert 0.4 < yaw.std() < 4.0
    assert below > 0.95
    assert (yaw.std(axis=0) > 0.3).all()  # nobody stands still


def test_breaths_per_minute(life: Record) -> None:
    volume = life.breath[:, IDLE]
    rates = [int(((v[1:] > 0.5) & (v[:-1] <= 0.5)).sum()) / MINUTES for v in volume.T]
    rising = float((np.diff(volume, axis=0) > 1e-5).mean())
    print(f"breaths a minute at rest: {min(rates):.1f}-{max(rates):.1f}; inhaling {rising:.0%} of the time")
    assert all(13.0 <= rate <= 17.5 for rate in rates)
    assert 0.28 < rising < 0.45


@pytest.fixture(scope="module")
def close_up() -> tuple[np.ndarray, np.ndarray]:
    """Gaze (ticks, n, 2) in degrees and lid closure (ticks, n) at 300 Hz, over 24 s of thinking and idling."""
    minds = Minds(8, 300, seed=5)
    for avatar in range(4):
        minds.send(SetAgentState("thinking"), avatar=avatar)
    gaze, lids = [], []
    for _ in range(24 * 300):
        minds.step()
        gaze.append(minds.world.batch["gaze"][:, [GAZE.index("yaw"), GAZE.index("pitch")]] * DEG)
        lids.append(minds.world.batch["layer.blink"][:, LID].copy())
    return np.array(gaze), np.array(lids)


def test_saccades_follow_the_main_sequence(close_up: tuple[np.ndarray, np.ndarray]) -> None:
    gaze, _ = close_up
    errors, sizes = [], []
    for avatar in range(gaze.shape[1]):
        speed = np.hypot(*np.diff(gaze[:, avatar], axis=0).T) * 300.0
        moving = np.flatnonzero(speed > 2.0)
        for group in np.split(moving, np.flatnonzero(np.diff(moving) > 1) + 1):
            if len(group) < 5:
                continue
            size = float(np.hypot(*(gaze[group[-1] + 1, avatar] - gaze[group[0], avatar])))
            if size > 3.0:
                errors.append(float(speed[group].max()) / peak_speed_deg_s(size) - 1.0)
                sizes.append(size)
    print(f"{len(sizes)} saccades of {min(sizes):.1f}-{max(sizes):.1f} degrees: peak speed against 552.9 (1 - exp(-A / "
          f"12.788)): mean error {np.mean(errors):+.1%}, worst {np.abs(errors).max():.1%}")  # fmt: skip
    assert len(sizes) > 30
    assert np.abs(errors).max() < 0.08


def test_blinks_close_in_70_hold_20_and_open_in_150_ms(close_up: tuple[np.ndarray, np.ndarray]) -> None:
    _, lids = close_up
    closing, holding, opening = [], [], []
    for shut in lids.T:
        for begin in np.flatnonzero((shut[1:] > 0.0) & (shut[:-1] == 0.0)):
            one = shut[begin + 1 : begin + 1 + 150]
            if len(one) < 150 or one.max() < 0.97:
                continue
            peak = one.max()
            full = np.flatnonzero(one > 0.995 * peak)
            closing.append(full[0] / 300.0)
            holding.append((full[-1] - full[0] + 1) / 300.0)
            opening.append((np.flatnonzero(one > 0.0)[-1] - full[-1]) / 300.0)
    figures = [1e3 * float(np.median(values)) for values in (closing, holding, opening)]
    print(f"{len(closing)} blinks: close {figures[0]:.0f}, hold {figures[1]:.0f}, open {figures[2]:.0f} ms")
    assert len(closing) >= 20
    assert 55.0 < figures[0] < 80.0
    assert 12.0 < figures[1] < 45.0
    assert 115.0 < figures[2] < 170.0
    assert figures[2] > 1.6 * figures[0]


def shown_direction(minds: Minds, avatar: int = 0) -> np.ndarray:
    """Yaw and pitch in degrees where the eyes point, head included."""
    body = minds.row("pose.head", avatar) + minds.row("pose.expression", avatar)
    eyes = minds.row("pose.gaze", avatar)
    yaw = 0.5 * (eyes[POSE_INDEX["eye_left_yaw"]] + eyes[POSE_INDEX["eye_right_yaw"]]) + body[YAWS].sum()
    return np.array([yaw, eyes[POSE_INDEX["eye_left_pitch"]] + body[PITCHES].sum()]) * DEG


def test_interrupted_eyes_are_back_at_the_user_within_200_ms() -> None:
    late = []
    for seed in range(12):
        minds = Minds(1, HZ, seed=seed)
        minds.say(babble(8.0))
        minds.step(60 + 7 * seed)
        minds.send(ClearSpeech(), Trigger("user_speech_start"))
        ticks = 0
        while ticks < 30:
            minds.step()
            ticks += 1
            if np.hypot(*shown_direction(minds)) < 4.5:
                break
        late.append(1000.0 * ticks / HZ)
        minds.step(3)
        assert np.hypot(*shown_direction(minds)) < 4.5
    print(f"gaze back after an interruption: at most {max(late):.0f} ms")
    assert max(late) <= 200.0


def test_vestibulo_ocular_reflex_keeps_the_gaze_while_the_head_moves() -> None:
    minds = Minds(1, HZ, seed=3)
    minds.send(SetGaze((0.1, 0.05, 1.0)))
    minds.step(60)
    seen, head = [], []
    for _ in range(120):
        minds.step()
        seen.append(shown_direction(minds))
        head.append(float(minds.row("pose.head")[PITCHES].sum()) * DEG)
    assert np.ptp(head) > 0.3
    wanted = np.degrees([np.arctan2(0.1, 1.0), np.arctan2(0.05, np.hypot(0.1, 1.0))])
    assert np.abs(np.median(seen, axis=0) - wanted).max() < 1.2
    assert np.array(seen).std(axis=0).max() < 2.0


def test_head_joins_a_gaze_beyond_15_degrees() -> None:
    yaws = {}
    for angle in (10.0, 30.0):
        minds = Minds(1, HZ, seed=4)
        minds.send(SetGaze((float(np.tan(np.radians(angle))), 0.0, 1.0)))
        head = []
        for _ in range(150):
            minds.step()
            head.append(float(minds.row("pose.head")[YAWS].sum()) * DEG)
        yaws[angle] = float(np.mean(head[60:]))
    print(f"head yaw for a look 10 degrees aside {yaws[10.0]:.1f}, for 30 degrees {yaws[30.0]:.1f}")
    assert abs(yaws[10.0]) < 4.0
    assert 8.0 < yaws[30.0] < 20.0


def test_backchannel_nods_come_200_to_600_ms_after_the_users_phrase() -> None:
    minds = Minds(20, HZ, seed=70)
    size, wait = HEAD.index("nod_rad"), []
    for _ in range(4):
        for avatar in range(20):
            minds.send(Trigger("user_speech_start"), avatar=avatar)
        minds.step(2 * HZ)
        for avatar in range(20):
            minds.send(Trigger("user_speech_end"), avatar=avatar)
        busy = minds.world.batch["head"][:, size] > 0.0
        began = np.zeros(20)
        for tick in range(1, 3 * HZ):
            minds.step()
            nodding = minds.world.batch["head"][:, size] > 0.0
            began = np.where((began == 0) & nodding & ~busy, tick, began)
            busy &= nodding
        wait += [1000.0 * tick / HZ for tick in began if tick > 0]
    print(f"{len(wait)} of 80 phrases answered by a nod after {min(wait):.0f}-{max(wait):.0f} ms")
    assert len(wait) >= 40
    assert min(wait) >= 190.0
    assert max(wait) <= 600.0


def test_vergence_turns_the_eyes_together_for_a_near_point() -> None:
    minds = Minds(2, HZ, seed=9)
    minds.send(SetGaze((0.0, 0.0, 0.3)), avatar=0)
    minds.send(SetGaze((0.0, 0.0, 5.0)), avatar=1)
    minds.step(45)
    near, far = (minds.row("pose.gaze", i) for i in (0, 1))
    left, right = POSE_INDEX["eye_left_yaw"], POSE_INDEX["eye_right_yaw"]
    assert (near[right] - near[left]) * DEG == pytest.approx(2 * np.degrees(np.arctan2(0.0315, 0.3)), abs=0.2)
    assert (far[right] - far[left]) * DEG < 1.0


def test_lids_follow_the_gaze() -> None:
    minds = Minds(1, HZ, seed=2)
    minds.send(SetGaze((0.0, -0.4, 1.0)))
    minds.step(40)
    assert minds.row("controls")[CONTROL_INDEX["eyeLookDownLeft"]] > 0.4
    assert minds.row("controls")[CONTROL_INDEX["eyeLookUpLeft"]] == 0.0
