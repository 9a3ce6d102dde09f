"""The charts, as SVG that is readable on light and on dark pages and the same for the same rows."""

import re

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402

import cost  # noqa: E402
from results import Rows  # noqa: E402
from sweeps import SWEEPS  # noqa: E402

INK, DARK_INK = "#24292f", "#d0d7de"
GRID, DARK_GRID = "#d1d9e1", "#3a424c"
OURS, PEER = "#1f78c8", "#a8712d"
SERIES = ["#1f78c8", "#c2571a", "#2f8f4e", "#8a5cc2", "#b08a00", "#5f7a8a"]
# A viewer shows the dark colours where the page is dark; everything else is readable on both.
DARK_STYLE = f"""<style>
@media (prefers-color-scheme: dark) {{
  [style*="fill: {INK}"] {{ fill: {DARK_INK} !important }}
  [style*="stroke: {INK}"] {{ stroke: {DARK_INK} !important }}
  [style*="stroke: {GRID}"] {{ stroke: {DARK_GRID} !important }}
}}
</style>"""
PLAIN = {
    "svg.fonttype": "none",
    "svg.hashsalt": "penstock",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": 12,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def draw(rows, folder):
    rows = Rows(rows)
    with plt.rc_context(PLAIN):
        compared = rows.where(experiment="compare")
        save(beside_peers(compared, "ingest", "Ingest: events to Parquet"), folder / "ingest.svg")
        save(beside_peers(compared, "path", "Whole path: events to silver and windows"), folder / "path.svg")
        save(beside_peers(compared, "p95", "The question: p95 from silver"), folder / "p95.svg")
        save(sweeps(rows), folder / "sweeps.svg")
        save(volume(rows.where(experiment="volume")), folder / "volume.svg")
        save(memory(rows.where(experiment="memory", step="refine")), folder / "memory.svg")
        save(dollars(rows.where(experiment="records a payload")), folder / "dollars.svg")


def beside_peers(rows, step, title):
    rows = rows.where(step=step)
    tools = sorted(rows.values("tool"), key=lambda tool: rows.where(tool=tool).nanos()[0])
    figure, axes = plt.subplots(figsize=(7.5, 0.9 + 0.5 * len(tools)))
    for place, tool in enumerate(tools):
        median, least, most = rows.where(tool=tool).nanos()
        error = [[median - least], [most - median]]
        axes.barh(place, median, color=OURS if tool == "penstock" else PEER, height=0.62)
        axes.errorbar(median, place, xerr=error, color=INK, capsize=3, linewidth=1)
        axes.annotate(f"{median:,.0f}", (most, place), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(tools)), tools)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    axes.set_xlabel("processor time per event in ns: median, and least to most")
    axes.set_title(title, loc="left")
    return figure


def sweeps(rows):
    figure, grid = plt.subplots(2, 3, figsize=(10, 6))
    for axes, (name, (option, _)) in zip(grid.flat, SWEEPS.items()):
        measured = rows.where(experiment=name)
        for step, color in (("ingest", SERIES[0]), ("refine", SERIES[1])):
            curve(axes, measured.where(step=step), step, color, along(option))
        if option in ("batch", "devices"):
            axes.set_xscale("log")
        axes.set_xlabel(name)
        axes.set_ylim(bottom=0)
    for axes in grid[:, 0]:
        axes.set_ylabel("ns per event")
    grid[0][0].legend()
    figure.suptitle("Processor time per event, one parameter at a time", x=0.01, ha="left", fontsize=12)
    return figure


def along(option):
    """Where a point lies: at its parameter, or at what the parameter made of an event."""
    if option == "padding":
        return lambda row: row["value_bytes"] / row["events"]
    return lambda row: row["parameter"]


def curve(axes, rows, label, color, place):
    points = [rows.where(parameter=parameter) for parameter in rows.values("parameter")]
    line(axes, [place(point[0]) for point in points], [point.nanos() for point in points], label, color)


def line(axes, places, values, label, color):
    """Each value is a median with its least and most, which become error bars."""
    medians = [median for median, _, _ in values]
    errors = [[median - least for median, least, _ in values], [most - median for median, _, most in values]]
    axes.errorbar(places, medians, yerr=errors, label=label, color=color, marker="o", markersize=4, capsize=2)


def volume(rows):
    figure, axes = plt.subplots(figsize=(7.5, 4))
    for step, color in (("ingest", SERIES[0]), ("refine", SERIES[1])):
        measured = rows.where(step=step)
        volumes = measured.values("parameter")
        points = [measured.where(parameter=volume) for volume in volumes]
        secs = [(point.median("cpu_secs"), *point.spread("cpu_secs")) for point in points]
        line(axes, volumes, secs, step, color)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("events")
    axes.set_ylabel("processor time in s")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,g}")
        axis.set_minor_formatter("")
    axes.set_title("Cost over volume", loc="left")
    axes.legend()
    return figure


def memory(rows):
    figure, axes = plt.subplots(figsize=(7.5, 3.6))
    axes.plot([row["parameter"] / 1000 for row in rows], [row["peak_mib"] for row in rows], color=SERIES[1], marker="o")
    axes.set_xlabel("thousands of rows in a cut (PENSTOCK_CUT_MAX_ROWS)")
    axes.set_ylabel("peak memory of refine in MiB")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_title("Memory of refine, the real binary", loc="left")
    return figure


def dollars(rows):
    figure, axes = plt.subplots(figsize=(7.5, 4))
    sizes = rows.values("parameter")
    bills = [bill(rows, size) for size in sizes]
    bottoms = [0.0] * len(sizes)
    for kind, color in zip(cost.KINDS, SERIES):
        heights = [dollars[kind] for dollars in bills]
        axes.bar([f"{size:,.0f}" for size in sizes], heights, bottom=bottoms, label=kind, color=color, width=0.62)
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights)]
    for place, total in enumerate(bottoms):
        axes.annotate(f"${total:,.2f}", (place, total), (0, 4), textcoords="offset points", ha="center")
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("records a payload")
    axes.set_ylabel("dollars a terabyte of events")
    axes.set_title("What a terabyte costs to land and refine, without storage", loc="left")
    axes.legend()
    return figure


def bill(rows, size):
    """What a terabyte costs with payloads of so many records."""
    ingest, refine = (rows.where(parameter=size, step=step).medians() for step in ("ingest", "refine"))
    return cost.of_terabyte(ingest, refine)


def save(figure, file):
    figure.savefig(file, transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = file.read_text()
    head = re.search(r"<svg [^>]*>", svg)
    file.write_text(svg[: head.end()] + "\n" + DARK_STYLE + svg[head.end() :])
