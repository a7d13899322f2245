"""Clothes: `build` makes the meshes of one level of detail, `covered` names the body that they hide."""

from avatar_engine.maker.clothes.wardrobe import STYLES, build, covered

__all__ = ["STYLES", "build", "covered"]
