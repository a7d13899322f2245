"""Pictures on the software renderer: each must look like its blessed picture, small differences allowed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.golden.pictures import (
    BLESSED,
    MEAN_LIMIT,
    PIXEL_SHARE,
    SHOTS,
    Shot,
    Studio,
    difference,
    studio,
    write_difference,
)

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def place() -> Iterator[Studio]:
    with studio() as ready:
        if "llvmpipe" not in ready.renderer.info.device.lower():
            pytest.skip(f"golden pictures are compared on llvmpipe, this is {ready.renderer.info.device}")
        yield ready


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_picture_is_as_blessed(place: Studio, shot: Shot) -> None:
    new = place.draw(shot)
    blessed = np.asarray(Image.open(BLESSED / f"{shot.name}.png").convert("RGB"))
    mean, share = difference(new, blessed)
    if mean > MEAN_LIMIT or share > PIXEL_SHARE:
        path = write_difference(shot.name, new, blessed)
        pytest.fail(
            f"differs by {mean:.2f} of 255 on average, {share:.2%} of the pixels visibly; see {path}, "
            f"and if it is better than before: python -m tests.golden.bless {shot.name}"
        )


def test_comparison_notices_a_moved_mouth(place: Studio) -> None:
    """The tolerance is small enough to see what the tests are for."""
    neutral = place.draw(SHOTS[0])
    talking = place.draw(Shot("slightly open", {"jawOpen": 0.25}))
    mean, share = difference(talking, neutral)
    assert mean > MEAN_LIMIT or share > PIXEL_SHARE
