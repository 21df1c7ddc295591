"""Holding: what the detector holds of a project, out of its checkpoint, for whoever asks what it would do."""

from premortem.domain.detection.project import Project
from premortem.domain.ids import ProjectId
from premortem.domain.reopening import held as held_in
from premortem.ports import CheckpointStore


def held(checkpoints: CheckpointStore, project: ProjectId) -> Project | None:
    """Return what persons have set of the project, its releases and merges, from a few small parts of the checkpoint.

    It is as old as the checkpoint, some seconds, and knows no single error; reading those would take a whole
    partition's state. None when there is no checkpoint of the project, or one that another version wrote.
    """
    try:
        return held_in(lambda name: next(iter(checkpoints.parts(f"{project}/{name}").values()), None))
    except ValueError:
        return None
