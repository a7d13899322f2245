"""Hair styles: `build` makes the meshes of one level, `covered` names the skin that hair hides, `shaded` what it
hides from most sides."""

from avatar_engine.maker.hair.styles import STYLES, build, covered, shaded

__all__ = ["STYLES", "build", "covered", "shaded"]
