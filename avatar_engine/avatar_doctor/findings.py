"""Only the words of an examination: findings with advice, the parts of the score, and the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grade = Literal["good", "note", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found on a topic, and what to do about it ('' where nothing needs doing)."""

    grade: Grade
    topic: str
    text: str
    advice: str = ""

    def line(self) -> str:
        """For the terminal."""
        mark = {"good": "ok", "note": "note", "warning": "warn", "fault": "FAULT"}[self.grade]
        return f"  {mark:<6}{self.topic}: {self.text}" + (f"\n        -> {self.advice}" if self.advice else "")


@dataclass(frozen=True, slots=True)
class Mark:
    """Part of the score: `earned` (0..1) of `points`."""

    points: int
    earned: float


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings of one avatar and the marks they add up to; gains: control -> what would make it usual."""

    avatar: str
    findings: tuple[Finding, ...]
    marks: tuple[Mark, ...]
    gains: dict[str, float]

    @property
    def score(self) -> int:
        """0 to 100."""
        total = sum(mark.points for mark in self.marks)
        earned = sum(mark.points * min(max(mark.earned, 0.0), 1.0) for mark in self.marks)
        return round(100 * earned / total)
