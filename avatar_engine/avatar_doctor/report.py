"""Only the HTML page of an examination: one file that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar_engine.avatar_doctor.findings import Examination
from avatar_engine.engine.errors import OutputError

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; color: #1d2127 }
h1 { font-weight: 600 } .score { font-size: 3rem; font-weight: 700 }
table { border-collapse: collapse; width: 100% } td { padding: .35rem .6rem; border-top: 1px solid #dde1e6 }
.good { color: #1a7f37 } .note { color: #57606a } .warning { color: #9a6700 } .fault { color: #cf222e }
.faces { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 8px; margin-top: 1.5rem }
figure { margin: 0; text-align: center } img { width: 100%; border-radius: 6px }
"""


def page(examination: Examination, pictures: dict[str, NDArray[np.uint8]], frame_ms: float, device: str) -> str:
    """The whole document."""
    rows = "\n".join(
        f'<tr><td class="{finding.grade}">{finding.grade}</td><td>{html.escape(finding.topic)}</td>'
        f"<td>{html.escape(finding.text)}</td><td>{html.escape(finding.advice)}</td></tr>"
        for finding in examination.findings
    )
    faces = "\n".join(
        f'<figure><img alt="{html.escape(caption)}" src="{_jpeg(pixels)}"><figcaption>{html.escape(caption)}'
        "</figcaption></figure>"
        for caption, pixels in pictures.items()
    )
    name = html.escape(examination.avatar)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}: avatar doctor</title>'
        f"<style>{STYLE}</style><h1>{name}</h1><p><span class=score>{examination.score}</span> of 100</p>"
        f"<p>Measured here: {frame_ms:.0f} ms per 1280x720 frame on {html.escape(device)}.</p>"
        f"<table>{rows}</table><div class=faces>{faces}</div></html>\n"
    )


def write_page(text: str, path: Path) -> None:
    """Raises OutputError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(str(path), error.strerror or "cannot be written", "choose another folder") from None


def _jpeg(pixels: NDArray[np.uint8]) -> str:
    store = io.BytesIO()
    Image.fromarray(pixels).save(store, "JPEG", quality=86)
    return "data:image/jpeg;base64," + base64.b64encode(store.getvalue()).decode()
