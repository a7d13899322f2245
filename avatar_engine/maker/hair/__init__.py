"""Hair styles: `build` makes the meshes of one level of detail, `covered` names the skin that hair hides."""

from avatar_engine.maker.hair.styles import STYLES, build, covered

__all__ = ["STYLES", "build", "covered"]
