"""What the map of a keypoint should look like: a peak of height 1 at a place (Hedlin et al. eq. 8)."""

import torch


def cell_centres(count: int, device=None) -> torch.Tensor:
    """[count] centres of cells along one side, in cells."""
    return torch.arange(count, device=device) + 0.5


def gaussians(xy: torch.Tensor, size: tuple[int, int], sigma: tuple[float, float]) -> torch.Tensor:
    """[..., R, R'] of centres xy [..., 2] in 0..1; sigma is (rows, columns) in cells. Peak 1.

    Hedlin et al.: 2 cells of 128. Schofield et al.: 0.05 of each side.
    """
    down, across = _distances(xy, size, sigma)
    return torch.exp(-down.square() / 2)[..., :, None] * torch.exp(-across.square() / 2)[..., None, :]


def cauchys(xy: torch.Tensor, size: tuple[int, int], gamma: tuple[float, float]) -> torch.Tensor:
    """[..., R, R']: the heavier-tailed peak that Schofield et al. tried, 1 / (1 + distance^2), height 1."""
    down, across = _distances(xy, size, gamma)
    return 1 / (1 + down.square()[..., :, None] + across.square()[..., None, :])


def _distances(xy, size, scale):
    rows, columns = size
    down = (cell_centres(rows, xy.device) - xy[..., 1, None] * rows) / scale[0]
    across = (cell_centres(columns, xy.device) - xy[..., 0, None] * columns) / scale[1]
    return down, across


def at_peaks(maps: torch.Tensor, sigma: float) -> torch.Tensor:
    """[..., R, R']: the Gaussian that shares its maximum with each map (eq. 7 and 8), without gradient."""
    with torch.no_grad():
        return gaussians(peaks(maps), tuple(maps.shape[-2:]), (sigma, sigma))


def peaks(maps: torch.Tensor) -> torch.Tensor:
    """[..., 2] in 0..1: the centre (x, y) of the highest cell of maps [..., R, R'] (eq. 7)."""
    rows, columns = maps.shape[-2:]
    index = maps.flatten(-2).argmax(-1)
    return torch.stack([(index % columns + 0.5) / columns, (index // columns + 0.5) / rows], -1)


def at_places(maps: torch.Tensor, xy: torch.Tensor) -> torch.Tensor:
    """[...] the value of maps [..., R, R'] in the cell of xy [..., 2] in 0..1."""
    rows, columns = maps.shape[-2:]
    column, row = (xy * torch.tensor([columns, rows])).long().unbind(-1)
    return maps.flatten(-2).gather(-1, (row * columns + column)[..., None])[..., 0]
