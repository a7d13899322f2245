"""TODO"""

if __name__ == "systems":
    raise ImportError("import avatar_engine.systems (this folder is part of the avatar_engine package)")
