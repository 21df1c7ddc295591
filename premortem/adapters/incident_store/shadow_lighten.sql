-- Nothing of a shadow needs to survive a crash.
ALTER TABLE premortem_shadow.incidents SET UNLOGGED;
ALTER TABLE premortem_shadow.incident_fingerprints SET UNLOGGED;
ALTER TABLE premortem_shadow.timeline_events SET UNLOGGED;
ALTER TABLE premortem_shadow.pull_requests SET UNLOGGED;
