"""flame.py - sampled stacks as a flame graph in SVG: a box for each function, as wide as its share of the
samples, above the one that called it. A browser shows name and share of the box under the pointer."""

import html
import zlib

WIDTH, HEIGHT, LETTER = 1400, 17, 6.6  # of the picture, of a box, of a letter; in pixels
LEAST = 0.4                            # a box that would be narrower is left out


class Box:
    def __init__(self):
        self.samples, self.callees = 0, {}


def tree(stacks):
    """stacks: how many samples each tuple of names has, the outermost first."""
    root = Box()
    for frames, samples in stacks.items():
        at = root
        at.samples += samples
        for name in frames:
            at = at.callees.setdefault(name, Box())
            at.samples += samples
    return root


def boxes(box, name, depth, left, scale):
    """(name, samples, depth, left, width) of it and of all above it."""
    width = box.samples * scale
    if width < LEAST:
        return
    yield name, box.samples, depth, left, width
    for callee in sorted(box.callees):
        yield from boxes(box.callees[callee], callee, depth + 1, left, scale)
        left += box.callees[callee].samples * scale


def colour(name):
    n = zlib.crc32(name.encode())
    return f"rgb({205 + n % 50},{110 + n // 50 % 100},{40 + n // 5000 % 50})"


def one(name, samples, left, top, width, total):
    share = f"{html.escape(name)}: {samples} samples, {100 * samples / total:.2f} %"
    letters = int((width - 4) / LETTER)
    short = name if len(name) <= letters else name[:letters - 1] + "…" if letters > 3 else ""
    text = f'<text x="{left + 2:.1f}" y="{top + 12}">{html.escape(short)}</text>' if short else ""
    return (f'<g><title>{share}</title><rect x="{left:.1f}" y="{top}" width="{max(width - 0.5, 0.3):.1f}" '
            f'height="{HEIGHT - 1}" fill="{colour(name)}"/>{text}</g>')


def draw(stacks, title):
    root = tree(stacks)
    total = max(root.samples, 1)
    all_of_them = list(boxes(root, "all", 0, 10, (WIDTH - 20) / total))
    depth = max((b[2] for b in all_of_them), default=0)
    height = (depth + 1) * HEIGHT + 50
    body = [one(name, samples, left, height - 10 - (at + 1) * HEIGHT, width, total)
            for name, samples, at, left, width in all_of_them]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fffdf6"/>',
        f'<text x="10" y="24" font-size="16">{html.escape(title)}: {root.samples} samples</text>',
        *body, "</svg>", ""])
