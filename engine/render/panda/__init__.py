"""Only this package touches Panda3D: pictures of avatars drawn offscreen with our own shaders."""
