"""TODO"""

if __name__ == "editor":
    raise ImportError("import avatar_engine.editor (this folder is part of the avatar_engine package)")
