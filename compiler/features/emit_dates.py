"""Parts of dates and times, in integer arithmetic on days and microseconds."""

from __future__ import annotations

from collections.abc import Callable

from compiler.features.bound import DAY_US, Bound
from compiler.features.emit_casts import floor_divide
from compiler.features.emit_core import Emit, Emitter, Value, propagated
from compiler.features.onnx_graph import DOUBLE, Tensor

SECOND_US, MINUTE_US, HOUR_US = 1_000_000, 60_000_000, 3_600_000_000
_MARCH_0000 = 719_468
"""Days from 1 March of the year 0, where leap days end a year, to 1970."""
_CYCLE = 146_097
"""Days of 400 years."""


class Calendar:
    """The civil date of a count of days since 1970, proleptic Gregorian."""

    def __init__(self, emit: Emit, days: Tensor) -> None:
        self.emit = emit
        self.days = days
        shifted = self.add(days, _MARCH_0000)
        self.era = floor_divide(emit, shifted, _CYCLE)
        of_era = self.modulo(shifted, _CYCLE)
        leaps = self.subtract(self.whole(of_era, 1460), self.whole(of_era, 36_524))
        leaps = self.sum(leaps, self.whole(of_era, 146_096))
        self.year_of_era = self.whole(self.subtract(of_era, leaps), 365)
        years = self.whole(self.year_of_era, 4)
        years = self.subtract(years, self.whole(self.year_of_era, 100))
        start = self.sum(self.times(self.year_of_era, 365), years)
        self.day_of_year = self.subtract(of_era, start)
        self.march_month = self.whole(self.add(self.times(self.day_of_year, 5), 2), 153)

    def add(self, tensor: Tensor, value: int) -> Tensor:
        """Plus a constant."""
        return self.emit.op("Add", tensor, self.emit.integer(value))

    def times(self, tensor: Tensor, value: int) -> Tensor:
        """Times a constant."""
        return self.emit.op("Mul", tensor, self.emit.integer(value))

    def whole(self, tensor: Tensor, by: int) -> Tensor:
        """A number that is not negative, divided by a constant."""
        return self.emit.op("Div", tensor, self.emit.integer(by))

    def modulo(self, tensor: Tensor, by: int) -> Tensor:
        """The remainder that is never negative."""
        return self.emit.op("Mod", tensor, self.emit.integer(by))

    def sum(self, left: Tensor, right: Tensor) -> Tensor:
        """Of two."""
        return self.emit.op("Add", left, right)

    def subtract(self, left: Tensor, right: Tensor) -> Tensor:
        """Of two."""
        return self.emit.op("Sub", left, right)

    def year(self) -> Tensor:
        """The year."""
        since_march = self.sum(self.year_of_era, self.times(self.era, 400))
        return self.sum(since_march, self.whole(self.march_month, 10))

    def month(self) -> Tensor:
        """1 to 12."""
        return self.add(self.modulo(self.add(self.march_month, 2), 12), 1)

    def quarter(self) -> Tensor:
        """1 to 4."""
        return self.whole(self.add(self.month(), 2), 3)

    def day(self) -> Tensor:
        """1 to 31."""
        before = self.whole(self.add(self.times(self.march_month, 153), 2), 5)
        return self.add(self.subtract(self.day_of_year, before), 1)

    def day_of(self) -> Tensor:
        """1 to 366."""
        last = self.add(self.year(), -1)
        leaps = self.subtract(floor_divide(self.emit, last, 4), floor_divide(self.emit, last, 100))
        leaps = self.sum(leaps, floor_divide(self.emit, last, 400))
        before = self.add(self.sum(self.times(last, 365), leaps), -719_162)
        return self.add(self.subtract(self.days, before), 1)

    def week_day(self) -> Tensor:
        """Sunday 0 to Saturday 6."""
        return self.modulo(self.add(self.days, 4), 7)

    def iso_day(self) -> Tensor:
        """Monday 1 to Sunday 7."""
        return self.add(self.modulo(self.add(self.days, 3), 7), 1)

    def week(self) -> Tensor:
        """The ISO week: that of the year its Thursday lies in."""
        thursday = self.add(self.subtract(self.days, self.iso_day()), 4)
        return self.add(self.whole(self.add(Calendar(self.emit, thursday).day_of(), -1), 7), 1)


_OF_DAY: dict[str, Callable[[Calendar], Tensor]] = {
    "year": Calendar.year,
    "quarter": Calendar.quarter,
    "month": Calendar.month,
    "week": Calendar.week,
    "day": Calendar.day,
    "dayofweek": Calendar.week_day,
    "isodow": Calendar.iso_day,
    "dayofyear": Calendar.day_of,
}
_OF_CLOCK = {
    "hour": (DAY_US, HOUR_US),
    "minute": (HOUR_US, MINUTE_US),
    "second": (MINUTE_US, SECOND_US),
    "millisecond": (MINUTE_US, 1000),
    "microsecond": (MINUTE_US, 1),
}


def day_part(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """Parts that a day has."""
    (value,) = arguments
    days = value.tensor
    if node.arguments[0].type != "date":
        days = floor_divide(emit, days, DAY_US)
    reach = 300_000 if node.op == "year" else 366
    tensor = _OF_DAY[node.op](Calendar(emit, days))
    return Value(tensor, value.null, False, -reach if node.op == "year" else 0, reach)


def clock_part(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """Parts that a time of day has; a date stands for its midnight."""
    (value,) = arguments
    if node.arguments[0].type == "date":
        return Value(emit.op("Mul", value.tensor, emit.integer(0)), value.null, False, 0, 0)
    cycle, unit = _OF_CLOCK[node.op]
    rest = emit.op("Mod", value.tensor, emit.integer(cycle))
    tensor = rest if unit == 1 else emit.op("Div", rest, emit.integer(unit))
    return Value(tensor, value.null, False, 0, cycle // unit)


def epoch(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """Seconds since 1970, or since midnight of a time."""
    (value,) = arguments
    number = emit.graph.cast(value.tensor, DOUBLE)
    if node.arguments[0].type == "date":
        return Value(emit.op("Mul", number, emit.double(86_400.0)), value.null, False)
    return Value(emit.op("Div", number, emit.double(1e6)), value.null, False)


def date_diff(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """How many boundaries of the unit lie between two dates or timestamps."""
    kind, unit = node.arguments[0].type, str(node.value)
    early, late = (_count(emit, value.tensor, kind == "date", unit) for value in arguments)
    return Value(emit.op("Sub", late, early), propagated(emit, *arguments), False)


def _count(emit: Emit, tensor: Tensor, is_date: bool, unit: str) -> Tensor:
    """Units since 1970, or of years and months since the year 0."""
    lengths = {"day": DAY_US, "hour": HOUR_US, "minute": MINUTE_US, "second": SECOND_US}
    if unit in lengths:
        if is_date:
            return emit.op("Mul", tensor, emit.integer(DAY_US // lengths[unit]))
        return floor_divide(emit, tensor, lengths[unit])
    calendar = Calendar(emit, tensor if is_date else floor_divide(emit, tensor, DAY_US))
    if unit == "year":
        return calendar.year()
    per_year, part = (4, calendar.quarter) if unit == "quarter" else (12, calendar.month)
    return calendar.sum(calendar.times(calendar.year(), per_year), part())


EMITTERS: dict[str, Emitter] = {
    **dict.fromkeys(_OF_DAY, day_part),
    **dict.fromkeys(_OF_CLOCK, clock_part),
    "epoch": epoch,
    "date_diff": date_diff,
}
"""Parts of dates and times."""
