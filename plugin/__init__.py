"""TODO"""

if __name__ == "plugin":
    raise ImportError("import avatar_engine.plugin (this folder is part of the avatar_engine package)")
