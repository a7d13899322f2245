"""TODO"""

if __name__ == "scenes":
    raise ImportError("import avatar_engine.scenes (this folder is part of the avatar_engine package)")
