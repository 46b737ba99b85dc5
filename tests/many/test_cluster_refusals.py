"""Schedulers and workers that cannot be used, and those that need a certificate."""

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dask
import numpy as np
import pytest
from clusters import PATHS, Cluster
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from trainings import (
    in_order,
    scaled_sum,
)  # fmt: skip

from noisylab.core.errors import InputError
from noisylab.many import cluster
from noisylab.many.engines import map_trainings

pytestmark = pytest.mark.timeout(900)  # on a busy machine


def test_a_missing_scheduler_is_a_one_line_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with pytest.raises(
        InputError, match=r"^engine dask: no scheduler answers at tcp://127.0.0.1:9"
    ):
        list(map_trainings(scaled_sum, [1], "dask:tcp://127.0.0.1:9", (np.ones(1),)))


def test_a_scheduler_without_workers_is_a_one_line_error(
    empty_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_WAIT_SECONDS", 1)
    with pytest.raises(InputError, match=r"has no workers; start some with `dask worker tcp://"):
        list(map_trainings(scaled_sum, [1], empty_cluster.engine, (np.ones(1),)))


def test_a_worker_with_two_threads_is_refused(empty_cluster: Cluster) -> None:
    empty_cluster.add_host(threads=2)
    with pytest.raises(InputError, match=r"must have threads 1, got 2; otherwise results"):
        list(map_trainings(scaled_sum, [1], empty_cluster.engine, (np.ones(1),)))


def test_a_worker_without_the_package_is_refused(empty_cluster: Cluster, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    # As if it were not installed: neither its metadata nor its modules are found.
    (hidden / "sitecustomize.py").write_text(
        "import sys, importlib.metadata as metadata\n"
        "sys.modules['noisylab'] = None\n"
        "version = metadata.version\n"
        "def without(name):\n"
        "    if name == 'noisylab':\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "metadata.version = without\n"
    )
    empty_cluster.add_host(PYTHONPATH=os.pathsep.join([str(hidden), *PATHS]))
    with pytest.raises(
        InputError, match=r"^engine dask: worker tcp://.* lacks the package noisylab"
    ):
        list(map_trainings(scaled_sum, [1], empty_cluster.engine, (np.ones(1),)))


def test_a_worker_with_other_code_is_refused(
    shared_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = cluster._facts()
    monkeypatch.setattr(cluster, "_facts", lambda: facts | {"code of noisylab": "other"})
    with pytest.raises(InputError, match=r"must have code of noisylab other, got [0-9a-f]{12}"):
        list(map_trainings(scaled_sum, [1], shared_cluster.engine, (np.ones(1),)))


def make_certificate(folder: Path) -> dict[str, str]:
    """A certificate that vouches for itself, and dask's settings that name it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "both.pem"
    file.write_bytes(certificate.public_bytes(pem) + secret)
    parts = ("scheduler.cert", "worker.cert", "client.cert", "ca-file")
    return {f"distributed.comm.tls.{part}": str(file) for part in parts}


def as_environment(settings: dict[str, str]) -> dict[str, str]:
    """Dask's settings as environment variables."""
    names = {key: key.replace(".", "__").replace("-", "_").upper() for key in settings}
    return {f"DASK_{names[key]}": value for key, value in settings.items()}


def test_tls_takes_its_certificates_from_dasks_settings(tmp_path: Path) -> None:
    settings = make_certificate(tmp_path)
    own = Cluster(tmp_path, protocol="tls", environment=as_environment(settings))
    try:
        own.add_host()
        assert own.engine.startswith("dask:tls://")
        with pytest.raises(InputError, match=r"no scheduler answers at tls://.*TLS"):
            list(map_trainings(scaled_sum, [1], own.engine, (np.ones(10),)))
        with dask.config.set(settings):
            results = list(map_trainings(scaled_sum, range(2), own.engine, (np.ones(10),)))
        assert in_order(results) == [0, 10]
    finally:
        own.close()
