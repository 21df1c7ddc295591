"""The container files keep to the Compose specification, and say what the code is. No engine ran them here, so each
claim is held against the code.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from premortem.settings import Settings
from tests.deploy.compose_file import (
    DOCKERFILE,
    EMBEDDED,
    FULL,
    OURS,
    ROOT,
    image_environment,
    image_folders,
    in_order,
    loaded,
    seconds,
    secrets_asked,
    strings,
    variables,
)
from tests.maven import pinned

SECRETS = {name: f"<{name}>" for name in secrets_asked(FULL)}
FILES = {file.name: loaded(file, SECRETS) for file in (FULL, EMBEDDED)}
SERVICES = [(file, name) for file, content in FILES.items() for name in content["services"]]
SETTINGS = {f"PREMORTEM_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(params=SERVICES, ids=lambda place: "/".join(place))
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    file, name = request.param
    found: dict[str, Any] = FILES[file]["services"][name]
    return found


def ends_by_itself(service: dict[str, Any]) -> bool:
    return str(service["restart"]).startswith("on-failure")


def schema_says(*files: Path) -> str:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_files_keep_to_the_compose_specification(tmp_path: Path) -> None:
    assert schema_says(FULL, EMBEDDED) == ""
    wrong = tmp_path / "compose.yml"
    wrong.write_text("services: {a: {image: a, healtcheck: {}}}")
    assert "healtcheck" in schema_says(wrong)


WHOLE_IN_TWO_NUMBERS = {"postgres", "chrislusf/seaweedfs"}
"""Images whose releases have two numbers: no third one moves behind such a tag."""


def test_every_image_is_pinned_to_one_release(service: dict[str, Any]) -> None:
    image, _, tag = service["image"].partition(":")
    numbers = r"\d+\.\d+" if image in WHOLE_IN_TWO_NUMBERS else r"\d+\.\d+\.\d+(\.\d+)?"
    assert re.fullmatch(rf"{numbers}(-[\w.-]+)?", tag), service["image"]
    assert all(re.search(r":\d+\.\d+\.\d+", base) for base in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))


@pytest.mark.parametrize("server", ["kafka", "elasticmq"])
def test_the_tests_run_the_servers_that_the_file_names(server: str) -> None:
    assert FILES[FULL.name]["services"][server]["image"].endswith(f":{pinned(server)}")


def test_nothing_runs_as_root_or_keeps_a_right_that_it_does_not_need(service: dict[str, Any]) -> None:
    assert not str(service["user"]).startswith(("0", "root"))
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if service["image"] == OURS:
        assert service["read_only"]
        assert service["user"].partition(":")[0] in re.findall(r"--uid (\d+)", DOCKERFILE)
    assert re.search(r"^USER (?!root|0)\w+", DOCKERFILE, re.MULTILINE)


def test_everything_is_bounded(service: dict[str, Any]) -> None:
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert {"max-size", "max-file"} == set(service["logging"]["options"])


def test_what_runs_for_long_is_watched_stopped_in_time_and_started_again(service: dict[str, Any]) -> None:
    assert service["init"]
    if not ends_by_itself(service):
        assert service["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])
        assert seconds(service["stop_grace_period"]) >= 15  # ours end in under ten


def test_only_loopback_is_published(service: dict[str, Any]) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_every_setting_that_is_passed_exists(service: dict[str, Any]) -> None:
    if service["image"] == OURS:
        passed = set(service["environment"]) | set(image_environment())
        assert {name for name in passed if name.startswith("PREMORTEM_")} <= SETTINGS
        others = {name for name in passed if not name.startswith("PREMORTEM_")}
        assert others <= {"AWS_EC2_METADATA_DISABLED", "PATH", "PYTHONPATH"} | {n for n in others if n[:6] == "PYTHON"}


@pytest.mark.parametrize("file", sorted(FILES))
def test_nothing_waits_for_what_waits_for_it_and_whoever_is_waited_for_can_be(file: str) -> None:
    services = FILES[file]["services"]
    assert set(in_order(services)) == set(services)
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            ends = ends_by_itself(services[other])
            assert wait["condition"] == ("service_completed_successfully" if ends else "service_healthy"), name
            assert set(services[other].get("profiles", ())) <= set(service.get("profiles", ())), name


def test_services_that_wait_for_each_other_are_found() -> None:
    with pytest.raises(ValueError, match="a waits for b waits for a"):
        in_order({"a": {"depends_on": {"b": {}}}, "b": {"depends_on": {"a": {}}}})


@pytest.mark.parametrize("file", sorted(FILES))
def test_every_volume_and_configuration_that_is_used_is_declared_and_the_other_way_round(file: str) -> None:
    content = FILES[file]
    used = {volume.partition(":")[0] for s in content["services"].values() for volume in s.get("volumes", ())}
    assert used == set(content.get("volumes", ()))
    configs = {config["source"] for s in content["services"].values() for config in s.get("configs", ())}
    assert configs == set(content.get("configs", ()))


def test_no_password_has_a_default_or_stands_in_the_file() -> None:
    for name, defaults in variables(FULL.read_text()).items():
        assert len(defaults) == 1, name
        assert (defaults == {None}) == bool(re.search(r"PASSWORD|SALT|KEY|SECRET", name)), name
    for service in yaml.safe_load(FULL.read_text())["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SALT|(?<!ACCESS_)KEY$|SECRET|AUTH$", name):
                assert value.startswith("${"), name
    assert all("run sh deploy/secrets.sh" in m for m in re.findall(r"\$\{\w+:\?([^}]*)\}", FULL.read_text()))


def test_the_command_that_makes_secrets_makes_all_and_keeps_those_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("HASH_SALT=mine\n")
    for _ in range(2):
        subprocess.run(["sh", str(ROOT / "deploy/secrets.sh"), str(file)], check=True)
    made = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert set(made) == set(SECRETS)
    assert made.pop("HASH_SALT") == "mine"
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in made.values())
    assert len(set(made.values())) == len(made)
    assert file.stat().st_mode & 0o777 == 0o600


def test_secrets_reach_only_those_who_need_them() -> None:
    services = FILES[FULL.name]["services"]
    for name, service in services.items():
        foreign = [s for n, s in SECRETS.items() if n.startswith("LANGFUSE_") != name.startswith("langfuse-")]
        assert not [text for text in strings(service) if any(secret in text for secret in foreign)], name


def test_every_dataflow_the_gateway_and_a_worker_is_a_service_and_nothing_is_that_does_not_exist() -> None:
    ours = {name for name, service in FILES[FULL.name]["services"].items() if service["image"] == OURS}
    flows = {p.stem for p in (ROOT / "dataflows").glob("*.py") if "def main() -> Dataflow" in p.read_text()}
    assert ours == {"migrate", "api", "worker", *flows}
    assert len(flows) == 4


def test_the_image_holds_what_the_lock_and_the_checkout_have_and_no_more() -> None:
    lock = re.search(r"^RUN_LOCK := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lock
    assert f"COPY {lock[1]} /" in DOCKERFILE
    wanted = (ROOT / ".dockerignore").read_text().splitlines()
    assert wanted[1] == "*"
    assert {line[1:] for line in wanted if line.startswith("!")} == {*image_folders(), lock[1]}
    assert "COPY . " not in DOCKERFILE


def test_the_lines_of_the_dockerfile_that_change_most_come_last() -> None:
    order = [DOCKERFILE.index(text) for text in ("pip install", "COPY --from=libraries", "COPY migrations", "COPY api")]
    assert order == sorted(order)


def test_the_stack_of_one_machine_keeps_its_data_in_its_volume() -> None:
    (volume,) = FILES[EMBEDDED.name]["services"]["premortem"]["volumes"]
    assert image_environment()["PREMORTEM_DATA_DIR"].startswith(volume.partition(":")[2] + "/")
    assert "--owner=premortem --group=premortem --mode=0700 " + volume.partition(":")[2] in DOCKERFILE
