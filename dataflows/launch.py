"""Launch: the dataflows' wiring from the settings."""

from collections.abc import Mapping
from threading import Event

from bytewax.dataflow import Dataflow

from dataflows.wiring import Wiring
from premortem import bootstrap
from premortem.adapters.streams.log_tail import LogTail
from premortem.adapters.streams.parts import Surroundings
from premortem.adapters.streams.pulse import Pulse
from premortem.adapters.streams.stopping import stop_on_signals
from premortem.domain.detection import Detector
from premortem.domain.detection.config import DetectorConfig
from premortem.ports import Flow
from premortem.settings import Settings


def wire(settings: Settings, stop: Event) -> Wiring:
    """Return the wiring that the settings ask for. Raises what `bootstrap.connect` raises."""
    pulse = Pulse(settings.data_dir.absolute() / "run")
    adapters = bootstrap.connect(settings)
    around = Surroundings(
        event_log=adapters.event_log,
        checkpoint_store=adapters.checkpoint_store,
        task_queue=adapters.task_queue,
        incident_store=adapters.incident_store,
        evidence_store=adapters.evidence_store,
        restore_detector=_restore_detector,
        stop=stop,
        crash=bootstrap.crash_points(),
        reads=pulse.read,
        calls=pulse.call,
    )
    return Wiring(around, LogTail(adapters.event_log))


def _restore_detector(state: Mapping[str, bytes]) -> Detector:
    return Detector.restore(state, DetectorConfig())


def alone(flow: Flow) -> Dataflow:
    """Return one dataflow for `python -m bytewax.run`; SIGTERM ends it."""
    stop = Event()
    stop_on_signals(stop)
    return wire(Settings(), stop).dataflow(flow)
