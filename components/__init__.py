"""TODO"""

if __name__ == "components":
    raise ImportError("import avatar_engine.components (this folder is part of the avatar_engine package)")
