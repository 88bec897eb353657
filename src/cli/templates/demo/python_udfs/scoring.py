"""Scores for customers. See pipelines/python_scoring.sf.

Check and try them:  sqlflow udf list
                     sqlflow udf test customer_score --args '[3, 250.0, 12]'
"""

import math

from sqlflow.udfs import python_scalar_udf, python_table_udf


@python_scalar_udf
def customer_score(orders: int, revenue: float, days_since_last: int) -> float:
    """0 to 100: how often, how much and how lately a customer bought."""
    frequency = min(orders / 12, 1.0)
    money = min(math.log1p(revenue) / math.log1p(10_000), 1.0)
    recency = math.exp(-max(days_since_last, 0) / 180)
    return round(100 * (0.3 * frequency + 0.4 * money + 0.3 * recency), 2)


@python_table_udf(
    output_schema={
        "segment": "VARCHAR",
        "place": "INTEGER",
        "customer_id": "BIGINT",
        "score": "DOUBLE",
    },
    required_columns=["customer_id", "segment", "score"],
)
def leaders(rows: list[dict]):
    """The ten best customers of each segment."""
    segments = {}
    for row in rows:
        segments.setdefault(row["segment"], []).append(row)
    for segment, members in segments.items():
        members.sort(key=lambda row: (-row["score"], row["customer_id"]))
        for place, row in enumerate(members[:10], 1):
            yield {
                "segment": segment,
                "place": place,
                "customer_id": row["customer_id"],
                "score": row["score"],
            }
