"""The commands put together."""

import typer

from premortem.cli import (
    administration,
    calibrating,
    dead_letters,
    detection,
    health,
    incidents,
    notifications,
    persons,
    plumbing,
    postgres,
    postmortem,
    rebuilding,
    replaying,
    repositories,
    rerunning,
    resolutions,
    sending,
    stack,
    steering,
    suppressions,
    verifying,
    workers,
)

app = typer.Typer(
    help="A self-hosted incident engine for teams that use Sentry SDKs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(stack.status)
app.command("logs")(stack.logs)
app.command("migrate")(stack.migrate)
app.command("migrate-log")(plumbing.migrate_log)
app.command("doctor")(stack.doctor)
app.command("worker")(workers.worker)
app.command("flow-health")(health.flow_health)
app.command("worker-health")(health.worker_health)
app.command("user-hash")(persons.user_hash)
plumbing.topics.command("forget-bodies")(persons.forget_bodies)
_AS_THEY_ARE = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
app.command("postgres", context_settings=_AS_THEY_ARE)(postgres.postgres)
app.command("seed")(sending.seed)
app.command("send-event")(sending.send_event)
app.command("why")(detection.why)
app.command("backtest")(detection.backtest)
app.command("postmortem")(postmortem.postmortem)
app.command("rerun")(rerunning.rerun)
app.command("calibration")(calibrating.calibration)
app.command("mute")(steering.mute)
app.command("unmute")(steering.unmute)
app.command("configure")(steering.configure)
app.add_typer(steering.rules, name="rules")
app.add_typer(suppressions.commands, name="suppress")
incidents.commands.command("resolve")(steering.resolve)
incidents.commands.command("respond")(steering.respond)
incidents.commands.command("lint")(resolutions.lint_incidents)
app.add_typer(administration.projects, name="project")
app.add_typer(administration.keys, name="key")
app.add_typer(administration.tokens, name="token")
app.add_typer(administration.integrations, name="integration")
app.add_typer(repositories.commands, name="repository")
app.add_typer(notifications.commands, name="notify")
app.add_typer(plumbing.topics, name="topics")
app.add_typer(plumbing.queues, name="queues")
app.add_typer(dead_letters.commands, name="dlq")
app.add_typer(incidents.commands, name="incidents")
app.command("verify")(verifying.verify)
app.add_typer(replaying.commands, name="replay")
app.add_typer(rebuilding.commands, name="rebuild")
