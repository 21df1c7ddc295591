"""Deploy notices in the shape of Sentry's releases API, so that sentry-cli tells of deploys as it is.

`sentry-cli releases deploys VERSION new -e ENVIRONMENT` with SENTRY_URL set to this server and an API token.
"""

from fastapi import APIRouter, Path, Request

from api import acceptance
from api.acceptance import Source
from api.body import read_object
from api.dependencies import CurrentStores, CurrentTenant, call
from api.problems import refusals
from api.schemas import DeployNotice, DeployView, ProjectSlug, ReleaseNotice, ReleaseView, body_of, moment
from premortem.exceptions import Malformed
from premortem.ports import ProjectKey
from premortem.sentry import deploys

router = APIRouter(
    prefix="/api/0/organizations/{organization}/releases",
    tags=["deploys"],
    responses=refusals(400, 401, 408, 413, 422, 503),
)


@router.post(
    "/",
    summary="Announce a release (accepted, and not needed)",
    status_code=201,
    openapi_extra=body_of(ReleaseNotice),
)
async def create_release(
    stores: CurrentStores, tenant: CurrentTenant, organization: str, request: Request
) -> ReleaseView:
    """Return the release as Sentry does; releases are known from events and deploys alone."""
    value = await read_object(request)
    version = value.get("version")
    if not isinstance(version, str) or not version:
        raise Malformed("a release needs a version.")
    slugs = [ProjectSlug(slug=project.slug) for project in await call(stores.administration.projects, tenant)]
    return ReleaseView(version=version, organization=organization, projects=slugs)


@router.post("/{version}/deploys/", summary="Record a deploy", status_code=201, openapi_extra=body_of(DeployNotice))
async def create_deploy(
    stores: CurrentStores,
    tenant: CurrentTenant,
    organization: str,  # noqa: ARG001 -- part of Sentry's path; the token says whose it is
    version: str = Path(max_length=250, description="The release."),
    *,
    request: Request,
) -> DeployView:
    """Append the deploy to each of the tenant's projects, or to those that `projects` names by slug."""
    value = await read_object(request)
    now = stores.clock.now()
    notice = deploys.parse(value, version, now, stores.salt)
    wanted = value.get("projects")
    projects = await call(stores.administration.projects, tenant)
    chosen = [p for p in projects if not isinstance(wanted, list) or p.slug in wanted]
    if not chosen:
        raise Malformed("no project of this tenant is meant. Leave `projects` out, or name one by its slug.")
    records = []
    for project in chosen:
        key = ProjectKey("", tenant, project.id, active=True, events_per_minute=0)
        records.extend(acceptance.take_deploy(notice, Source(key, now, "", b"")).records)
    await stores.append(records)
    return DeployView(
        id=f"{notice.release}:{notice.environment}:{notice.deployed_at}",
        environment=notice.environment,
        name=notice.name,
        url=notice.url,
        dateFinished=moment(notice.deployed_at),
    )
