"""Looks up how words are pronounced, on a thread of its own: the program that knows is far too slow for a tick."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from avatar_engine.engine.errors import EngineError, InputError
from avatar_engine.engine.messages import SpokenWord, TimedWord
from avatar_engine.engine.pronunciation import pronounced, pronounced_words


class Wording:
    """Answers in the order asked. The thread starts with the first question."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    def ask(
        self,
        words: tuple[TimedWord, ...],
        lang: str,
        then: Callable[[tuple[SpokenWord, ...]], None],
        failed: Callable[[EngineError], None],
    ) -> None:
        """Call `then` or `failed`, on the thread."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="avatar-words")
        self._thread.submit(_look_up, words, lang, then, failed)

    def stop(self) -> None:
        """Forget what was not answered yet."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
            self._thread = None


def _look_up(
    words: tuple[TimedWord, ...],
    lang: str,
    then: Callable[[tuple[SpokenWord, ...]], None],
    failed: Callable[[EngineError], None],
) -> None:
    try:
        phones = pronounced_words(tuple(word.text for word in words), lang)
    except EngineError as error:
        failed(error)
        return
    then(tuple(SpokenWord(said, word.start_s) for said, word in zip(phones, words, strict=True) if said))


def text_of(text: str | None, file: Path | None) -> str | None:
    """The text itself, or that of a file. Raises InputError."""
    if file is None:
        return text
    try:
        return file.read_text(encoding="utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(file), f"cannot be read ({error})", "give a UTF-8 text file") from None


def words_of(text: str, lang: str) -> tuple[SpokenWord, ...]:
    """A text whose times nobody knows. Raises InputError for one without a word, and what `pronounced` raises."""
    words = tuple(SpokenWord(phones) for phones in pronounced(text, lang))
    if not words:
        raise InputError("--text", "holds no word", "give what is said, or leave it out")
    return words
