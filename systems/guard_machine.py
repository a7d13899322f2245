"""Runs compiled guards: a small stack machine that can neither loop nor reach anything but the facts it is given."""

from __future__ import annotations

from collections.abc import Callable

from avatar_engine.components.script import Program, Value

Load = Callable[[str], Value]


def run_program(program: Program, load: Load) -> Value:
    """The value of a compiled expression; `load` gives the value of a name."""
    stack: list[Value] = []
    for op, argument in program:
        if op == "push":
            stack.append(argument)  # type: ignore[arg-type]
        elif op == "load":
            stack.append(load(str(argument)))
        elif op == "call":
            assert isinstance(argument, tuple)
            name, count = str(argument[0]), int(argument[1])
            values = [float(value) for value in stack[len(stack) - count :]]
            del stack[len(stack) - count :]
            stack.append(_FUNCTIONS[name](values))
        elif op in ("not", "neg"):
            value = stack.pop()
            stack.append(float(not truth(value)) if op == "not" else -float(value))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(_binary(op, left, right))
    return stack[-1]


def number(program: Program, load: Load) -> float:
    """The value of an expression known to be a number."""
    return float(run_program(program, load))


def truth(value: Value) -> bool:
    """What counts as true: numbers other than 0, texts that are not empty."""
    return value != 0.0 if isinstance(value, int | float) else bool(value)


def _binary(op: str, left: Value, right: Value) -> Value:
    match op:
        case "==":
            return float(left == right)
        case "!=":
            return float(left != right)
        case "and":
            return float(truth(left) and truth(right))
        case "or":
            return float(truth(left) or truth(right))
        case _:
            return _ARITHMETIC[op](float(left), float(right))


def _divide(a: float, b: float) -> float:
    # a behaviour must not stop over a zero; 0 is the value nobody mistakes for a result
    return a / b if b else 0.0


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": lambda a, b: a % b if b else 0.0,
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
}
_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "min": min,
    "max": max,
    "abs": lambda v: abs(v[0]),
    "clamp": lambda v: min(max(v[0], v[1]), v[2]),
    "round": lambda v: float(round(v[0])),
}
