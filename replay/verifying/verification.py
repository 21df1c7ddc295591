"""Verification of an incident: everything that can still be recomputed is, and is compared with what is written.

Nothing is repaired and nothing is written. docs/replay.md tells what each line means, and what no line can tell.
"""

from msgspec import Struct

from premortem.domain.ids import IncidentId
from replay.verifying.archived_counts import NOT_ASKED, Archive, archive_check
from replay.verifying.checked import Check
from replay.verifying.derived_ids import derived_ids
from replay.verifying.frozen_evidence import evidence_checks
from replay.verifying.incident_records import Kept
from replay.verifying.kept_state import links_of, state_checks
from replay.verifying.recomputed import Rules, number_checks


class Verification(Struct, frozen=True, kw_only=True):
    """What was checked of an incident."""

    incident_id: IncidentId
    title: str
    facts: int
    """In its chain."""
    head: str
    """Of its chain, by the log. Written down elsewhere, it tells of any later edit."""
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Tell whether nothing is wrong; what is gone is not wrong."""
        return not any(check.wrong for check in self.checks)

    @property
    def archive_is_away(self) -> bool:
        """Tell whether the archive was asked in vain: it need not be waited for again."""
        return any(NOT_ASKED in check.said for check in self.checks)


def verify(kept: Kept, rules: Rules, archive: Archive | None) -> Verification:
    """Return every check of the incident. `archive` None = it is away, and what it would be asked is gone."""
    links = links_of(kept)
    facts = tuple(each.placed for each in links)
    opened = kept.opened()
    return Verification(
        incident_id=kept.incident_id,
        title=opened.title if opened else "",
        facts=len(links),
        head=links[-1].head if links else "",
        checks=(
            *state_checks(kept, links),
            derived_ids(facts),
            *evidence_checks(facts),
            *number_checks(facts, rules),
            archive_check(links, archive),
        ),
    )
