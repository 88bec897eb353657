"""The part of sqlflow that Python code sees: the decorators in `sqlflow.udfs`."""
