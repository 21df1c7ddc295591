"""Detections: the project stream from offset zero through the detector, beside what stands on the timeline.

Every difference is accounted for, by the version of the detector or of a record, by a setting, or by a dead letter; one
that is not is a failure. What `detect` has not reached yet is no difference.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from premortem.adapters.event_log.partitioner import partition_of
from premortem.domain.detection.config import VERSION
from premortem.domain.ids import ProjectId
from premortem.ports import LogReader
from replay.detecting.differing import Beside, Difference
from replay.detecting.explaining import Versions, by_version
from replay.detecting.observed import Observation, Refused, otherwise
from replay.detecting.other_settings import trials
from replay.detecting.recorded import AT_ONCE, Place, partitions_of, project_at, refusals, timeline
from replay.reading import Progress, batches


class Explained(Struct, frozen=True):
    """How many differences have one explanation."""

    reason: str
    recorded_by: int
    """The version of the detector that stands in the recorded facts; 0 = none does."""
    count: int


class Report(Struct, frozen=True, kw_only=True):
    """What a replay of the project stream tells of the recorded detections."""

    detector_version: int
    """Of the detector that replayed."""
    partitions: int
    records: int
    recorded: int
    """Facts of the detector's on the timeline, each once."""
    repeated: int
    """Records of the timeline that say again what stands already."""
    replayed: int
    matched: int
    """Facts that are the same, to the byte."""
    awaited: int
    """Facts that `detect` will tell when it has come so far."""
    refused: int
    """Records of the project stream that neither could use."""
    versions: Mapping[str, int]
    """Recorded facts by the version of the detector; "0" = it does not say."""
    explained: Sequence[Explained]
    unexplained: int
    differences: Sequence[Difference]
    """Those that nothing explains come first."""


def detections(
    log: LogReader,
    reached: Mapping[int, int],
    project: ProjectId | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Report:
    """Return how the recorded detections (of one project; None = of all) differ from a replay's.

    `reached`: the offset per partition that `detect` reads next, asked for before this is called: what stood behind it
    then is on the timeline by now. Raises OffsetLost for a log that does not begin at offset zero any more.
    """
    replay = _Replay(log, reached, project)
    replay.run(progress)
    return replay.report()


class _Replay:
    """One replay: what stands on the log, and what the detector tells beside it."""

    def __init__(self, log: LogReader, reached: Mapping[int, int], project: ProjectId | None) -> None:
        self._log, self._reached, self._project = log, reached, project
        self._told_heads = log.heads("debugging.timeline")
        self._heads = log.heads("sentry.events")  # asked for after the timeline's: no fact is ahead of its cause
        self._partitions = partitions_of(log, project)
        self._letters = refusals(log)
        self._refused: list[Refused] = []

    @property
    def _records(self) -> int:
        return sum(self._heads[partition] for partition in self._partitions)

    def run(self, progress: Progress) -> None:
        """Read the timeline, then the project stream through a detector for each partition."""
        done, of = 0, sum(self._told_heads) + self._records

        def read(records: int) -> None:
            nonlocal done
            done += records
            progress(done, of)

        self._timeline = timeline(self._log, self._told_heads, self._project, read)
        self._beside = Beside(self._timeline, self._reached)
        for partition in self._partitions:
            observation = Observation(partition)
            for records in batches(self._log, "sentry.events", partition, 0, self._heads[partition], AT_ONCE):
                told = observation.take(records)
                mine = [each for each in told if self._project in (None, each[1].project_id)]
                self._beside.take(partition, mine)
                read(len(records))
            self._refused += observation.refused

    def report(self) -> Report:
        """Return what was found, each difference with what explains it."""
        self._versions = Versions(self._timeline, len(self._heads))
        found = [by_version(each, self._versions) for each in self._beside.differences(self._log)]
        lettered = self._by_dead_letters([*found, *self._unread(), *self._refused_here()])
        found = sorted(self._by_settings(lettered), key=lambda each: each.reason is not None)
        explained = Counter((each.reason, each.recorded_by) for each in found if each.reason)
        versions = Counter(str(each.version) for each in self._timeline)
        refused_alike = sum(self._was_refused(each.place) for each in self._refused)
        return Report(
            detector_version=VERSION,
            partitions=len(self._partitions),
            records=self._records,
            recorded=sum(versions.values()),
            repeated=self._timeline.repeated,
            replayed=self._beside.replayed,
            matched=self._beside.matched,
            awaited=self._beside.awaited,
            refused=refused_alike,
            versions=dict(sorted(versions.items())),
            explained=[Explained(reason, by, explained[reason, by]) for reason, by in sorted(explained)],
            unexplained=sum(each.reason is None for each in found),
            differences=found,
        )

    # -------------------------------------------------------------------------------------------- dead letters
    def _was_refused(self, place: Place) -> bool:
        return ("sentry.events", place) in self._letters

    def _unread(self) -> Iterator[Difference]:
        """Yield the records of the timeline that cannot be read: it may be that they are detections."""
        for each in self._timeline.unread:
            letter = self._letters.get(("debugging.timeline", each.place))
            difference = Difference(
                kind="cannot be read",
                fact="",
                fact_id="",
                incident_id=each.incident_id,
                project=0,
                at=0,
                place=each.place,
                note=each.reason,
            )
            if each.newer or letter is not None:
                difference = replace(difference, reason="newer version" if each.newer else "dead letter")
            yield difference

    def _refused_here(self) -> Iterator[Difference]:
        """Yield the records that the detector refuses now, and did not when it passed them."""
        for each in self._refused:
            passed = each.place.offset < self._reached.get(each.place.partition, 0)
            if passed and not self._was_refused(each.place) and self._project in (None, each.project):
                yield Difference(
                    kind="refused in replay",
                    fact="",
                    fact_id="",
                    incident_id="",
                    project=each.project,
                    at=0,
                    place=each.place,
                    note=each.reason,
                )

    def _by_dead_letters(self, found: Iterable[Difference]) -> Iterator[Difference]:
        """Yield the differences, explained where `detect` refused a record of the project that is taken here."""
        here = {each.place for each in self._refused}
        only_then = [place for topic, place in self._letters if topic == "sentry.events" and place not in here]
        projects = {project_at(self._log, place): place for place in sorted(only_then, reverse=True)}
        unread = {each.incident_id for each in self._timeline.unread if each.newer}
        for each in found:
            place = projects.get(each.project)
            if each.reason is None and place is not None and (each.after is None or each.after >= place.offset):
                letter = self._letters["sentry.events", place]
                note = f"detect refused partition {place.partition}, offset {place.offset}: {letter}"
                yield replace(each, reason="dead letter", note=note)
            elif each.reason is None and each.kind == "replayed only" and each.incident_id in unread:
                yield replace(each, reason="newer version", note="a fact of this incident cannot be read here")
            else:
                yield each

    # ------------------------------------------------------------------------------------------------ settings
    def _by_settings(self, found: Iterable[Difference]) -> Iterator[Difference]:
        """Yield the differences, explained where a setting of the project accounts for all of its own."""
        by_project: dict[int, list[Difference]] = {}
        for each in found:
            if each.reason is None and each.fact_id:
                by_project.setdefault(each.project, []).append(each)
            else:
                yield each
        for project, mine in by_project.items():
            note = self._setting(ProjectId(project), mine)
            yield from (replace(each, reason="configuration", note=note) for each in mine) if note else mine

    def _setting(self, project: ProjectId, differences: Sequence[Difference]) -> str:
        """Return what has to be supposed of a setting, so that nothing of the project differs; else nothing."""
        partition = partition_of(str(project), len(self._heads))
        head = self._heads[partition]
        for trial in trials(self._log, partition, head, project, differences):
            beside = Beside(timeline(self._log, self._told_heads, project), self._reached)
            for told in otherwise(self._log, partition, head, project, trial.instead):
                beside.take(partition, told)
            if all(by_version(each, self._versions).reason for each in beside.differences(self._log)):
                return trial.note
        return ""
