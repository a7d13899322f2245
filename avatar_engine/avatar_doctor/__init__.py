"""Only examines avatars that people bring: what their face can do, what it costs, and what to do about the rest."""
