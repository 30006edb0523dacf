"""Cron schedules of five fields, as sync windows use them: when did one last begin?"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

import msgspec

from gitops.model.errors import InvalidSpec
from gitops.model.numbers import count_of

_SHOWN = 10  # characters of what cannot be read
_LONGEST = 1000

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NICKNAMES: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class _Field(msgspec.Struct, frozen=True):
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text in self.names:
            return self.lowest + self.names.index(text)
        number = count_of(text)
        if number is None or not self.lowest <= number <= self.highest:
            raise ValueError(f"{self.name} `{text[:_SHOWN]}` is not in {self.lowest}-{self.highest}")
        return number


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 6, _DAYS),
)


class Schedule(msgspec.Struct, frozen=True):
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    any_day: bool
    any_weekday: bool

    def falls_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        # Cron's old rule: where both are restricted, either will do.
        return (by_day and by_weekday) if self.any_day or self.any_weekday else (by_day or by_weekday)

    def last_before(self, moment: datetime, *, within: timedelta, zone: tzinfo) -> datetime | None:
        """The latest start in `(moment - within, moment]`; wall-clock times are of the zone."""
        earliest = moment - within
        day, first_day = moment.astimezone(zone).date(), earliest.astimezone(zone).date()
        while day >= first_day:
            if self.falls_on(day):
                for start in self._starts(day, zone):
                    if earliest < start <= moment:
                        return start
            day -= timedelta(days=1)
        return None

    def _starts(self, day: date, zone: tzinfo) -> list[datetime]:
        times = (
            datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
            for hour in self.hours
            for minute in self.minutes
        )
        return sorted(times, reverse=True)


@lru_cache(maxsize=1024)
def parse_schedule(text: str) -> Schedule:
    """Raises InvalidSpec that says which field is wrong."""
    if len(text) > _LONGEST:
        raise InvalidSpec(f"schedule `{text[:_SHOWN]}…` is longer than {_LONGEST} characters")
    normal = text.strip().lower()
    parts = _NICKNAMES.get(normal, normal).split()
    if len(parts) != len(_FIELDS):
        raise InvalidSpec(f"schedule `{text}` must have five fields: minute hour day month weekday")
    try:
        minutes, hours, days, months, weekdays = (
            _values(part, field) for part, field in zip(parts, _FIELDS, strict=True)
        )
    except ValueError as error:
        raise InvalidSpec(f"schedule `{text}`: {error}") from error
    return Schedule(minutes, hours, days, months, weekdays, _is_any(parts[2]), _is_any(parts[4]))


def _is_any(field: str) -> bool:
    """Whether it restricts nothing. `*/2` does, although it begins with a star."""
    return any(
        part.partition("/")[0] in ("*", "?") and part.partition("/")[2] in ("", "1") for part in field.split(",")
    )


_PART = re.compile(r"(?P<from>\*|\?|\w+)(?:-(?P<to>\w+))?(?:/(?P<step>[0-9]{1,9}))?")


def _values(text: str, field: _Field) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _range(part, field))


def _range(part: str, field: _Field) -> range:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"{field.name} `{part[:_SHOWN]}` cannot be read")
    step = count_of(found["step"] or "1")
    if not step:
        raise ValueError(f"{field.name} `{part}` has a step of zero")
    if found["from"] in ("*", "?"):
        if found["to"]:
            raise ValueError(f"{field.name} `{part}` cannot be read")
        return range(field.lowest, field.highest + 1, step)
    first = field.number(found["from"])
    open_ended = field.highest if found["step"] else first  # `5/10` runs to the end of the field
    last = field.number(found["to"]) if found["to"] else open_ended
    if last < first:
        raise ValueError(f"{field.name} `{part}` runs backwards")
    return range(first, last + 1, step)
