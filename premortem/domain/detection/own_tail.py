"""OwnTail: how much further than the model says the scores of one fingerprint go by chance.

docs/detection.md, "A tail of its own". Scores are decimal logarithms of chance, so that where the model holds, what
passes a high score does so by an exponential number with mean 1 / ln 10.
"""

from premortem.domain.detection.config import DetectorConfig, Rates

_HEAVIEST = 9.0
"""No tail is taken for heavier than this."""


class OwnTail:
    """A censored mean of the exceedances of runs of high hours, over what it should be; old runs fade."""

    __slots__ = ("factor", "run", "runs", "sum")

    def __init__(self) -> None:
        self.factor = 1.0
        """How much heavier the tail is than the model's; at least 1."""
        self.sum = 0.0
        self.runs = 0.0
        """By how much runs passed `tail_from`, and how many of them ended below the cap."""
        self.run = 0.0
        """The highest score of the run that has not ended; 0 = none."""

    def end_hour(self, highest: float, of: Rates, config: DetectorConfig) -> None:
        """Take in the highest score of the hour that has ended, as the model gave it."""
        if highest <= config.tail_from and not self.run and not self.runs and not self.sum:
            return  # nothing has ever been high
        self.sum *= of.tail_decay
        self.runs *= of.tail_decay
        if highest > config.tail_from:
            self.run = max(self.run, highest)
        elif self.run:
            beyond = self.run - config.tail_from
            self.run = 0.0
            self.sum += min(beyond, config.tail_cap)
            if beyond < config.tail_cap:
                self.runs += 1.0
        weight = config.tail_weight_runs
        mean = (self.sum + weight * config.tail_mean) / (self.runs + weight)
        self.factor = min(_HEAVIEST, max(1.0, mean / config.tail_mean))

    def ease(self, score: float, config: DetectorConfig) -> float:
        """Return what a score of the model is worth here, rounded so that machines agree."""
        above = score - config.tail_from
        return round(config.tail_from + above / self.factor, 6) if above > 0 else score

    def strain(self, score: float, config: DetectorConfig) -> float:
        """Return the score of the model that is worth `score` here."""
        above = score - config.tail_from
        return config.tail_from + above * self.factor if above > 0 else score
