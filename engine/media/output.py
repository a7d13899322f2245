"""Only here is decided whether a result may be written to a path, and how a failed write is told."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from avatar_engine.engine.errors import OutputError

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


def is_disk_error(error: BaseException) -> bool:
    """Whether the disk, not the encoder, refused."""
    return getattr(error, "errno", None) in _DISK_ERRORS


def write_error(path: Path, error: BaseException) -> OutputError:
    """The one line for whatever went wrong while writing `path`."""
    number = getattr(error, "errno", None)
    where = str(path)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(where, "the disk is full", "free some space or write elsewhere")
    if number == errno.EFBIG:
        return OutputError(where, "the file grew beyond what is allowed here", "raise the limit or write elsewhere")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(where, "may not be written", "choose a folder you may write to")
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(where, f"cannot be written: {reason}", "write elsewhere")


def check_output_file(path: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse what cannot become the result before any work is done; make the folder if it is missing."""
    where = str(path)
    if path.is_dir():
        raise OutputError(where, "is a folder", f"name a file in it: {path / 'out'}{suffixes[0]}")
    if path.suffix.lower() not in suffixes:
        raise OutputError(where, "does not say what to make", f"end the name in {' or '.join(suffixes)}")
    if path.exists() and not path.is_file():
        raise OutputError(where, "is a device, not a file", "name an ordinary file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(where, "a part of the path is a file, not a folder", "choose another path") from error
    except OSError as error:
        raise write_error(path, error) from error


def try_output(path: Path) -> None:
    """Refuse now a file that cannot be written later; whatever is there stays as it is."""
    try:
        target = path.resolve()
        new = not target.exists()
        if not new and not target.is_file() and not target.is_dir():
            return  # a pipe or a device: opening one twice may mean something
        target.open("ab").close()
        if new:
            target.unlink()
    except OSError as error:
        raise write_error(path, error) from error


def part_name(path: Path) -> Path:
    """A name beside the result, hidden, for what is not finished yet."""
    return path.with_name(f".{path.stem}-{os.getpid()}-{secrets.token_hex(4)}.part{path.suffix}")


def claim_part(path: Path) -> Path:
    """An empty file of that name. The system's own refusal comes here, before any encoder is started."""
    part = part_name(path)
    try:
        part.open("xb").close()
    except OSError as error:
        raise write_error(path, error) from error
    return part
