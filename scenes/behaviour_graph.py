"""Draws a behaviour: a PNG picture with one graph per layer, or the same as Mermaid text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from avatar_engine.components.script import (
    Assign,
    Choose,
    Emit,
    Feel,
    Gesture,
    Layer,
    Look,
    Persona,
    Reaction,
    Show,
    Step,
    Stop,
    Wait,
    When,
)
from avatar_engine.engine.errors import OutputError
from avatar_engine.engine.media.output import write_error

SCALE = 2  # drawn twice as large, for screens of today
BOX_W, LINE_H, PAD = 250, 17, 10
PAPER, INK, SOFT, ACCENT, FILL = "#ffffff", "#1f2933", "#7b8794", "#2f6fb0", "#f1f5f9"
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Point = tuple[float, float]


@dataclass(slots=True)
class _Box:
    title: str
    lines: list[str]
    x: float = 0.0
    y: float = 0.0
    initial: bool = False

    @property
    def height(self) -> float:
        return 2 * PAD + LINE_H * (1 + len(self.lines)) + (4 if self.lines else 0)


def write_graph(persona: Persona, path: Path) -> None:
    """A PNG. Raises OutputError."""
    pictures = [_layer_picture(layer) for layer in persona.layers]
    width = max([picture.width for picture in pictures], default=400)
    height = sum(picture.height for picture in pictures) + 60 * SCALE
    sheet = Image.new("RGB", (width, height), PAPER)
    ImageDraw.Draw(sheet).text((24 * SCALE, 18 * SCALE), persona.name, INK, font=_font(22))
    y = 60 * SCALE
    for picture in pictures:
        sheet.paste(picture, (0, y))
        y += picture.height
    try:
        sheet.save(path)
    except OSError as error:
        raise write_error(path, error) from None
    except ValueError as error:
        raise OutputError(str(path), str(error), "give a path that ends in .png") from None


def mermaid(persona: Persona) -> str:
    """The state graphs as Mermaid text, which GitHub and many editors draw."""
    lines = ["stateDiagram-v2"]
    for layer in persona.layers:
        lines.append(f"  state {layer.name} {{")
        if layer.states:
            lines.append(f"    [*] --> {layer.name}_{layer.states[layer.initial].name}")
        for state in layer.states:
            lines.append(f"    {layer.name}_{state.name}: {state.name}")
            lines += [
                f"    {layer.name}_{state.name} --> {layer.name}_{layer.states[r.to].name}: {cause(r)}"
                for r in state.reactions
                if r.to is not None
            ]
        lines += [
            f"    [*] --> {layer.name}_{layer.states[r.to].name}: {cause(r)} (from any state)"
            for r in layer.always
            if r.to is not None
        ]
        lines.append("  }")
    return "\n".join(lines) + "\n"


def cause(reaction: Reaction) -> str:
    """What makes a reaction happen, in a few words."""
    if reaction.event:
        text = reaction.event
    else:
        low, high = reaction.after_s or (0.0, 0.0)
        span = f"{low:g} s" if low == high else f"{low:g}-{high:g} s"
        text = f"{'every' if reaction.again else 'after'} {span}"
    if reaction.guard is not None:
        text += " if ..."
    return text + (f" ({reaction.chance:.0%})" if reaction.chance < 1.0 else "")


def step_text(step: Step) -> str:
    """A step in a few words."""
    match step:
        case Feel(emotion=name):
            return f"emotion {name}"
        case Gesture(name=name):
            return f"gesture {name}"
        case Show(clip=name):
            return f"clip {name}"
        case Stop(clip=name):
            return f"stop {name or 'all'}"
        case Look(point_m=point):
            return "look at the viewer" if point is None else "look at a point"
        case Wait():
            return "wait"
        case Choose(branches=branches):
            return "one of: " + ", ".join(step_text(b[0]) if b else "nothing" for b in branches)
        case When():
            return "if ..."
        case Assign(name=name):
            return f"set {name}"
        case Emit(event=event):
            return f"emit {event}"


def _layer_picture(layer: Layer) -> Image.Image:
    boxes = [_box(layer, index) for index in range(len(layer.states))]
    hub = None
    if layer.always:
        hub = _Box("in any state", [_line(r) for r in layer.always if r.to is None])
    radius_x, radius_y = _arrange(boxes, hub)
    boxes += [hub] if hub else []
    width = max(2 * radius_x + BOX_W + 120, 460)
    tallest = max(box.height for box in boxes)
    height = 2 * radius_y + tallest + 110
    picture = Image.new("RGB", (round(width * SCALE), round(height * SCALE)), PAPER)
    draw = ImageDraw.Draw(picture)
    owns = f"  owns {', '.join(layer.owns)}" if layer.owns else ""
    draw.text((24 * SCALE, 8 * SCALE), f"{layer.name}{owns}", ACCENT, font=_font(16))
    for box in boxes:
        box.x += width / 2
        box.y += height / 2 + 14
    for index, state in enumerate(layer.states):
        for reaction in state.reactions:
            if reaction.to is not None and reaction.to != index:
                _arrow(draw, boxes[index], boxes[reaction.to], cause(reaction))
    for reaction in layer.always:
        if reaction.to is not None and hub is not None:
            _arrow(draw, hub, boxes[reaction.to], cause(reaction))
    for box in boxes:
        _draw_box(draw, box)
    return picture


def _box(layer: Layer, index: int) -> _Box:
    state = layer.states[index]
    lines = [step_text(step) for step in state.enter]
    lines += [_line(r) for r in state.reactions if r.to is None]
    return _Box(state.name, lines, initial=index == layer.initial)


def _line(reaction: Reaction) -> str:
    return f"{cause(reaction)}: " + "; ".join(step_text(step) for step in reaction.steps)


def _arrange(boxes: list[_Box], hub: _Box | None) -> Point:
    """Put the states on an ellipse around the hub, the first one on top; returns its radii."""
    row = [*boxes, hub] if hub is not None else boxes
    if len(row) <= 2:
        for index, box in enumerate(row):
            box.x = (index - (len(row) - 1) / 2) * BOX_W * 1.3
        return BOX_W * 0.65 * (len(row) - 1), 0.0
    tallest = max(box.height for box in boxes)
    radius_x = max(BOX_W * len(boxes) / 4.0, BOX_W * 1.6)
    radius_y = max(tallest * len(boxes) / 5.0 + (hub.height / 2 if hub is not None else 0.0), 150.0)
    for index, box in enumerate(boxes):
        angle = 2.0 * math.pi * index / len(boxes) - math.pi / 2.0
        box.x, box.y = radius_x * math.cos(angle), radius_y * math.sin(angle)
    return radius_x, radius_y


def _draw_box(draw: ImageDraw.ImageDraw, box: _Box) -> None:
    left, top = (box.x - BOX_W / 2) * SCALE, (box.y - box.height / 2) * SCALE
    right, bottom = left + BOX_W * SCALE, top + box.height * SCALE
    edge = ACCENT if box.initial else SOFT
    draw.rounded_rectangle((left, top, right, bottom), 8 * SCALE, FILL, edge, (3 if box.initial else 1) * SCALE)
    y = top + PAD * SCALE
    draw.text((left + PAD * SCALE, y), box.title, INK, font=_font(14))
    y += (LINE_H + 4) * SCALE
    for line in box.lines:
        draw.text((left + PAD * SCALE, y), _fitted(draw, line), SOFT, font=_font(11))
        y += LINE_H * SCALE


def _arrow(draw: ImageDraw.ImageDraw, start: _Box, end: _Box, label: str) -> None:
    bend = 0.12
    mx, my = (start.x + end.x) / 2, (start.y + end.y) / 2
    control = (mx - (end.y - start.y) * bend, my + (end.x - start.x) * bend)
    points = [_on_curve((start.x, start.y), control, (end.x, end.y), t / 40) for t in range(41)]
    shown = [p for p in points if not _inside(p, start) and not _inside(p, end)]
    if len(shown) < 2:
        return
    draw.line([(x * SCALE, y * SCALE) for x, y in shown], SOFT, round(1.5 * SCALE), joint="curve")
    (ax, ay), (bx, by) = shown[-2], shown[-1]
    angle = math.atan2(by - ay, bx - ax)
    wings = [(bx - 11 * math.cos(angle + s), by - 11 * math.sin(angle + s)) for s in (-0.4, 0.4)]
    draw.polygon([(x * SCALE, y * SCALE) for x, y in ((bx, by), *wings)], SOFT)
    x, y = shown[len(shown) // 2]
    font = _font(11)
    length = draw.textlength(label, font=font)
    spot = (x * SCALE - length / 2, y * SCALE - 8 * SCALE)
    draw.rectangle((spot[0] - 4, spot[1], spot[0] + length + 4, spot[1] + 15 * SCALE), PAPER)
    draw.text(spot, label, INK, font=font)


def _on_curve(a: Point, b: Point, c: Point, t: float) -> Point:
    u = 1.0 - t
    return u * u * a[0] + 2 * u * t * b[0] + t * t * c[0], u * u * a[1] + 2 * u * t * b[1] + t * t * c[1]


def _inside(point: Point, box: _Box) -> bool:
    return abs(point[0] - box.x) < BOX_W / 2 + 4 and abs(point[1] - box.y) < box.height / 2 + 4


def _fitted(draw: ImageDraw.ImageDraw, text: str) -> str:
    font, room = _font(11), (BOX_W - 2 * PAD) * SCALE
    if draw.textlength(text, font=font) <= room:
        return text
    while text and draw.textlength(text + "...", font=font) > room:
        text = text[:-1]
    return text.rstrip() + "..."


def _font(size: int) -> Font:
    return ImageFont.load_default(size * SCALE)
