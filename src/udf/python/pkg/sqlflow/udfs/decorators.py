"""Another name of `sqlflow.udfs`, which older projects import."""

from sqlflow.udfs import *  # noqa: F403
