"""Draws what was measured: plots.py FOLDER makes PNG files of the `figures.json` in there."""

import json
import statistics
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

QUANTITIES = {
    "a_second": ("requests a second", "requests_a_second.png"),
    "process_milliseconds": (
        "processor time of the process for one request, ms",
        "processor_time.png",
    ),
    "p99_milliseconds": ("99 of 100 answers come within, ms", "p99.png"),
}


def main(folder: Path) -> None:
    figures = json.loads((folder / "figures.json").read_text())
    for quantity, (label, file) in QUANTITIES.items():
        _draw(figures, quantity, label, folder / file)


def _draw(figures: dict, quantity: str, label: str, file: Path) -> None:
    figure, axes = plt.subplots(1, len(figures), figsize=(9, 3), constrained_layout=True)
    for plot, (path, sides) in zip(axes, figures.items(), strict=True):
        medians = [statistics.median(side[quantity]) for side in sides.values()]
        least = [
            median - min(side[quantity])
            for median, side in zip(medians, sides.values(), strict=True)
        ]
        most = [
            max(side[quantity]) - median
            for median, side in zip(medians, sides.values(), strict=True)
        ]
        names = [name.replace(", ", ",\n") for name in sides]
        colours = ["tab:green", "tab:red", "tab:orange"]
        plot.bar(names, medians, yerr=[least, most], color=colours, capsize=3)
        plot.set_title(path)
        plot.tick_params(labelsize=7)
    axes[0].set_ylabel(label, fontsize=7)
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


main(Path(sys.argv[1]))
