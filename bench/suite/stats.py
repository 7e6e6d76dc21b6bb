"""Statistics that the noise of a shared machine does not upset.

A run that another process disturbed is far off, and no normal distribution foresees it: so medians, quartiles and
ranks are used, and never means.
"""

import functools
import math
import statistics
from collections.abc import Sequence

median = statistics.median


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def half_spread(values: Sequence[float]) -> float:
    """Half the distance between the quartiles, as a share of the median."""
    low, high = quartiles(values)
    return (high - low) / 2 / median(values)


def walsh_averages(values: Sequence[float]) -> list[float]:
    """The means of all pairs of values, each with itself too, in order."""
    return sorted((values[i] + values[j]) / 2 for i in range(len(values)) for j in range(i, len(values)))


@functools.lru_cache(maxsize=None)
def signed_rank_cut(count: int, level: float) -> int | None:
    """The greatest k with P(W <= k) <= level, where W is Wilcoxon's signed-rank sum of `count` differences that are
    symmetric about 0; None when even W = 0 is likelier than that.
    """
    ways = [1]  # Of the ranks so far, how many subsets have each sum.
    for rank in range(1, count + 1):
        longer = ways + [0] * rank
        for total, number in enumerate(ways):
            longer[total + rank] += number
        ways = longer
    allowed = level * 2**count
    sum_of_ways = 0
    for total, number in enumerate(ways):
        sum_of_ways += number
        if sum_of_ways > allowed:
            return total - 1 if total > 0 else None
    return len(ways) - 1


def signed_rank_interval(differences: Sequence[float], level: float) -> tuple[float, float, float]:
    """(low, estimate, high) of the centre of paired differences, by Wilcoxon's signed ranks.

    The estimate is Hodges and Lehmann's: the median of the Walsh averages. The chance that the centre is below low, and
    the chance that it is above high, are at most `level` each, whatever the distribution, if it is symmetric: which the
    difference of two runs of the same program is, when either may come first. With too few differences for the level
    the interval has no ends.
    """
    averages = walsh_averages(differences)
    cut = signed_rank_cut(len(differences), level)
    if cut is None:
        return -math.inf, median(averages), math.inf
    return averages[cut], median(averages), averages[-1 - cut]
