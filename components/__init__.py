"""Slotted dataclasses and name tables; no behaviour."""

if __name__ == "components":
    raise ImportError(
        "no module named 'components': import avatar_engine.components (the folder is part of that package)"
    )
