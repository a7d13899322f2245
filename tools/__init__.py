"""Programs that build or check parts of the project; none is needed at run time."""
