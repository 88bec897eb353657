"""Fixtures: one S3 server per worker, a bucket for each test, a proxy that counts and fails."""
import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import Project, persistent  # noqa: E402
from s3proxy import Proxy  # noqa: E402
from s3server import KEY, SECRET, WEED, Server  # noqa: E402

counter = itertools.count(1)
SUPPRESSIONS = pathlib.Path(__file__).parent / "lsan.supp"


@pytest.fixture(scope="session")
def server():
    if not WEED.exists():
        pytest.fail("seaweedfs is not installed: tools/bootstrap --test")
    server = Server()
    try:
        yield server.start()
    finally:
        server.stop()


class Bucket:
    def __init__(self, server, name):
        self.s3, self.name = server.s3, name
        self.s3.create_bucket(Bucket=name)

    def put(self, key, body):
        self.s3.put_object(Bucket=self.name, Key=key,
                           Body=body if isinstance(body, bytes) else body.encode())
        return f"s3://{self.name}/{key}"

    def get(self, key):
        return self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()

    def text(self, key):
        return self.get(key).decode()

    def keys(self, prefix=""):
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])
        return sorted(o["Key"] for o in found)


@pytest.fixture
def bucket(server):
    return Bucket(server, f"bucket{next(counter)}")


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.stop()


class S3Project(Project):
    """A project with connections to S3; secrets come from the environment."""

    connections = ""

    def connect(self, name, url, bucket=None, key="${S3_KEY}", secret="${S3_SECRET}", **options):
        settings = {"type": "s3", "endpoint_url": url, "bucket": bucket, "region": "us-east-1",
                    "access_key_id": key, "secret_access_key": secret, "retry_delay": 0,
                    "timeout_seconds": 20, **options}
        text = ", ".join(f'{k}: "{v}"' if isinstance(v, str) else f"{k}: {str(v).lower()}"
                         for k, v in settings.items() if v is not None)
        self.connections += f"  {name}: {{ {text} }}\n"
        self.write("profiles/dev.yml", persistent() + "connections:\n" + self.connections)
        return self

    def _env(self, env):
        return {"S3_KEY": KEY, "S3_SECRET": SECRET, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "",
                "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}",
                **(env or {})}

    def sf(self, *args, env=None, **more):
        return super().sf(*args, env=self._env(env), **more)

    def start(self, *args, env=None):
        return super().start(*args, env=self._env(env))


@pytest.fixture
def s3(tmp_path, server, bucket):
    return S3Project(tmp_path / "project").connect("lake", server.url, bucket.name)


@pytest.fixture
def s3_by_proxy(tmp_path, proxy, bucket):
    return S3Project(tmp_path / "project").connect("lake", proxy.url, bucket.name)
