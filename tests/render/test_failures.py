"""A view that fails once comes back whole, and one that fails for good is named with its cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.engine.image import Image
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import RenderSnapshot, nobody_waits
from avatar_engine.engine.render.contained import ContainedRenderer
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.engine.render.panda.renderer import PandaRenderer
from avatar_engine.engine.render.panda.shared import SharedModel
from tests.render.test_panda import CAMERA, GREEN, covered

pytestmark = pytest.mark.unit


class Late(NullRenderer):
    """Raises while the driver draws, when the next pictures may be posed already."""

    def __init__(self, broken: set[int]) -> None:
        super().__init__()
        self.broken, self.calls = broken, []

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        self.calls.append([snapshot.view for snapshot in snapshots])
        images = super().draw(snapshots)
        taken()
        if self.broken & {snapshot.view for snapshot in snapshots}:
            raise RuntimeError("the driver is out of memory")
        return images


def snapshot_of(view: int, model: Model, stage=GREEN) -> RenderSnapshot:  # type: ignore[no-untyped-def]
    return RenderSnapshot(view, stage, CAMERA, np.zeros(2, np.float32), np.zeros((len(model.joints), 6), np.float32), 0)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_a_scene_that_cannot_be_built_is_tried_again_and_named(
    renderer: PandaRenderer, head: Model, monkeypatch: pytest.MonkeyPatch, first: bool, times: int
) -> None:
    told: list[tuple[int, Exception]] = []
    contained = ContainedRenderer(renderer, lambda view, error: told.append((view, error)))
    view = contained.open_view(head, 160, 120, "low")
    if not first:
        (image,) = contained.draw([snapshot_of(view, head)])
        assert covered(image.pixels).mean() > 0.05
    left = times
    seen = SharedModel.seen

    def failing(*given):  # type: ignore[no-untyped-def]
        nonlocal left
        left -= 1
        if left >= 0:
            raise MemoryError("no buffer")
        return seen(*given)

    monkeypatch.setattr(SharedModel, "seen", failing)
    other = replace(GREEN, lights=GREEN.lights[:2])
    shares = [covered(contained.draw([snapshot_of(view, head, other)])[0].pixels).mean() for _ in range(3)]
    if times == 1:  # drawn again alone, and whole
        assert told == []
        assert min(shares) > 0.05
    else:
        assert [(number, str(error)) for number, error in told] == [(view, "no buffer")]
        assert min(shares) > 0.05  # the last picture, or black where there was none
    contained.close_view(view)


def test_what_fails_while_the_driver_draws_is_found_with_the_next_pictures(head: Model) -> None:
    broken: set[int] = set()
    late = Late(broken)
    told: list[int] = []
    contained = ContainedRenderer(late, lambda view, _: told.append(view))
    one, two = (contained.open_view(head, 32, 16, "low") for _ in range(2))
    both = [snapshot_of(one, head), snapshot_of(two, head)]
    assert len(contained.draw(both)) == 2
    broken.add(two)
    took: list[bool] = []
    for _ in range(3):
        assert len(contained.draw(both, lambda: took.append(True))) == 2
    # Not again in the same call: the thread that simulates poses the next pictures by then.
    assert late.calls == [[one, two], [one, two], [one], [two], [one]]
    assert told == [two]
    assert took == [True, True]
