"""A real S3 server (seaweedfs) on free ports of loopback, and a small client to look into it."""
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import boto3
from botocore.client import Config

from harness import PATIENCE, ROOT, workplace

WEED = ROOT / "third_party/venv/bin/weed"
KEY, SECRET = "AKADMIN1TEST", "adminSecret/plus+1x"
OTHER_KEY, OTHER_SECRET = "AKSECOND2TEST", "secondSecret=2y"
IDENTITIES = {"identities": [
    {"name": "admin", "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
     "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
    {"name": "other", "credentials": [{"accessKey": OTHER_KEY, "secretKey": OTHER_SECRET}],
     "actions": ["Read:other", "Write:other", "List:other"]}]}


def free_ports(count):
    """Ports that were free a moment ago; gRPC needs its own beside each."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def client(url, key=KEY, secret=SECRET):
    return boto3.client("s3", endpoint_url=url, aws_access_key_id=key, region_name="us-east-1",
                        aws_secret_access_key=secret,
                        config=Config(retries={"max_attempts": 1},
                                      s3={"addressing_style": "path"}))


class Server:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sqlflow-s3-", dir=workplace()))
        self.process = None

    def start(self):
        (self.folder / "s3.json").write_text(json.dumps(IDENTITIES))
        names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
                 "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc")
        ports = dict(zip(names, free_ports(len(names))))
        self.port = ports["s3.port"]
        self.url = f"http://127.0.0.1:{self.port}"
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            [WEED, "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
             f"-s3.config={self.folder}/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0",
             "-s3.iam=false", "-s3.autoCreateBucket=false", "-volume.max=5000", "-master.volumeSizeLimitMB=64",
             *(f"-{name}={port}" for name, port in ports.items())],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        self.s3 = client(self.url)
        self._wait()
        return self

    def _wait(self):
        """Ready means that it stores: the volume server joins last."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.s3.create_bucket(Bucket="ready")
                self.s3.put_object(Bucket="ready", Key="x", Body=b"x")
                return
            except Exception as error:  # noqa: BLE001 (whatever it says while it starts)
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "log").read_text()[-3000:]
                    raise AssertionError(f"seaweedfs did not start: {error}\n{log}") from error
                time.sleep(0.2)

    def stop(self):
        """Nothing of it is kept, so it is not asked to end: it waits for its connections."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
