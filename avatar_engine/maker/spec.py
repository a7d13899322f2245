"""Only the words in which a person is described: the pydantic schema of `person.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Signed = Annotated[float, Field(ge=-1.0, le=1.0)]
Byte = Annotated[int, Field(ge=0, le=255)]
Rgb = tuple[Byte, Byte, Byte]
"""sRGB 0..255."""


class Part(BaseModel):
    """Base of every section: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ethnicity(Part):
    """Blend of the three macro shapes of the data set; normalised to sum 1. Mixtures look the most natural."""

    african: Unit = 0.0
    asian: Unit = 0.0
    caucasian: Unit = 0.0

    @model_validator(mode="after")
    def _some(self) -> Ethnicity:
        if self.african + self.asian + self.caucasian <= 0.0:
            raise ValueError("at least one of african, asian, caucasian must be above 0")
        return self


class Skin(Part):
    """Colour of the skin and what lies on it."""

    tone: Rgb = (226, 178, 156)
    lips: Rgb = (196, 104, 100)
    lip_mix: Unit = 0.7
    redness: Unit = 0.5
    freckles: Unit = 0.2
    stubble: Unit = 0.0
    lines: Unit = 0.1
    makeup: Unit = 0.0


class Eyes(Part):
    """Colours of the iris from the pupil outwards."""

    inner: Rgb = (92, 66, 38)
    outer: Rgb = (54, 36, 22)
    lashes: Unit = 0.7


class Brows(Part):
    """Brow hairs, drawn as geometry-free strokes into the skin."""

    color: Rgb = (52, 34, 26)
    thickness: Unit = 0.5
    density: Unit = 0.6
    arch: Signed = 0.0


class HairSpec(Part):
    """Which hair; `style` is one of the names that avatar_engine.maker.hair offers."""

    style: str = "lob"
    color: Rgb = (62, 40, 28)
    tips: Rgb | None = None
    grey: Unit = 0.0
    length: Signed = 0.0
    volume: Signed = 0.0
    part: Signed = 0.3


class Garment(Part):
    """One piece of clothing; `style` is one of the names that avatar_engine.maker.clothes offers."""

    style: str
    color: Rgb
    accent: Rgb | None = None


class ClothesSpec(Part):
    """What is worn, from the skin outwards, and glasses."""

    garments: tuple[Garment, ...] = ()
    glasses: Garment | None = None


class PersonSpec(Part):
    """A whole person. `sliders` are target names of the data set below targets/ (`{s}` stands for l and r)."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    name: str
    description: str
    licence: Literal["CC0-1.0"] = "CC0-1.0"
    seed: int = 1
    sex: Unit = Field(description="0 woman, 1 man")
    age_years: Annotated[float, Field(ge=18.0, le=90.0)] = 30.0
    muscle: Unit = 0.5
    weight: Unit = 0.5
    asymmetry: Unit = 0.15
    ethnicity: Ethnicity
    sliders: dict[str, Annotated[float, Field(ge=-1.5, le=1.5)]] = {}
    arm_drop_deg: Annotated[float, Field(ge=0.0, le=60.0)] = 34.0
    skin: Skin = Skin()
    eyes: Eyes = Eyes()
    brows: Brows = Brows()
    hair: HairSpec = HairSpec()
    clothes: ClothesSpec = ClothesSpec()


def load_person(path: Path) -> PersonSpec:
    """Read and check a `person.yaml`."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError(f"{path}: a person is a mapping of fields, found {type(data).__name__}")
    return PersonSpec.model_validate(data)
