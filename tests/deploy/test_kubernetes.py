"""The manifests keep to Kubernetes' schemas, and run what the compose file runs, with settings that exist."""

from typing import Any

import kubernetes_validate
import pytest
import yaml

from premortem.settings import Settings
from tests.deploy.compose_file import FULL, OURS, ROOT, health_command, image_environment, strings

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
EXAMPLE: dict[str, Any] = yaml.safe_load((FOLDER / "secret.example.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    thing for name in KUSTOMIZATION["resources"] for thing in yaml.safe_load_all((FOLDER / name).read_text())
]
WORKLOADS = {thing["metadata"]["name"]: thing for thing in OBJECTS if "template" in thing.get("spec", {})}
COMPOSED = {
    name: service for name, service in yaml.safe_load(FULL.read_text())["services"].items() if service["image"] == OURS
}
VERSIONS = ("1.32", kubernetes_validate.latest_version())
SETTINGS = {f"PREMORTEM_{name.upper()}" for name in Settings.model_fields}


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {thing["metadata"]["name"]: thing for thing in OBJECTS if thing["kind"] == kind}


@pytest.fixture(params=sorted(WORKLOADS))
def workload(request: pytest.FixtureRequest) -> dict[str, Any]:
    return WORKLOADS[request.param]


@pytest.fixture
def pod(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]
    return found


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (found,) = pod["containers"]
    return dict(found)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("thing", [*OBJECTS, EXAMPLE], ids=lambda t: f"{t['kind']}-{t['metadata']['name']}")
def test_every_object_keeps_to_its_schema(thing: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(thing, version, strict=True)


def test_a_wrong_word_is_found() -> None:
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "dada": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_the_kustomization_names_every_file_but_the_example_and_the_image_that_is_used() -> None:
    files = {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml", "secret.example.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    (image,) = KUSTOMIZATION["images"]
    assert f"{image['name']}:{image['newTag']}" == OURS
    assert [KUSTOMIZATION["namespace"]] == [EXAMPLE["metadata"]["namespace"]] == list(named("Namespace"))


def test_the_same_runs_as_in_the_compose_file() -> None:
    commands = {
        name: thing["spec"]["template"]["spec"]["containers"][0]["command"] for name, thing in WORKLOADS.items()
    }
    assert commands == {name: service["command"] for name, service in COMPOSED.items()}


def test_every_setting_exists_and_all_that_compose_sets_are_set() -> None:
    given = set(named("ConfigMap")["premortem-settings"]["data"]) | set(EXAMPLE["stringData"])
    assert given <= SETTINGS
    composed = {name for name in COMPOSED["api"]["environment"] if name.startswith("PREMORTEM_")}
    assert composed - given == {"PREMORTEM_SQS_ENDPOINT"}  # Amazon's own
    assert all("CHANGE-ME" in value for value in EXAMPLE["stringData"].values())
    assert "CHANGE-ME" not in " ".join(text for thing in OBJECTS for text in strings(thing))


def test_every_process_gets_the_settings_and_the_secrets(container: dict[str, Any]) -> None:
    maps = {source["configMapRef"]["name"] for source in container["envFrom"] if "configMapRef" in source}
    assert maps == set(named("ConfigMap"))
    assert [source["secretRef"] for source in container["envFrom"] if "secretRef" in source] == [
        {"name": EXAMPLE["metadata"]["name"]}
    ]


def test_nothing_has_more_rights_than_it_needs(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == int(COMPOSED["api"]["user"].partition(":")[0])
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not pod["automountServiceAccountToken"]
    assert not pod["enableServiceLinks"]
    assert pod["serviceAccountName"] in named("ServiceAccount")


def test_what_is_written_has_a_place(pod: dict[str, Any], container: dict[str, Any]) -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert "/tmp" in mounts.values()
    assert any(image_environment()["PREMORTEM_DATA_DIR"].startswith(f"{path}/") for path in mounts.values())


def test_everything_is_bounded(container: dict[str, Any]) -> None:
    assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}


def test_what_runs_for_long_is_watched_as_in_the_compose_file(workload: dict[str, Any], pod: dict[str, Any]) -> None:
    name, (container,) = workload["metadata"]["name"], pod["containers"]
    if workload["kind"] == "Job":
        assert pod["restartPolicy"] == "OnFailure"
        return
    assert pod["terminationGracePeriodSeconds"] >= 15
    asked = health_command(COMPOSED[name])
    for probe in (container["startupProbe"], container["livenessProbe"]):
        if "exec" in probe:
            assert probe["exec"]["command"] == asked
            assert probe["timeoutSeconds"] >= 10  # it starts a Python
        else:
            assert f":{Settings.model_fields['http_port'].default}{probe['httpGet']['path']}'" in asked[-1]


def test_every_selector_finds_its_own_pods_alone() -> None:
    labels = {name: thing["spec"]["template"]["metadata"]["labels"] for name, thing in WORKLOADS.items()}
    for thing in OBJECTS:
        spec = thing.get("spec", {})
        if thing["kind"] == "Service":
            asked = spec["selector"]
        elif thing["kind"] in {"Deployment", "StatefulSet", "PodDisruptionBudget"}:
            asked = spec["selector"]["matchLabels"]
        elif thing["kind"] == "NetworkPolicy" and spec["podSelector"]:
            asked = spec["podSelector"]["matchLabels"]
        else:
            continue
        found = [name for name, own in labels.items() if asked.items() <= own.items()]
        assert found == [thing["metadata"]["name"]], thing["kind"]


def test_ports_are_named_where_they_are_used() -> None:
    for name, service in named("Service").items():
        (container,) = WORKLOADS[name]["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} == set(ports)
        for rule in named("NetworkPolicy")[name]["spec"]["ingress"]:
            assert {port["port"] for port in rule["ports"]} == set(ports)
    assert named("NetworkPolicy")["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}


def test_a_dataflow_has_as_many_addresses_as_processes_and_others_cannot_reach_them() -> None:
    for name, thing in named("StatefulSet").items():
        (container,) = thing["spec"]["template"]["spec"]["containers"]
        (port,) = container["ports"]
        service = named("Service")[thing["spec"]["serviceName"]]["spec"]
        given = {variable["name"]: variable.get("value") for variable in container["env"]}
        wanted = [f"{name}-{n}.{name}:{port['containerPort']}" for n in range(thing["spec"]["replicas"])]
        assert given["BYTEWAX_ADDRESSES"].split(";") == wanted
        assert "BYTEWAX_PROCESS_ID" in given
        assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
        assert thing["spec"]["podManagementPolicy"] == "Parallel"  # a cluster waits until all of it is there
        (rule,) = named("NetworkPolicy")[name]["spec"]["ingress"]
        assert rule["from"] == [{"podSelector": thing["spec"]["selector"]}]
