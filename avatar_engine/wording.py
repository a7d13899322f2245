"""Looks up how words are pronounced, on a thread of its own: the program that knows is far too slow for a tick."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from avatar_engine.engine.errors import EngineError, InputError
from avatar_engine.engine.messages import AudioChunk, Notice, SpokenWord, TimedWord
from avatar_engine.engine.pronunciation import pronounced, pronounced_words


class Wording:
    """Looks words up in the order they come. The thread starts with the first of them."""

    def __init__(
        self, tell: Callable[[str, int, tuple[SpokenWord, ...]], None], note: Callable[[Notice], None]
    ) -> None:
        """tell: takes session, segment and pronounced words. note: takes the news, once a session and language, that
        there are none. Both are called on the thread."""
        self._tell, self._note = tell, note
        self._thread: ThreadPoolExecutor | None = None
        self._language: dict[str, str] = {}
        self._refused: set[tuple[str, str]] = set()  # sessions and languages

    def speaks(self, session: str, language: str) -> None:
        """Words that come from now on are of this language, as espeak-ng or BCP 47 name it."""
        self._language[session] = language

    def look_up(self, session: str, chunk: AudioChunk) -> None:
        """Begin; returns at once. Sessions of which nobody has said what they speak are none."""
        language = self._language.get(session)
        if language is None or (session, language) in self._refused:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="avatar-words")
        self._thread.submit(self._look_up, session, chunk.segment, chunk.words, language)

    def forget(self, session: str) -> None:
        """The session is over."""
        self._language.pop(session, None)
        self._refused = {refused for refused in self._refused if refused[0] != session}

    def stop(self) -> None:
        """Forget what was not answered yet."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
            self._thread = None

    def _look_up(self, session: str, segment: int, words: tuple[TimedWord, ...], language: str) -> None:
        try:
            phones = pronounced_words(tuple(word.text for word in words), language)
        except EngineError as error:
            if (session, language) not in self._refused:
                self._refused.add((session, language))
                self._note(Notice(session, "warning", "words", f"{error} (lips follow the sound alone)"))
            return
        known = zip(phones, words, strict=True)
        self._tell(session, segment, tuple(SpokenWord(said, word.start_s) for said, word in known if said))


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
