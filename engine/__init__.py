"""Ticks, entities, pixels and files; has never heard of faces."""

if __name__ == "engine":
    raise ImportError("no module named 'engine': import avatar_engine.engine (the folder is part of that package)")
