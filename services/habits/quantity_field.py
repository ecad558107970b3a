"""The JSON of quantities: a number that is read exactly, within its bounds."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import marshmallow as ma
from marshmallow import fields

from services.habits.quantities import LARGEST_QUANTITY, QUANTITY_DECIMALS, number

NOT_POSITIVE = f"Must be more than 0 and not more than {LARGEST_QUANTITY:,}."
TOO_FINE = f"Must not have more than {QUANTITY_DECIMALS} decimals."


class QuantityField(fields.Field[Decimal]):
    """A positive JSON number of at most three decimals, kept as a decimal fraction."""

    default_error_messages = {"invalid": "Must be a number."}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        described = {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": int(LARGEST_QUANTITY),
            "description": f"At most {QUANTITY_DECIMALS} decimals.",
            "example": 2.5,
        }
        super().__init__(metadata={**described, **kwargs.pop("metadata", {})}, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return number(value)

    def _deserialize(
        self,
        value: Any,
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,
    ) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid")
        # Not by way of Decimal: the largest JSON numbers are infinite or thousands of digits long.
        if not 0 < value <= LARGEST_QUANTITY:
            raise ma.ValidationError(NOT_POSITIVE)
        quantity = Decimal(str(value))
        if quantity != round(quantity, QUANTITY_DECIMALS):
            raise ma.ValidationError(TOO_FINE)
        return quantity
