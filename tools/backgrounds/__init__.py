"""Only what paints the bundled background pictures lives here: rooms of plain shapes, traced by light paths.

python -m tools.backgrounds            rebuild all pictures (two to three minutes each)
python -m tools.backgrounds --check    compare the bundled pictures with a quick rebuild
"""
