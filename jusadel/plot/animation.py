"""Films of a sweep: one picture for each result, with the same colours and axes in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jusadel.common.atomic import Target, checked_target, replacing
from jusadel.plot.canvas import pyplot
from jusadel.plot.fields import field

Draw = Callable[..., Any]
WRITERS = {".gif": "pillow", ".mp4": "ffmpeg"}
"""matplotlib's writers by the ending of the file."""


def animate(
    results: Sequence[Any],
    path: Target,
    draw: Draw = field,
    titles: Sequence[str] = (),
    seconds: float = 0.2,
    dpi: int = 110,
) -> None:
    """Draw one result after another, of a sweep over a phase, a field or an energy, into a GIF or MP4 file.

    Ranges of colours and of upright axes are those of all results together, so that pictures compare.

        plot.animate(solutions, "phase.gif", titles=[f"phase {x:.2f}" for x in phases])
        plot.animate(energies, "states.gif", lambda E, ax: plot.density_map(spec, E, ax=ax))

    Args:
        results: what `draw` draws: Solutions, Spectra, or numbers, at least two.
        path: ends in .gif (written by pillow) or .mp4 (by the system's ffmpeg, or by that of the extra "video"); the
            file appears whole or not at all.
        draw: a function of a result and of `ax`, the axes to draw into, such as those of `plot`.
        titles: one a result; default none.
        seconds: that each picture stays.
        dpi: pixels an inch.

    Raises:
        ValueError: fewer than two results, another number of titles, another ending.
        ImportError: the writer of this ending is not installed.
    """
    target = checked_target(path, tuple(WRITERS))
    if len(results) < 2:
        raise ValueError(f"{len(results)} results; expected at least two to animate")
    if titles and len(titles) != len(results):
        raise ValueError(f"{len(titles)} titles for {len(results)} results; expected one each, or none")
    if not 0 < seconds < np.inf:
        raise ValueError(f"seconds = {seconds!r}; expected how long each picture stays, > 0")
    with pyplot().rc_context(_ffmpeg()):
        writer = _writer(target.suffix.lower(), 1 / seconds)
        size = _size_of(draw, results[0])
        ranges = _together([_ranges(_frame(draw, result, size)) for result in results])
        _write_whole(target, lambda film: _write(writer, film, draw, results, titles, size, ranges, dpi))


def _write_whole(target: Path, write: Callable[[Path], None]) -> None:
    with replacing(target) as partial:
        film = partial.with_suffix(target.suffix)  # which says to the writer what to write
        try:
            write(film)
            film.replace(partial)
        finally:
            film.unlink(missing_ok=True)


def _ffmpeg() -> dict[Any, str]:
    """Settings of matplotlib for the ffmpeg of imageio-ffmpeg, where the system has none."""
    from matplotlib.animation import writers

    if writers.is_available("ffmpeg"):
        return {}
    try:
        import imageio_ffmpeg

        return {"animation.ffmpeg_path": imageio_ffmpeg.get_ffmpeg_exe()}
    except (ImportError, RuntimeError):  # which stands for none on this kind of machine
        return {}


def _writer(suffix: str, rate: float) -> Any:
    from matplotlib.animation import writers

    if not writers.is_available(WRITERS[suffix]):
        raise ImportError(
            f"{suffix} is written by {WRITERS[suffix]}, which is not installed; write a .gif, or install it"
            + (': python -m pip install "jusadel[video]"' if suffix == ".mp4" else "")
        )
    kind: Any = writers[WRITERS[suffix]]
    return kind(fps=rate)


def _size_of(draw: Draw, result: Any) -> tuple[float, float]:
    """That of the figure which `draw` makes by itself, in even numbers of pixels at any even dpi."""
    figure = draw(result, ax=None).figure
    width, height = figure.get_size_inches()
    pyplot().close(figure)
    return round(float(width)), round(float(height) * 2) / 2


def _frame(draw: Draw, result: Any, size: tuple[float, float], figure: Any = None) -> Any:
    """The axes of one picture, in the given figure or one of its own that nobody sees."""
    from matplotlib.figure import Figure

    figure = figure or Figure(figsize=size, layout="constrained")
    figure.clear()
    return draw(result, ax=figure.add_subplot())


def _ranges(ax: Any) -> tuple[Any, Any]:
    """Limits of the colours, (k, 2), and of the upright axis, of one picture."""
    return np.array([image.get_clim() for image in _images(ax)]).reshape(-1, 2), ax.get_ylim()


def _together(each: list[Any]) -> tuple[Any, Any]:
    """Ranges that hold all of those given; of colours where all pictures have as many images."""
    colours, upright = zip(*each, strict=True)
    low, high = np.array(upright).T
    same = len({len(c) for c in colours}) == 1
    stacked = np.array(colours) if same else np.zeros((1, 0, 2))
    return np.stack([stacked[..., 0].min(axis=0), stacked[..., 1].max(axis=0)], axis=-1), (low.min(), high.max())


def _images(ax: Any) -> list[Any]:
    return [drawn for drawn in (*ax.collections, *ax.images) if drawn.get_array() is not None]


def _write(
    writer: Any,
    path: Path,
    draw: Draw,
    results: Sequence[Any],
    titles: Sequence[str],
    size: tuple[float, float],
    ranges: tuple[Any, Any],
    dpi: int,
) -> None:
    plt = pyplot()
    figure = plt.figure(figsize=size, layout="constrained")
    try:
        with writer.saving(figure, str(path), dpi):
            for k, result in enumerate(results):
                ax = _frame(draw, result, size, figure)
                for image, limits in zip(_images(ax), ranges[0], strict=False):
                    image.set_clim(*limits)
                ax.set_ylim(*ranges[1])
                if titles:
                    ax.set_title(titles[k], loc="left")
                writer.grab_frame()
    finally:
        plt.close(figure)
