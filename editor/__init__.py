"""The place of an editor for mappings. There is none yet."""

if __name__ == "editor":
    raise ImportError("no module named 'editor': import avatar_engine.editor (the folder is part of that package)")
