"""Repetitions of all cases, taken in turns, so that a machine that drifts does so for all of them; medians and spread."""

import statistics


def interleave(settings, cases):
    """`cases`: (words for the user, function that gives a sample). The samples of each case, in order of time."""
    samples = [[] for _ in cases]
    for repetition in range(settings.repetitions):
        for number, (words, measure) in enumerate(cases):
            settings.say(f"{repetition + 1}/{settings.repetitions}  {number + 1}/{len(cases)}  {words}")
            samples[number].append(settings.processors.sample(measure))
    return samples


def summary(values):
    """Of one figure over the repetitions; None where one of them has none."""
    if not values or any(value is None for value in values):
        return None
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "all": values}


def summaries(samples):
    return {key: summary([one[key] for one in samples]) for key in samples[0]}


def ratios(ours, theirs, key):
    """Of neighbours in time, one repetition each: drift of the machine is in both."""
    return summary([a[key] / b[key] if b[key] else None for a, b in zip(ours, theirs)])


def median(figure):
    return None if figure is None else figure["median"]


def spread(figure):
    """Highest less lowest, as a share of the median."""
    if figure is None or not figure["median"]:
        return None
    return (figure["high"] - figure["low"]) / figure["median"]


def judged(what, figure, at_least=None, at_most=None):
    """A target beside what was reached; where there is no figure the target is not met."""
    got = figure["median"] if isinstance(figure, dict) else figure
    met = got is not None and (at_least is None or got >= at_least) and (at_most is None or got <= at_most)
    return {"what": what, "got": got, "at_least": at_least, "at_most": at_most, "met": met}
