"""A post-mortem of one incident, written from the log alone: the same log gives the same bytes."""

from replay.postmortem.earliest import earliest as earliest
from replay.postmortem.told import Story as Story
from replay.postmortem.told import story as story
from replay.postmortem.writing import postmortem as postmortem
