"""The Helm chart, held against the real tools, Kubernetes' own schemas, and the services' code."""

import inspect
from dataclasses import fields
from importlib import import_module

import pytest
import yaml

from vetika_cli.installation import SERVICES
from vetika_cli.places import checkout
from vetika_kit.config import ServiceConfig

CHART = checkout() / "deploy" / "kubernetes"
EXAMPLES = ["one-organization", "one-of-several"]
PODS = {"Deployment", "Job"}


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request):
    """Each of the value sets that operators are given."""
    return request.param


@pytest.fixture(scope="module")
def parts(rendered, example):
    """What the chart makes of it."""
    return rendered(example)[1]


def _of(parts, *kinds):
    return [part for part in parts if part["kind"] in kinds]


def _pod(part):
    return part["spec"]["template"]


def _matches(selector, labels):
    return all(labels.get(name) == value for name, value in selector["matchLabels"].items())


def test_helm_finds_nothing_to_say(helm, example):
    """Its own linter, on the value sets that operators are given."""
    said = helm(
        "lint", CHART, "--strict", "--kube-version", "1.34.0", "--values", CHART / f"examples/{example}.yaml"
    )
    assert "0 chart(s) failed" in said


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("kafka.securityProtocol=PLAINTEXT", "kafka.ca.name="),
        ("networkPolicies.enabled=false", "keda.enabled=false", "check.enabled=false", "ingress.kind=none"),
        (
            "services.notifications.sender.tag=1.2.3",
            "image.pullSecrets[0]=registry",
            "priorityClassName=high",
        ),
    ],
)
def test_everything_conforms_to_kubernetes_own_schemas(rendered, kubeconform, example, settings):
    """Strictly: a field that Kubernetes does not know is refused; of PodMonitor no schema can be had."""
    wrong, summary = kubeconform(rendered(example, *settings)[0], skip="PodMonitor")
    assert wrong == []
    assert summary["valid"] >= 10
    assert summary["invalid"] + summary["errors"] == 0


def test_the_schemas_do_refuse(rendered, kubeconform):
    """A check that cannot fail would be none."""
    text, _ = rendered("one-organization")
    for right, wrong in (
        ("readOnlyRootFilesystem:", "readOnlyRootFileSystem:"),
        ("maxReplicaCount:", "maxReplicas:"),
        ("containerPort: 8000", "containerPort: http"),
    ):
        found, _ = kubeconform(text.replace(right, wrong), skip="PodMonitor")
        assert found, wrong


def test_the_example_of_a_mongodb_conforms_to_its_operator(kubeconform):
    """As that operator's own definition has it."""
    wrong, summary = kubeconform((CHART / "examples/mongodb.yaml").read_text())
    assert (wrong, summary["valid"]) == ([], 1)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("host=", "/host"),
        ("kafka.bootstrap=kafka", "/kafka/bootstrap"),
        ("services.meetings.worker.autoscaling.maxReplicas=7", "maximum: got 7, want 6"),
        ("services.meetings.wroker.replicas=2", "wroker"),
        ("settings.VETIKA_MANAGE_SECRET=hush", "VETIKA_MANAGE_SECRET"),
        ("services.notifications.settings.VETIKA_SMTP_PASSWORD=hush", "VETIKA_SMTP_PASSWORD"),
        ("services.registration.secrets.VETIKA_MANAGE_SECRET=hush", "got string, want object"),
        ("services.notifications.sender.settings.VETIKA_SMTP_HOST=null", "VETIKA_SMTP_HOST"),
        ("ingress.kind=HTTPRoute", "/ingress/gateway/name"),
        ("ingress.paths[0]=metrics", "/ingress/paths/0"),
        ("coalition=D-F", "/coalition"),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(helm, setting, said):
    """Before anything is sent; a secret's value has no place that takes it."""
    values = CHART / "examples/one-organization.yaml"
    error = helm("template", CHART, "--kube-version", "1.34.0", "-f", values, "--set", setting, fails=True)
    assert said in error


def test_without_values_the_chart_says_what_it_lacks(helm):
    """Nothing has a default that only looks right."""
    error = helm("template", CHART, "--kube-version", "1.34.0", fails=True)
    for lacking in ("/host", "/kafka/bootstrap", "VETIKA_SMTP_HOST"):
        assert lacking in error


def test_each_service_runs_its_processes_and_can_be_left_to_others(rendered):
    """api, relay and worker of each, and the sender; what is switched off leaves nothing behind."""
    _, parts = rendered("one-organization")
    wanted = {f"vetika-{service}-{kind}" for service in SERVICES for kind in ("api", "relay", "worker")}
    names = {part["metadata"]["name"] for part in _of(parts, "Deployment")}
    assert names == wanted | {"vetika-notifications-sender"}
    _, parts = rendered("one-organization", "services.meetings.enabled=false")
    assert "vetika-meetings" not in yaml.safe_dump_all(parts)


def test_every_pod_is_nobody_and_writes_nowhere_but_to_its_small_tmp(parts):
    """And has resources, no token of the cluster, and nothing of the host."""
    assert _of(parts, *PODS)
    for part in _of(parts, *PODS):
        spec = _pod(part)["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert (spec["securityContext"]["runAsUser"], spec["automountServiceAccountToken"]) == (10001, False)
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        (container,) = spec["containers"]
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"]
        assert (rights["allowPrivilegeEscalation"], rights["capabilities"]) == (False, {"drop": ["ALL"]})
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
        (tmp,) = (volume for volume in spec["volumes"] if volume["name"] == "tmp")
        assert tmp["emptyDir"]["sizeLimit"] == "64Mi"
        mounted = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert mounted.keys() == {volume["name"] for volume in spec["volumes"]}
        assert all(mount.get("readOnly") for name, mount in mounted.items() if name != "tmp")


def test_every_process_is_probed_and_given_time_to_end(parts):
    """Liveness and readiness are two questions; a sender has a minute for what it has under way."""
    for part in _of(parts, "Deployment"):
        spec = _pod(part)["spec"]
        (container,) = spec["containers"]
        paths = [
            container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")
        ]
        assert paths == ["/livez", "/livez", "/readyz"]
        assert container["args"] == [part["metadata"]["labels"]["app.kubernetes.io/component"]]
        sends = container["args"] == ["sender"]
        assert spec["terminationGracePeriodSeconds"] >= (70 if sends else 20)


def _declared(service):
    """The variables that a service is told, and the bare names of those that may come as a file."""
    module = import_module(f"{service}.config")
    configs = [
        found for _, found in inspect.getmembers(module, inspect.isclass) if issubclass(found, ServiceConfig)
    ]
    return {
        one.metadata["variable"]: one.metadata["secret"]
        for config in configs
        for one in fields(config)
        if "variable" in one.metadata
    }


def test_every_setting_is_one_that_the_service_reads(parts):
    """By its own configuration; what that calls secret comes from a file."""
    for part in _of(parts, *PODS):
        service = part["metadata"]["labels"]["app.kubernetes.io/name"]
        if service not in SERVICES:
            continue
        declared = _declared(service)
        for variable in (one["name"] for one in _pod(part)["spec"]["containers"][0]["env"]):
            plain = variable if variable in declared else variable.removesuffix("_FILE")
            assert plain in declared, f"{part['metadata']['name']}: {variable}"
            assert not declared[plain] or variable.endswith("_FILE")
        needed = {"VETIKA_MONGODB_URI_FILE", "VETIKA_KAFKA_BOOTSTRAP", "VETIKA_JWKS_FILE"}
        assert needed <= {one["name"] for one in _pod(part)["spec"]["containers"][0]["env"]}


def test_no_secret_is_in_the_output(parts):
    """Secrets are named; the chart makes none, and takes no variable from one."""
    assert not _of(parts, "Secret")
    for part in _of(parts, *PODS):
        (container,) = _pod(part)["spec"]["containers"]
        assert "envFrom" not in container
        assert all("valueFrom" not in one for one in container["env"])


def test_a_pod_sees_its_own_secrets_alone(rendered):
    """Whose MongoDB, whose Kafka user: a service's files come from its own Secrets."""
    _, parts = rendered("one-organization")
    for part in _of(parts, "Deployment"):
        service = part["metadata"]["labels"]["app.kubernetes.io/name"]
        (secrets,) = (volume for volume in _pod(part)["spec"]["volumes"] if volume["name"] == "secrets")
        names = {source["secret"]["name"] for source in secrets["projected"]["sources"]}
        assert {name.partition("-")[0] for name in names} == {service}
        sends = part["metadata"]["name"].endswith("-sender")
        assert ("notifications-smtp" in names) == sends


def test_every_pod_is_under_a_network_policy_of_its_own(rendered, example):
    """All is denied; then its MongoDB, Kafka and DNS are reached, and the outside by the sender alone."""
    _, parts = rendered(example)
    policies = _of(parts, "NetworkPolicy")
    (nobody,) = (
        policy for policy in policies if "ingress" not in policy["spec"] and "egress" not in policy["spec"]
    )
    for part in _of(parts, *PODS):
        labels = _pod(part)["metadata"]["labels"]
        assert _matches(nobody["spec"]["podSelector"], labels)
        (own,) = (
            policy
            for policy in policies
            if policy is not nobody and _matches(policy["spec"]["podSelector"], labels)
        )
        assert own["spec"]["policyTypes"] == ["Ingress", "Egress"]
        kind = labels["app.kubernetes.io/component"]
        ports = {port["port"] for rule in own["spec"]["egress"] for port in rule["ports"]}
        assert {53, 27017} <= ports or kind == "setup"
        assert ({25, 587, 443} <= ports) == (kind == "sender")
        assert all(rule["to"] for rule in own["spec"]["egress"])
        came_from = yaml.safe_dump(own["spec"].get("ingress", []))
        assert ("ingress-nginx" in came_from or "gateways" in came_from) == (kind == "api")
        assert ("monitoring" in came_from) == (kind in {"api", "relay", "worker", "sender"})


def test_a_service_reaches_no_other_services_mongodb(rendered):
    """Where each has its own, the policies name that one."""
    _, parts = rendered("one-organization")
    for policy in _of(parts, "NetworkPolicy"):
        service = policy["metadata"]["labels"].get("app.kubernetes.io/name")
        reached = {
            peer["podSelector"]["matchLabels"]["app"]
            for rule in policy["spec"].get("egress", [])
            for peer in rule["to"]
            if rule["ports"][0]["port"] == 27017
        }
        assert reached <= {f"{service}-mongodb-svc"}


def test_what_selects_pods_selects_some(parts):
    """Services, budgets and policies name labels that deployments have; each deployment has one budget."""
    labels = {part["metadata"]["name"]: _pod(part)["metadata"]["labels"] for part in _of(parts, "Deployment")}
    for budget in _of(parts, "PodDisruptionBudget"):
        chosen = [name for name, own in labels.items() if _matches(budget["spec"]["selector"], own)]
        assert chosen == [budget["metadata"]["name"]]
    assert len(_of(parts, "PodDisruptionBudget")) == len(labels)
    for part in _of(parts, "Deployment"):
        assert part["spec"]["selector"]["matchLabels"].items() <= _pod(part)["metadata"]["labels"].items()
    for service in _of(parts, "Service"):
        chosen = [name for name, own in labels.items() if service["spec"]["selector"].items() <= own.items()]
        assert chosen == [service["metadata"]["name"]]
        assert chosen[0].endswith("-api")


def test_a_deployment_has_one_scaler_or_a_number(parts):
    """The HPA and KEDA never pull at the same one, and helm sets no number that a scaler decides."""
    deployments = {part["metadata"]["name"]: part for part in _of(parts, "Deployment")}
    scaled = [
        part["spec"]["scaleTargetRef"]["name"]
        for part in _of(parts, "HorizontalPodAutoscaler", "ScaledObject")
    ]
    assert len(scaled) == len(set(scaled))
    assert set(scaled) <= deployments.keys()
    for name, part in deployments.items():
        assert ("replicas" in part["spec"]) != (name in scaled)
    assert all(
        part["spec"]["scaleTargetRef"]["name"].endswith("-api")
        for part in _of(parts, "HorizontalPodAutoscaler")
    )
    assert all(
        part["spec"]["scaleTargetRef"]["name"].endswith("-worker") for part in _of(parts, "ScaledObject")
    )


def test_workers_are_scaled_by_the_lag_in_every_topic_that_they_read(rendered):
    """As the contracts have it: group, topics, and no more workers than partitions."""
    topics = yaml.safe_load((checkout() / "contracts/topics.yaml").read_text())["topics"]
    _, parts = rendered("one-organization", "coalition=abc")
    for scaled in _of(parts, "ScaledObject"):
        service = scaled["metadata"]["labels"]["app.kubernetes.io/name"]
        asked = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
        read = {
            name.format(coalition="abc"): topic
            for name, topic in topics.items()
            if service in topic["consumers"]
        }
        assert {one["topic"] for one in asked} == read.keys()
        assert {one["consumerGroup"] for one in asked} == {f"abc.{service}"}
        assert {(one["sasl"], one["tls"]) for one in asked} == {("scram_sha512", "enable")}
        assert scaled["spec"]["minReplicaCount"] >= 1
        assert scaled["spec"]["maxReplicaCount"] <= min(topic["partitions"] for topic in read.values())
        (access,) = (
            part for part in _of(parts, "TriggerAuthentication")
            if part["metadata"]["name"] == scaled["spec"]["triggers"][0]["authenticationRef"]["name"]
        )  # fmt: skip
        assert {one["parameter"] for one in access["spec"]["secretTargetRef"]} == {"password", "ca"}


def test_the_way_in_leads_to_the_apis_and_nowhere_else(rendered):
    """One host, a path a service, without metrics and operators' pages."""
    _, parts = rendered("one-organization")
    (ingress,) = _of(parts, "Ingress")
    (rule,) = ingress["spec"]["rules"]
    assert ingress["spec"]["tls"] == [{"hosts": [rule["host"]], "secretName": "vetika-tls"}]
    assert "/registration/(v1(?:/.*)?)$" in [path["path"] for path in rule["http"]["paths"]]
    for path in rule["http"]["paths"]:
        service = path["path"].split("/")[1]
        assert path["backend"]["service"]["name"] == f"vetika-{service}-api"
        assert not {"metrics", "admin"} & set(path["path"].replace("(", "/").split("/"))
    _, parts = rendered("one-of-several")
    (route,) = _of(parts, "HTTPRoute")
    (first, *_) = route["spec"]["rules"]
    assert first["matches"][0]["path"]["value"] == "/notifications/v1"
    assert first["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/v1"


def test_consumers_can_be_rolled_out_before_producers(rendered):
    """A kind of process, or a service, may have a version of its own; the check runs with the service's."""
    _, parts = rendered(
        "one-organization",
        "image.tag=1.0.0",
        "services.registration.tag=1.1.0",
        "services.notifications.worker.tag=1.2.0",
    )
    images = {
        part["metadata"]["name"]: _pod(part)["spec"]["containers"][0]["image"] for part in _of(parts, *PODS)
    }
    assert images["vetika-notifications-worker"] == "vetika/notifications:1.2.0"
    assert images["vetika-notifications-api"] == "vetika/notifications:1.0.0"
    assert (
        images["vetika-registration-relay"]
        == images["vetika-registration-check"]
        == "vetika/registration:1.1.0"
    )
    assert images["vetika-topics-setup"] == "vetika/tools:1.0.0"


def test_the_jobs_before_an_upgrade_may_be_of_the_version_to_come(rendered):
    """They look with the new image, and make the new topics, while every process is still the old one."""
    _, parts = rendered("one-organization", "image.tag=1.0.0", "image.jobsTag=2.0.0")
    tags = {
        (part["kind"], _pod(part)["spec"]["containers"][0]["image"].rpartition(":")[2])
        for part in _of(parts, *PODS)
    }
    assert tags == {("Deployment", "1.0.0"), ("Job", "2.0.0")}


def test_an_upgrade_is_checked_before_anything_is_replaced(parts):
    """A job of each service that is here, after the topics and before the rest."""
    deployed = {part["metadata"]["labels"]["app.kubernetes.io/name"] for part in _of(parts, "Deployment")}
    jobs = {part["metadata"]["labels"]["app.kubernetes.io/name"]: part for part in _of(parts, "Job")}
    assert deployed == jobs.keys() - {"topics"}
    for service in deployed:
        assert jobs[service]["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
        assert _pod(jobs[service])["spec"]["containers"][0]["args"] == ["check"]


def test_prometheus_is_led_to_every_process(rendered):
    """Where its operator is there and wanted."""
    _, parts = rendered("one-organization")
    (monitor,) = _of(parts, "PodMonitor")
    (metrics,) = monitor["spec"]["podMetricsEndpoints"]
    assert (metrics["port"], metrics["path"]) == ("http", "/metrics")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    (kinds,) = monitor["spec"]["selector"]["matchExpressions"]
    for part in _of(parts, "Deployment"):
        labels = _pod(part)["metadata"]["labels"]
        assert _matches(monitor["spec"]["selector"], labels)
        assert labels["app.kubernetes.io/component"] in kinds["values"]
