"""Maps the top-level folders into `avatar_engine.*`; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
FOLDERS = ("engine", "components", "systems", "scenes", "assets", "editor", "plugin")

packages = ["avatar_engine", *(f"avatar_engine.{name}" for name in find_packages("avatar_engine"))]
package_dir = {"avatar_engine": "avatar_engine"}
for folder in FOLDERS:
    package_dir[f"avatar_engine.{folder}"] = folder
    packages += [f"avatar_engine.{folder}"]
    packages += [f"avatar_engine.{folder}.{name}" for name in find_packages(str(ROOT / folder))]

DATA = ["py.typed", "*.yaml", "*.json", "*.onnx", "*.glb", "*.png", "*.jpg", "*.flac", "*.ogg", "*.md", "*.glsl"]
NESTED = [f"{depth}{pattern}" for depth in ("", "*/", "*/*/") for pattern in DATA]

setup(packages=packages, package_dir=package_dir, package_data={"": NESTED}, include_package_data=False)
