"""Kafka's jars: resolved by jgo once, compared with the lock, kept in the cache.

`kafka.jars.sha256` beside this module holds the name and SHA-256 of every jar. A start finds the cached
jars, checks them against it (some 50 ms) and asks the network nothing. After changing `ENDPOINTS`:
`python -c "from vetika_cli.embedded import jars; jars.write_lock()"` writes the lock anew.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from vetika_cli.errors import UserError
from vetika_cli.places import cache

KAFKA = "4.1.1"
# Resolved one by one: together, the binding's managed versions would change Kafka's own dependencies.
ENDPOINTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",  # what Kafka's slf4j logs through
)
LOCK = Path(__file__).with_name("kafka.jars.sha256")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")  # of Debian and Ubuntu
LOGGING_CONFIG = Path(__file__).with_name("log4j2.properties")


def kafka_jars() -> Path:
    """The directory with exactly the locked jars; downloads them when the cache has not got them.

    UserError when they cannot be had or are not what the lock says.
    """
    if not fetched():
        _download(_place(), _read_lock())
    return _place()


def fetched() -> bool:
    """Whether the jars are in the cache, as the lock says they must be."""
    return not _differences(_place(), _read_lock())


def _place() -> Path:
    return cache() / f"kafka-{KAFKA}-{_digest(LOCK)[:12]}"


def _read_lock() -> Mapping[str, str]:
    pairs = (line.split() for line in LOCK.read_text().splitlines())
    return {name: digest for digest, name in pairs}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _differences(directory: Path, expected: Mapping[str, str]) -> list[str]:
    """The names of jars that are missing, unexpected or of other content."""
    found = {path.name: path for path in directory.glob("*.jar")}
    return sorted(
        name
        for name in found.keys() | expected.keys()
        if name not in found or name not in expected or _digest(found[name]) != expected[name]
    )


def _download(directory: Path, expected: Mapping[str, str]) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place: the rename below is atomic, so that two starts at once do no harm.
    work = Path(tempfile.mkdtemp(prefix="kafka-", dir=directory.parent))
    try:
        jars = work / "jars"
        jars.mkdir()
        for jar in _resolve(work):
            shutil.copyfile(jar, jars / jar.name)
        if wrong := _differences(jars, expected):
            raise UserError(
                f"Kafka's jars are not what {LOCK.name} says ({', '.join(wrong)}): "
                "the download was altered on its way or is broken; try again from another network."
            )
        shutil.rmtree(directory, ignore_errors=True)
        try:
            jars.rename(directory)
        except OSError:
            # Another process was faster; what it put there was compared with the same lock.
            if _differences(directory, expected):
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _resolve(work: Path) -> Iterable[Path]:
    """Let jgo find and fetch everything that Kafka needs; nothing is kept outside `work`."""
    import jgo.env  # noqa: PLC0415 - half a second that only the first start needs
    import jgo.maven  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    if AUTHORITIES.exists():
        # What the machine's owner trusts (a company's proxy, say) rather than what a package brings.
        os.environ.setdefault("REQUESTS_CA_BUNDLE", str(AUTHORITIES))
    central = os.environ.get("VETIKA_MAVEN_URL", "https://repo.maven.apache.org/maven2")
    context = jgo.maven.MavenContext(repo_cache=work / "maven", remote_repos={"central": central}, timeout=60)
    builder = jgo.env.EnvironmentBuilder(context=context, cache_dir=work / "jgo")
    try:
        found = [jar for endpoint in ENDPOINTS for jar in builder.from_endpoint(endpoint=endpoint).all_jars]
    except (RequestException, RuntimeError, ValueError, OSError) as error:
        raise UserError(
            f"Kafka's jars could not be fetched from {central} ({type(error).__name__}): check the network, "
            "or set VETIKA_KAFKA_BOOTSTRAP to a Kafka of your own."
        ) from error
    return {jar.name: jar for jar in found}.values()


def write_lock() -> None:
    """Write the lock from what jgo resolves now."""
    with tempfile.TemporaryDirectory() as work:
        lines = sorted(f"{_digest(jar)}  {jar.name}" for jar in _resolve(Path(work)))
    LOCK.write_text("\n".join(sorted(lines, key=lambda line: line.split()[1])) + "\n")
    sys.stdout.write(f"{LOCK}: {len(lines)} jars\n")
