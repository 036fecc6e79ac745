"""Run a case: its rows, what they took, and the error that stopped it, if any."""

from dataclasses import asdict, dataclass, replace
from datetime import date
from time import perf_counter, process_time

from validation.registry import Row


@dataclass(frozen=True, kw_only=True)
class Result:
    """Of one case."""

    name: str
    rows: tuple[Row, ...]
    seconds: float
    cpu_seconds: float
    error: str = ""
    day: str = ""

    @property
    def passes(self):
        return not self.error and bool(self.rows) and all(row.passes for row in self.rows)

    def lines(self):
        """For the terminal."""
        for row in self.rows:
            verdict = "pass" if row.passes else "MISS"
            yield (
                f"{verdict} {row.reference:5} {row.quantity}: {row.value:.7g}, expected {row.expected:.7g}, "
                f"deviation {row.deviation:.1e} of {row.tolerance:.0e}, {row.seconds:.1f} s"
            )
        if self.error:
            yield f"MISS {self.name}: {self.error}"

    def as_dict(self):
        return asdict(self)

    @classmethod
    def of(cls, known):
        return cls(**(known | {"rows": tuple(Row(**row) for row in known["rows"])}))


def run(case):
    """An exception is a miss; what came before it stays."""
    rows, error = [], ""
    began, cpu, last = perf_counter(), process_time(), perf_counter()
    try:
        for row in case.rows():
            now = perf_counter()
            rows.append(replace(row, seconds=now - last))
            last = now
        unheld = set(case.references) - {row.reference for row in rows}
        if unheld:
            error = f"gave no number for {', '.join(sorted(unheld))}"
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}".splitlines()[0]
    return Result(
        name=case.name,
        rows=tuple(rows),
        seconds=perf_counter() - began,
        cpu_seconds=process_time() - cpu,
        error=error,
        day=str(date.today()),
    )
