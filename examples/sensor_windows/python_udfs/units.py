"""Units of temperature."""
from sqlflow.udfs import python_scalar_udf


@python_scalar_udf
def fahrenheit(celsius: float) -> float:
    return round(celsius * 9 / 5 + 32, 1)
