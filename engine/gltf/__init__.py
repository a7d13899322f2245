"""Only reads glTF 2.0 files (GLB and .gltf) into `engine.model` arrays; numpy and Pillow, no GPU."""
