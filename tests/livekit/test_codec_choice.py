"""Our own encoder or WebRTC's: what is measured decides."""

from __future__ import annotations

import logging
import time

import pytest

from avatar_engine.engine.media import encoders
from avatar_engine.plugin import codec_choice
from avatar_engine.plugin.metrics import SessionFigures
from avatar_engine.plugin.outlets import H264Outlet, RawOutlet
from avatar_engine.plugin.publish_options import PublishOptions
from avatar_engine.plugin.publisher import make_outlet

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _anew():
    codec_choice.forget()
    yield
    codec_choice.forget()


async def outlet_of(fps: float, codec: str = "h264"):
    figures = SessionFigures()
    outlet = make_outlet(PublishOptions(640, 360, fps, 24_000, 160_000, codec), figures)
    await outlet.aclose()
    return outlet, figures


async def test_an_encoder_that_keeps_up_is_used_and_says_so_in_one_line(caplog) -> None:
    with caplog.at_level(logging.INFO):
        outlet, figures = await outlet_of(30)
        again, _ = await outlet_of(30)
    assert isinstance(outlet, H264Outlet)
    assert isinstance(again, H264Outlet)
    assert figures.own_encoder == 1
    assert 0.0 < figures.encoder_trial_s < codec_choice.SHARE / 30
    assert dict(figures.rows())["own_encoder"] == 1.0
    told = [record.getMessage() for record in caplog.records if "pictures of" in record.getMessage()]
    assert len(told) == 1
    assert encoders.choose_h264() in told[0]


async def test_an_encoder_that_cannot_keep_up_is_not_used(caplog) -> None:
    """No machine of today makes ten thousand pictures a second."""
    with caplog.at_level(logging.INFO):
        outlet, figures = await outlet_of(10_000)
    assert isinstance(outlet, RawOutlet)
    assert figures.own_encoder == 0
    assert figures.encoder_trial_s > codec_choice.SHARE / 10_000
    assert "is too slow" in caplog.text


async def test_who_asks_for_raw_pictures_gets_them_unmeasured() -> None:
    outlet, figures = await outlet_of(30, "raw")
    assert isinstance(outlet, RawOutlet)
    assert figures.encoder_trial_s == 0.0


@pytest.mark.parametrize("size", [(320, 180), (640, 360), (1920, 1080)])
def test_measuring_costs_little_and_is_done_once(size) -> None:
    encoders.choose_h264()  # what every use of the encoder pays, once
    began_s = time.thread_time()
    first = codec_choice.choose(*size, 30)
    took_s = time.thread_time() - began_s
    assert took_s < 0.5  # of this thread: 0.02, 0.04 and 0.07 s on two idle cores
    assert codec_choice.choose(*size, 30) is first
