"""Bundled avatars, backgrounds, models and speech, with their manifest."""

if __name__ == "assets":
    raise ImportError("no module named 'assets': import avatar_engine.assets (the folder is part of that package)")
