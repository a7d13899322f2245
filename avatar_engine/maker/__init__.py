"""Only builds people: a `person.yaml` in, a GLB with skeleton, shapes and levels of detail out (a build tool)."""
