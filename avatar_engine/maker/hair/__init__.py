"""Hair styles: `build` makes the meshes of one level, `covered` names the skin that hair hides, `shaded` what it
hides from most sides, `beyond_hairline` how far skin lies inside of where hair grows."""

from avatar_engine.maker.hair.styles import STYLES, beyond_hairline, build, covered, hairline_of, shaded

__all__ = ["STYLES", "beyond_hairline", "build", "covered", "hairline_of", "shaded"]
