"""LiveKit: translates between a room and the engine; decides nothing."""

if __name__ == "plugin":
    raise ImportError("no module named 'plugin': import avatar_engine.plugin (the folder is part of that package)")
