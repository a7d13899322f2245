"""TODO"""

if __name__ == "engine":
    raise ImportError("import avatar_engine.engine (this folder is part of the avatar_engine package)")
