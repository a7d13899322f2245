"""Compiles guard expressions to programs: numbers, texts, names, + - * / %, comparisons, and/or/not, five functions.

    expression = or;  or = and {"or" and};  and = not {"and" not};  not = "not" not | comparison
    comparison = sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum];  sum = term {("+" | "-") term}
    term = factor {("*" | "/" | "%") factor};  factor = "-" factor | number | text | name
    | name "(" list ")" | "(" or ")"

Types are checked here: texts can only be compared for equality, so a guard cannot fail while it runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from avatar_engine.components.script import Program
from avatar_engine.engine.errors import suggest

ARGUMENTS = {"min": (2, 8), "max": (2, 8), "abs": (1, 1), "clamp": (3, 3), "round": (1, 1)}
MAX_LENGTH, MAX_DEPTH = 400, 40
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<text>'[^']*'|\"[^\"]*\")|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<op>==|!=|<=|>=|[-+*/%<>()=,&|!]))"
)
COMPARE = ("==", "!=", "<", "<=", ">", ">=")
WORDS = ("and", "or", "not")


class GuardError(ValueError):
    """The text is no expression we understand; the message says what was expected."""


@dataclass(slots=True)
class _Parser:
    text: str
    names: Mapping[str, bool]
    tokens: list[tuple[str, str]] = field(default_factory=list)
    at: int = 0
    depth: int = 0
    out: list[tuple[str, object]] = field(default_factory=list)


def compile_guard(text: str, names: Mapping[str, bool]) -> Program:
    """A program for `text`. `names`: what may be used -> whether it is a text. Raises GuardError."""
    program, _ = _compile(text, names)
    return program


def compile_number(text: str, names: Mapping[str, bool]) -> Program:
    """Like compile_guard, for an expression that must be a number."""
    program, is_text = _compile(text, names)
    if is_text:
        raise GuardError(f"'{text}' is a text, where a number is expected")
    return program


def constant(value: float) -> Program:
    """The program of a plain number."""
    return (("push", float(value)),)


def names_in(program: Program) -> set[str]:
    """Names a program reads."""
    return {str(argument) for op, argument in program if op == "load"}


def _compile(text: str, names: Mapping[str, bool]) -> tuple[Program, bool]:
    if len(text) > MAX_LENGTH:
        raise GuardError(f"the expression is longer than {MAX_LENGTH} characters; use a parameter for a part of it")
    parser = _Parser(text, names, _tokens(text))
    if not parser.tokens:
        raise GuardError("the expression is empty; write for example \"turn == 'speaking' and level > 0.5\"")
    is_text = _or(parser)
    if parser.at < len(parser.tokens):
        raise GuardError(f"'{_peek(parser)}' was not expected in '{text}'; join conditions with and / or")
    return tuple(parser.out), is_text


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise GuardError(f"'{text[at:].strip()[0]}' means nothing in an expression")
        kind = str(match.lastgroup)
        value = match.group(kind)
        if kind == "op" and value in "=&|!":
            better = {"=": "==", "&": "and", "|": "or", "!": "not"}[value]
            raise GuardError(f"'{value}' is not an operator here; write '{better}'")
        tokens.append((kind, value))
        at = match.end()
    return tokens


def _peek(parser: _Parser) -> str:
    return parser.tokens[parser.at][1] if parser.at < len(parser.tokens) else ""


def _take(parser: _Parser, *wanted: str) -> str:
    if parser.at < len(parser.tokens):
        kind, value = parser.tokens[parser.at]
        if value in wanted and kind != "text":
            parser.at += 1
            return value
    return ""


def _or(parser: _Parser) -> bool:
    parser.depth += 1
    if parser.depth > MAX_DEPTH:
        raise GuardError("the expression is nested too deeply")
    is_text = _and(parser)
    while _take(parser, "or"):
        _and(parser)
        parser.out.append(("or", None))
        is_text = False
    parser.depth -= 1
    return is_text


def _and(parser: _Parser) -> bool:
    is_text = _not(parser)
    while _take(parser, "and"):
        _not(parser)
        parser.out.append(("and", None))
        is_text = False
    return is_text


def _not(parser: _Parser) -> bool:
    if _take(parser, "not"):
        parser.depth += 1
        if parser.depth > MAX_DEPTH:
            raise GuardError("the expression is nested too deeply")
        _not(parser)
        parser.depth -= 1
        parser.out.append(("not", None))
        return False
    return _comparison(parser)


def _comparison(parser: _Parser) -> bool:
    left = _sum(parser)
    op = _take(parser, *COMPARE)
    if not op:
        return left
    right = _sum(parser)
    if left != right:
        raise GuardError(f"a text and a number are compared with '{op}' in '{parser.text}'")
    if left and op not in ("==", "!="):
        raise GuardError(f"texts can be compared with == and != only, not with '{op}'")
    parser.out.append((op, None))
    if _peek(parser) in COMPARE:
        raise GuardError(f"comparisons do not chain; write 'a {op} b and b {_peek(parser)} c'")
    return False


def _sum(parser: _Parser) -> bool:
    return _chain(parser, _term, ("+", "-"))


def _term(parser: _Parser) -> bool:
    return _chain(parser, _factor, ("*", "/", "%"))


def _chain(parser: _Parser, part, ops: tuple[str, ...]) -> bool:  # type: ignore[no-untyped-def]
    is_text = bool(part(parser))
    while op := _take(parser, *ops):
        if part(parser) or is_text:
            raise GuardError(f"'{op}' needs numbers on both sides in '{parser.text}'")
        parser.out.append((op, None))
    return is_text


def _factor(parser: _Parser) -> bool:
    if _take(parser, "-"):
        parser.depth += 1
        if parser.depth > MAX_DEPTH:
            raise GuardError("the expression is nested too deeply")
        if _factor(parser):
            raise GuardError(f"'-' needs a number in '{parser.text}'")
        parser.depth -= 1
        parser.out.append(("neg", None))
        return False
    if _take(parser, "("):
        is_text = _or(parser)
        if not _take(parser, ")"):
            raise GuardError(f"a ')' is missing in '{parser.text}'")
        return is_text
    if parser.at >= len(parser.tokens):
        raise GuardError(f"'{parser.text}' ends where a value is expected")
    kind, value = parser.tokens[parser.at]
    parser.at += 1
    if kind == "number":
        parser.out.append(("push", float(value)))
        return False
    if kind == "text":
        parser.out.append(("push", value[1:-1]))
        return True
    if kind == "name" and value not in WORDS:
        return _name(parser, value)
    raise GuardError(f"a value is expected where '{value}' stands in '{parser.text}'")


def _name(parser: _Parser, name: str) -> bool:
    if _take(parser, "("):
        if name not in ARGUMENTS:
            raise GuardError(f"there is no function '{name}'; {suggest(name, ARGUMENTS)}")
        count = 0
        while not _take(parser, ")"):
            if count and not _take(parser, ","):
                raise GuardError(f"a ',' or ')' is missing in the arguments of {name}()")
            if _or(parser):
                raise GuardError(f"{name}() takes numbers")
            count += 1
        low, high = ARGUMENTS[name]
        if not low <= count <= high:
            raise GuardError(f"{name}() takes {low if low == high else f'{low} to {high}'} numbers, not {count}")
        parser.out.append(("call", (name, count)))
        return False
    if name in ("true", "false"):
        parser.out.append(("push", float(name == "true")))
        return False
    if name not in parser.names:
        hint = suggest(name, parser.names)
        raise GuardError(f"nothing is called '{name}'; {hint or 'texts stand in quotes'}")
    parser.out.append(("load", name))
    return parser.names[name]
