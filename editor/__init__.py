"""The mapping editor: Qt-free model and actions, thin qt_* widgets."""

if __name__ == "editor":
    raise ImportError("no module named 'editor': import avatar_engine.editor (the folder is part of that package)")
