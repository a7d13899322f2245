"""Scene and behaviour files: schema, load, save, watch."""

if __name__ == "scenes":
    raise ImportError("no module named 'scenes': import avatar_engine.scenes (the folder is part of that package)")
