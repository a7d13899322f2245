"""The 15 visemes (Oculus/Meta order and names, OpenXR XR_META_face_tracking_visemes)."""

from __future__ import annotations

VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
VISEME_INDEX = {name: index for index, name in enumerate(VISEMES)}
