"""Tables of text: aligned for people, or in Markdown."""

import dataclasses

from harness.series import median, spread


@dataclasses.dataclass
class Table:
    title: str
    headings: list
    rows: list  # of lists of words

    def text(self):
        lines = [self.headings, *self.rows]
        widths = [max(len(str(line[i])) for line in lines) for i in range(len(self.headings))]
        aligned = ["  ".join(str(cell).rjust(width) for cell, width in zip(line, widths)) for line in lines]
        return "\n".join([self.title, aligned[0], "-" * len(aligned[0]), *aligned[1:]])

    def markdown(self):
        lines = [self.headings, ["---"] + ["---:"] * (len(self.headings) - 1), *self.rows]
        return "\n".join([f"**{self.title}**", "", *("| " + " | ".join(map(str, line)) + " |" for line in lines)])


def count(figure):
    """A summary's median, or a number, with commas."""
    return number(figure, ",.0f")


def number(figure, form=".2f"):
    value = median(figure) if isinstance(figure, dict) else figure
    return "-" if value is None else format(value, form)


def percent(figure):
    return number(figure, ".0%").replace("%", " %")


def spread_of(figure):
    return percent(spread(figure))


def kib(figure):
    value = median(figure) if isinstance(figure, dict) else figure
    return "-" if value is None else f"{value / 1024:,.1f}"


def verdict(targets):
    """Of one row."""
    if not targets:
        return ""
    missed = [one for one in targets if not one["met"]]
    return "met" if not missed else "not met: " + ", ".join(wanted(one) for one in missed)


def wanted(target):
    bounds = [f"≥ {target['at_least']:g}"] if target["at_least"] is not None else []
    bounds += [f"≤ {target['at_most']:g}"] if target["at_most"] is not None else []
    return f"{target['what']} {' and '.join(bounds)}"
