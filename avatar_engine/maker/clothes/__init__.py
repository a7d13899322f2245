"""Clothes: `build` makes the meshes of one level of detail, `covered` names the body that they hide, `tuck`
says how far skin is drawn in below their edges."""

from avatar_engine.maker.clothes.wardrobe import STYLES, build, covered, tuck

__all__ = ["STYLES", "build", "covered", "tuck"]
