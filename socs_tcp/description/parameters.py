"""What can be set, and what can be done. Pure."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .errors import did_you_mean, shown
from .places import Value
from .settings import Setting, close
from .steps import Ask, Step, script

#: The name of the only thing that a parameter sets.
ONLY = "value"


@dataclass(frozen=True)
class Parameter:
    """Something that can be set.

    Parameters
    ----------
    name : str
    steps : tuple of Step
        What is sent; the names of the settings are its places.
    settings : dict
        What can be set, by name; ``value`` where it is one thing only.
    restore : bool
        Is it set again when the device has forgotten it?
    """

    name: str
    steps: tuple[Step, ...]
    settings: dict[str, Setting]
    restore: bool = False

    @property
    def single(self) -> Setting | None:
        """The one thing that is set, if it is only one."""
        return self.settings.get(ONLY) if len(self.settings) == 1 else None

    @property
    def fields(self) -> dict[str, str]:
        """The fields that tell what is set now, by the name of the setting."""
        return {name: s.field for name, s in self.settings.items() if s.field}

    @property
    def field(self) -> str:
        """The (first) field that tells what is set now; empty where there is none."""
        return next(iter(self.fields.values()), "")

    def check(self, value: object) -> Value:
        """What is sent for `value`, of a parameter that is one thing only; see `wire`."""
        sent = self.wire(value)[ONLY]
        return float(sent) if isinstance(sent, Decimal) else sent

    def wire(self, value: object, now: Mapping[str, Value] | None = None
             ) -> dict[str, Value | Decimal]:
        """What is sent in the places of the messages.

        Parameters
        ----------
        value : float, int, str, or dict
            A dict where several things are set at once.
        now : dict, optional
            What is set now, for those that `value` leaves out.

        Raises
        ------
        ValueError
            If it may not be set; the message says what may.
        """
        if self.single is not None:
            return {ONLY: self.single.check(value)}
        every = {**(now or {}), **self.partly(value)}
        missing = [name for name in self.settings if name not in every]
        if missing:
            raise ValueError(f"{self.name}: {', '.join(missing)} must be given, too")
        return {name: setting.check(every[name]) for name, setting in self.settings.items()}

    def partly(self, value: object) -> Mapping[str, object]:
        """`value`, of a parameter that sets several at once; raises as `wire`, but not because
        of what is missing."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{self.name}: must be a mapping of {', '.join(self.settings)} to "
                             f"values, not {shown(value)}")
        for name, one in value.items():
            if name not in self.settings:
                known, given = list(self.settings), shown(name)
                raise ValueError(f"{self.name}: there is no {given}{did_you_mean(given, known)}; "
                                 f"there are {', '.join(known)}")
            self.settings[name].check(one)
        return value

    def script(self, value: object, now: Mapping[str, Value] | None = None
               ) -> Generator[Ask, bytes, bytes]:
        """The conversation that sets it; see `script` and `wire`.

        Raises
        ------
        ValueError
            At once, if the value may not be set, or does not fit into the messages.
        """
        values = self.wire(value, now)
        for step in self.steps:
            try:
                step.send.fill(values)
                if step.expect is not None:
                    step.expect.fill(values)
            except ValueError as exc:
                raise ValueError(f"{self.name}: {exc}") from None
        return script(self.steps, self.name, values)

    def disagrees(self, value: object, said: Mapping[str, Value]) -> str:
        """What a read-back says otherwise than what was set; empty if it agrees.

        Parameters
        ----------
        value
            As in `wire`.
        said : dict
            The values of the fields that were read back; those that were not do not count.
        """
        wanted = value if isinstance(value, Mapping) else {ONLY: value}
        for name, setting in self.settings.items():
            if not setting.field or not setting.verify or setting.field not in said \
                    or name not in wanted:
                continue
            given: Any = wanted[name]
            choices = [given] if setting.choices is None else [given, setting.choices[given]]
            step = self._resolution(name)
            if not any(close(setting, one, said[setting.field], step) for one in choices):
                return (f"afterwards {setting.field} is {shown(said[setting.field])}, not "
                        f"{shown(given)}")
        return ""

    def _resolution(self, name: str) -> float:
        """The step between two values that can be sent."""
        setting = self.settings[name]
        steps = [place.resolution for step in self.steps for place in step.send.open
                 if place.name == name]
        return max(steps, default=0.0) * abs(float(setting.scale))


@dataclass(frozen=True)
class Action:
    """Something that can be done.

    Parameters
    ----------
    name : str
    steps : tuple of Step
        What is sent.
    """

    name: str
    steps: tuple[Step, ...]

    def script(self) -> Generator[Ask, bytes, bytes]:
        """The conversation that does it; see `script`."""
        return script(self.steps, self.name)
