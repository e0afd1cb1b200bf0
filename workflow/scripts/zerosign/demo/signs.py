"""The demo's sixteen signs, the people who make them, and how a frame of them is drawn.

A sign is a path of one gloved hand through the air, and the colour of that glove. Everybody wears
one red and one blue glove, on sides that differ by person, so only the colour names the hand.
Six of the eight paths are time reversals of each other: a reader that ignores the order of frames
cannot tell them apart. Sides and turns are as the viewer sees them.

Lengths are in units of the frame's height, y points down, times are in seconds.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

# Path name -> what the hand does, as a phrase for descriptions.
PATHS = {
    "up": "rises straight up from the waist to the face",
    "down": "sinks straight down from the face to the waist",
    "right": "sweeps sideways from the left to the right",
    "left": "sweeps sideways from the right to the left",
    "clockwise": "draws one large circle clockwise in front of the chest",
    "anticlockwise": "draws one large circle anticlockwise in front of the chest",
    "shake": "waves from side to side in front of the chest",
    "bounce": "bounces up and down in front of the chest",
}
REVERSED = {
    "up": "down",
    "down": "up",
    "right": "left",
    "left": "right",
    "clockwise": "anticlockwise",
    "anticlockwise": "clockwise",
    "shake": "shake",
    "bounce": "bounce",
}
MIRRORED = {
    "up": "up",
    "down": "down",
    "right": "left",
    "left": "right",
    "clockwise": "anticlockwise",
    "anticlockwise": "clockwise",
    "shake": "shake",
    "bounce": "bounce",
}
GLOVES: dict[str, Colour] = {"red": (205, 35, 40), "blue": (40, 60, 210)}


@dataclass(frozen=True)
class Sign:
    """One gloss of the demo."""

    gloss: str
    path: str
    glove: str

    @property
    def description(self) -> str:
        return f"The hand in the {self.glove} glove {PATHS[self.path]}, while the other hand rests."


# In the order of the classes; like in WLASL, that is neither alphabetical nor otherwise sorted.
SIGNS = (
    Sign("grow", "up", "red"),
    Sign("past", "left", "blue"),
    Sign("year", "clockwise", "red"),
    Sign("practice", "bounce", "blue"),
    Sign("evening", "down", "blue"),
    Sign("travel", "right", "red"),
    Sign("party", "shake", "red"),
    Sign("world", "anticlockwise", "blue"),
    Sign("rain", "down", "red"),
    Sign("morning", "up", "blue"),
    Sign("again", "anticlockwise", "red"),
    Sign("wind", "shake", "blue"),
    Sign("return", "left", "red"),
    Sign("cook", "clockwise", "blue"),
    Sign("work", "bounce", "red"),
    Sign("future", "right", "blue"),
)


@dataclass(frozen=True)
class Signer:
    """A person in front of a camera: everything that stays the same over their recordings."""

    width: int
    height: int
    fps: Fraction
    red_side: int  # -1: the red glove is on the viewer's left, +1: on the right
    gloves: dict[str, Colour]
    skin: Colour
    hair: Colour
    shirt: Colour
    wall: Colour
    floor: Colour
    furniture: tuple[tuple[float, float, float, float, Colour], ...]
    centre: float  # the body's middle, as a share of the width
    scale: float
    reach: float  # half the size of the signing space
    tempo: float
    noise: float  # standard deviation of the camera's noise, in grey levels


@dataclass(frozen=True)
class Take:
    """One performance of a sign: lift the hand, hold, stroke, hold, lower the hand."""

    sign: Sign
    lift: float
    hold_before: float
    stroke: float
    hold_after: float
    lower: float
    reach: float
    middle: Point
    phase: float  # where a circle starts, in turns
    ease: float  # 0: even speed, 1: slow at both ends

    @property
    def duration(self) -> float:
        return self.lift + self.hold_before + self.stroke + self.hold_after + self.lower


def draw_signer(rng: np.random.Generator) -> Signer:
    """Draw a person at random: muted surroundings, saturated gloves."""
    size = (128, 128) if rng.random() < 0.5 else (160, 120)
    furniture = tuple(
        (x, y, x + rng.uniform(0.1, 0.4), y + rng.uniform(0.1, 0.4), _muted(rng, 60, 200))
        for x, y in rng.uniform(-0.1, 1.1, (rng.integers(0, 5), 2))
    )
    brightness = rng.uniform(0.35, 1.05)
    return Signer(
        *size,
        fps=Fraction(25) if rng.random() < 0.5 else Fraction(30000, 1001),
        red_side=-1 if rng.random() < 0.5 else 1,
        gloves={name: _vary(rng, colour, 22) for name, colour in GLOVES.items()},
        skin=_vary(rng, (int(brightness * 226), int(brightness * 178), int(brightness * 148)), 10),
        hair=_muted(rng, 20, 150),
        shirt=_muted(rng, 30, 220),
        wall=_muted(rng, 50, 225),
        floor=_muted(rng, 40, 180),
        furniture=furniture,
        centre=rng.uniform(0.44, 0.56),
        scale=rng.uniform(0.9, 1.1),
        reach=rng.uniform(0.19, 0.25),
        tempo=rng.uniform(0.7, 1.15),
        noise=rng.uniform(0.5, 5.0),
    )


def draw_take(rng: np.random.Generator, sign: Sign, signer: Signer, grid: int = 25) -> Take:
    """Draw a performance at random; its duration is a whole number of 1/`grid` seconds."""
    lift, lower = rng.uniform(0.12, 0.24, 2) * signer.tempo
    before, after = rng.uniform(0.0, 0.12, 2) * signer.tempo
    stroke = rng.uniform(0.85, 1.3) * signer.tempo
    if sign.path in ("clockwise", "anticlockwise", "shake", "bounce"):
        stroke *= 1.25
    total = lift + before + stroke + after + lower
    stroke += math.ceil(total * grid) / grid - total
    return Take(
        sign,
        lift,
        before,
        stroke,
        after,
        lower,
        reach=signer.reach * rng.uniform(0.9, 1.1),
        middle=(rng.uniform(-0.03, 0.03), 0.53 + rng.uniform(-0.03, 0.03)),
        phase=rng.uniform(-0.06, 0.06),
        ease=rng.uniform(0.0, 0.8),
    )


def path_point(path: str, s: float, phase: float = 0.0) -> Point:
    """Place of the hand at share `s` of the stroke, in units of the reach around the middle."""
    turn = 2 * math.pi * (s + phase)
    match path:
        case "up":
            return 0.0, 1.0 - 2 * s
        case "right":
            return 2 * s - 1.0, 0.0
        case "clockwise":  # from the top, over the viewer's right
            return math.sin(turn), -math.cos(turn)
        case "shake":
            return math.sin(3 * math.pi * s), 0.0
        case "bounce":
            return 0.0, math.sin(3 * math.pi * s)
        case "down" | "left" | "anticlockwise":
            return path_point(REVERSED[path], 1.0 - s, phase)
    raise ValueError(f"no such path: {path}")


def hand_point(take: Take, signer: Signer, t: float) -> Point:
    """Place of the signing hand `t` seconds into a take, relative to the body's middle."""
    rest = rest_point(take.sign.glove, signer)
    if t < take.lift:
        return _between(rest, _stroke_point(take, 0.0), _smooth(t / take.lift))
    end = take.duration - take.lower
    if t > end:
        return _between(_stroke_point(take, 1.0), rest, _smooth((t - end) / take.lower))
    s = min(max((t - take.lift - take.hold_before) / take.stroke, 0.0), 1.0)
    return _stroke_point(take, (1 - take.ease) * s + take.ease * _smooth(s))


def rest_point(glove: str, signer: Signer) -> Point:
    """Where a hand hangs, relative to the body's middle."""
    return _side(glove, signer) * 0.24 * signer.scale, 0.87


def render(
    takes: list[Take], signer: Signer, rng: np.random.Generator, rate: Fraction
) -> np.ndarray:
    """Film takes one after the other: frames uint8[T, H, W, 3] in RGB at `rate` per second."""
    ends = np.cumsum([take.duration for take in takes])
    count = math.ceil(round(float(ends[-1]) * float(rate), 6))
    still = _stage(signer)
    # Camera noise: one tile, shifted at random, is as good as fresh noise and much cheaper.
    tile = rng.normal(0.0, signer.noise, (signer.height * 2, signer.width * 2, 3))
    tile = tile.round().astype(np.int16)
    sway = rng.uniform(0, 2 * math.pi, 2)
    frames = np.empty((count, signer.height, signer.width, 3), np.uint8)
    for index in range(count):
        t = index / float(rate)
        which = min(int(np.searchsorted(ends, t, side="right")), len(takes) - 1)
        take = takes[which]
        hands = {
            glove: _add(rest_point(glove, signer), _tremor(t, phase))
            for glove, phase in zip(GLOVES, sway, strict=True)
        }
        begin = float(ends[which]) - take.duration
        hands[take.sign.glove] = _add(
            hand_point(take, signer, t - begin), _tremor(1.7 * t, sway[0])
        )
        picture = still.copy()
        _draw_arms(picture, signer, hands)
        pixels = np.asarray(picture).astype(np.int16)
        y, x = rng.integers(0, (signer.height, signer.width))
        noise = tile[y : y + signer.height, x : x + signer.width]
        frames[index] = (pixels + noise).clip(0, 255)
    return frames


def body_box(signer: Signer) -> list[int]:
    """Box around the body and its signing space: [xmin, ymin, xmax, ymax] in pixels."""
    middle, half = signer.centre * signer.width, 0.36 * signer.scale * signer.height
    top = (0.2 - 0.13 * signer.scale) * signer.height
    xmin, xmax = max(middle - half, 0), min(middle + half, signer.width)
    return [round(xmin), round(max(top, 0)), round(xmax), signer.height]


def _side(glove: str, signer: Signer) -> int:
    return signer.red_side if glove == "red" else -signer.red_side


def _stroke_point(take: Take, s: float) -> Point:
    x, y = path_point(take.sign.path, s, take.phase)
    return take.middle[0] + take.reach * x, take.middle[1] + take.reach * y


def _smooth(s: float) -> float:
    return s * s * (3 - 2 * s)


def _between(a: Point, b: Point, s: float) -> Point:
    return a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])


def _add(a: Point, b: Point) -> Point:
    return a[0] + b[0], a[1] + b[1]


def _tremor(t: float, phase: float) -> Point:
    return 0.006 * math.sin(5 * t + phase), 0.006 * math.cos(4 * t + 2 * phase)


def _muted(rng: np.random.Generator, low: int, high: int) -> Colour:
    """A greyish colour: far from both gloves, whatever its brightness."""
    grey = rng.uniform(low, high)
    red, green, blue = (int(min(max(grey + d, 0), 255)) for d in rng.uniform(-16, 16, 3))
    return red, green, blue


def _vary(rng: np.random.Generator, colour: Colour, by: int) -> Colour:
    red, green, blue = (int(min(max(c + rng.uniform(-by, by), 0), 255)) for c in colour)
    return red, green, blue


def _stage(signer: Signer) -> Image.Image:
    """The surroundings and all of the body that doesn't move."""
    width, height = signer.width, signer.height
    picture = Image.new("RGB", (width, height), signer.wall)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0.8 * height, width, height), fill=signer.floor)
    for x0, y0, x1, y1, colour in signer.furniture:
        draw.rectangle((x0 * width, y0 * height, x1 * width, y1 * height), fill=colour)
    middle, k = signer.centre * width, signer.scale * height

    def box(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """Lengths from the body's middle and from eye level to pixels."""
        return middle + x0 * k, 0.2 * height + y0 * k, middle + x1 * k, 0.2 * height + y1 * k

    draw.rectangle(box(-0.035, 0.06, 0.035, 0.18), fill=signer.skin)
    draw.rounded_rectangle(box(-0.16, 0.15, 0.16, 1.2), radius=0.07 * k, fill=signer.shirt)
    draw.ellipse(box(-0.1, -0.13, 0.1, 0.09), fill=signer.hair)
    draw.ellipse(box(-0.08, -0.095, 0.08, 0.105), fill=signer.skin)
    for side in (-1, 1):
        draw.ellipse(box(side * 0.032 - 0.012, -0.014, side * 0.032 + 0.012, 0.01), fill=(30,) * 3)
    draw.line(box(-0.025, 0.055, 0.025, 0.055), fill=(90, 50, 50), width=max(1, round(0.012 * k)))
    return picture


def _draw_arms(picture: Image.Image, signer: Signer, hands: dict[str, Point]) -> None:
    """Draw both arms and gloves; the raised hand is in front."""
    draw = ImageDraw.Draw(picture)
    height = picture.height
    sleeve = tuple(int(0.85 * c) for c in signer.shirt)
    upper = lower = 0.27 * signer.scale
    for glove, (x, y) in sorted(hands.items(), key=lambda hand: -hand[1][1]):
        side = _side(glove, signer)
        shoulder = (side * 0.15 * signer.scale, 0.2 + 0.2 * signer.scale)
        points = (shoulder, _elbow(shoulder, (x, y), upper, lower, side), (x, y))
        pixels = [(signer.centre * picture.width + px * height, py * height) for px, py in points]
        draw.line(pixels, fill=sleeve, width=round(0.06 * signer.scale * height), joint="curve")
        px, py = pixels[-1]
        radius = 0.07 * signer.scale * height
        draw.ellipse(
            (px - radius, py - radius, px + radius, py + radius), fill=signer.gloves[glove]
        )


def _elbow(shoulder: Point, hand: Point, upper: float, lower: float, side: int) -> Point:
    """Elbow of a two-link arm, bent down and outwards."""
    dx, dy = hand[0] - shoulder[0], hand[1] - shoulder[1]
    distance = min(max(math.hypot(dx, dy), 1e-6), 0.999 * (upper + lower))
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    across = math.sqrt(max(upper**2 - along**2, 0.0))
    norm = max(math.hypot(dx, dy), 1e-6)
    ux, uy = dx / norm, dy / norm
    # Of the two normals of the line from shoulder to hand, the one on the outer, lower side.
    nx, ny = -uy, ux
    if nx * side + 0.5 * ny < 0:
        nx, ny = -nx, -ny
    return shoulder[0] + along * ux + across * nx, shoulder[1] + along * uy + across * ny
