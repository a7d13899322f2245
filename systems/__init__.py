"""One file per system of the tick; start at pipeline.py."""

if __name__ == "systems":
    raise ImportError("no module named 'systems': import avatar_engine.systems (the folder is part of that package)")
