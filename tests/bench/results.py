"""The measured rows, condensed: medians, spreads and factors."""

import statistics

import numpy as np

MIB = 1 << 20
# The most records that a mapping puts into a payload.
PAYLOAD_EVENTS = 10_000


class Rows(list):
    """Rows of one kind, in the order in which they were measured."""

    def where(self, **wanted):
        return Rows(row for row in self if all(row[name] == value for name, value in wanted.items()))

    def values(self, name):
        """Each value once, in the order of its first appearance."""
        return list(dict.fromkeys(row[name] for row in self))

    def median(self, name):
        return statistics.median(row[name] for row in self)

    def spread(self, name):
        return min(row[name] for row in self), max(row[name] for row in self)

    def medians(self):
        """One row of medians of all the numbers that every row has."""
        names = [name for name, value in self[0].items() if isinstance(value, float)]
        return {name: self.median(name) for name in names}

    def nanos(self):
        """Nanoseconds of processor time per event: median, least, most."""
        each = [row["cpu_secs"] / row["events"] * 1e9 for row in self]
        return statistics.median(each), min(each), max(each)


def factor(theirs, ours):
    """How many times the processor time of ours theirs takes: median, least and most of the factors of each round.

    Without interleaved rounds (one round against many) every round of ours is held against the median of theirs.
    """
    by_round = {row["round"]: row["cpu_secs"] for row in theirs}
    median = theirs.median("cpu_secs")
    pairs = [(by_round.get(row["round"], median) if len(by_round) > 1 else median, row["cpu_secs"]) for row in ours]
    factors = [their / our for their, our in pairs]
    return statistics.median(factors), min(factors), max(factors)


def slope(rows):
    """The slope of log(cost) over log(volume), by least squares over the medians; 1 means that cost follows volume."""
    volumes = rows.values("parameter")
    costs = [rows.where(parameter=volume).median("cpu_secs") for volume in volumes]
    return float(np.polyfit(np.log(volumes), np.log(costs), 1)[0])
