"""Quantities: how much of a habit is done, or is to be done, as exact decimal fractions."""

from decimal import Decimal

LARGEST_QUANTITY = Decimal(1_000_000)
QUANTITY_DECIMALS = 3


def number(quantity: Decimal | None) -> int | float | None:
    """Return the quantity as JSON writes it: an integer where it is one."""
    if quantity is None:
        return None
    is_whole = quantity == quantity.to_integral_value()
    return int(quantity) if is_whole else float(quantity)
