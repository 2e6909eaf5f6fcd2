"""helm and kubeconform, built once, and the schemas of what the chart writes: all from Go's modules."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes_schemas import write_schemas

from vetika_cli.places import cache, checkout

HELM = "helm.sh/helm/v3/cmd/helm@v3.19.5"
KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0"
# Where the schemas lie: the API of Kubernetes, and the definitions of the resources of others.
KUBERNETES = "k8s.io/kubernetes@v1.34.1"
DEFINED_BY = {
    "github.com/kedacore/keda/v2@v2.18.1": "config/crd/bases/keda.sh_*.yaml",
    "sigs.k8s.io/gateway-api@v1.4.0": "config/crd/standard/*_httproutes.yaml",
    "github.com/mongodb/mongodb-kubernetes-operator@v0.13.0": "config/crd/bases/*.yaml",
}
CHART = checkout() / "deploy" / "kubernetes"
EXAMPLES = CHART / "examples"


def pytest_collection_modifyitems(items):
    """All of these take the building of two tools, the first time."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def go():
    """`go(*arguments)`: run Go; what it makes lies in the cache."""
    found = shutil.which("go") or next(
        (path for path in ("/usr/local/go/bin/go", "/usr/lib/go/bin/go") if Path(path).exists()), None
    )
    if found is None:
        pytest.skip("requires Go to build helm and kubeconform")
    folder = cache() / "kubernetes"
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-p=1", "CGO_ENABLED": "0"}

    def run(*arguments):
        done = subprocess.run(
            [found, *arguments], env=environment, capture_output=True, text=True, check=False, cwd=folder
        )
        if done.returncode:
            pytest.skip(f"requires Go and its module proxy: {(done.stderr or done.stdout).strip()[-300:]}")
        return done.stdout

    return run


@pytest.fixture(scope="session")
def built(go):
    """`built(package)`: the program of a Go package."""

    def program(package):
        name = package.rpartition("/")[2].partition("@")[0]
        path = cache() / "kubernetes" / name
        made_from = path.with_suffix(".from")
        if not path.exists() or not made_from.exists() or made_from.read_text() != package:
            go("install", package)
            made_from.write_text(package)
        return path

    return program


@pytest.fixture(scope="session")
def helm_program(built):
    """Helm."""
    return built(HELM)


@pytest.fixture(scope="session")
def helm(helm_program):
    """`helm(*arguments)`: what it says; an error is the test's, unless `fails`."""

    def run(*arguments, fails=False):
        done = subprocess.run(
            [helm_program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    return run


@pytest.fixture(scope="session")
def rendered(helm):
    """`rendered(example, *settings)`: what helm makes of a value set, as it would be sent and in parts."""

    def render(example, *settings):
        text = helm(
            "template", "vetika", CHART, "--namespace", "forum", "--kube-version", "1.34.0", "--is-upgrade",
            "--values", EXAMPLES / f"{example}.yaml", *(word for one in settings for word in ("--set", one)),
        )  # fmt: skip
        return text, [part for part in yaml.safe_load_all(text) if part]

    return render


@pytest.fixture(scope="session")
def schemas(go):
    """The folder of the schemas, one file a kind; made once."""
    folder = cache() / "kubernetes" / "schemas"
    sources = "\n".join([KUBERNETES, *DEFINED_BY])
    made_from = folder / "made-from"
    if not made_from.exists() or made_from.read_text() != sources:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        module = Path(json.loads(go("mod", "download", "-json", KUBERNETES))["Dir"])
        definitions = [
            path
            for name, pattern in DEFINED_BY.items()
            for path in Path(json.loads(go("mod", "download", "-json", name))["Dir"]).glob(pattern)
        ]
        write_schemas(folder, api=module / "api/openapi-spec/swagger.json", custom=definitions)
        made_from.write_text(sources)
    return folder


@pytest.fixture(scope="session")
def kubeconform(built, schemas):
    """`kubeconform(text)`: what is wrong with resources by their schemas, and how many are right."""
    program = built(KUBECONFORM)

    def run(text, *, skip=""):
        done = subprocess.run(
            [
                program, "-strict", "-output", "json", "-summary", "-skip", skip,
                "-schema-location", f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json",
            ],
            input=text, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        said = json.loads(done.stdout)
        return [f"{one['kind']} {one['name']}: {one['msg']}" for one in said["resources"]], said["summary"]

    return run
