"""The plugin's logger; never given speech or text of the people talking."""

import logging

logger = logging.getLogger("avatar_engine.plugin")
