"""Pace: how often incidents begin in one environment, and how unlikely it is that so many begin together."""

import math
from typing import Any

from premortem.domain.detection.config import HOUR_MS, DetectorConfig
from premortem.domain.detection.tail import score


class Pace:
    """A discounted Gamma-Poisson rate, a / b incidents an hour: formula A of the detection notes without a season.

    It learns of an incident when that can no longer be merged into another one: so a storm counts as the one incident
    that it is, and does not excuse the next one.
    """

    __slots__ = ("a", "at", "b")

    def __init__(self) -> None:
        self.a = self.b = 0.0
        """Incidents and hours seen, beside the prior's; forgotten with `level_half_life_hours`."""
        self.at: int | None = None
        """The stream's clock up to which it knows."""

    def learn(self, incidents: int, clock: int, config: DetectorConfig) -> None:
        """Take note of so many incidents since the last call."""
        hours = (clock - self.at) / HOUR_MS if self.at is not None else 0.0
        decay = math.exp(-math.log(2) * hours / config.level_half_life_hours)
        self.a = self.a * decay + incidents
        self.b = self.b * decay + hours * (1 + decay) / 2
        self.at = clock

    def rate(self, config: DetectorConfig) -> float:
        """Return incidents per millisecond."""
        return self._a(config) / (self.b + config.prior_weight_hours) / HOUR_MS

    def _a(self, config: DetectorConfig) -> float:
        return self.a + config.prior_events_per_hour * config.prior_weight_hours

    def score(self, count: int, config: DetectorConfig) -> float:
        """Return how many orders of magnitude of chance speak against `count` incidents within `join_minutes`."""
        a = self._a(config)
        mean = a / (self.b + config.prior_weight_hours) * config.join_minutes / 60
        return score(count, mean, mean + mean * mean * (config.omega + 1 / a), 0.0)

    def pack(self) -> list[Any]:
        """Return the state as values of msgpack."""
        return [self.a, self.b, self.at]

    @classmethod
    def unpack(cls, value: list[Any]) -> "Pace":
        """Return the pace that `pack` gave."""
        pace = cls()
        pace.a, pace.b, pace.at = value
        return pace
