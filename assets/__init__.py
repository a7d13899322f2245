"""TODO"""

if __name__ == "assets":
    raise ImportError("import avatar_engine.assets (this folder is part of the avatar_engine package)")
