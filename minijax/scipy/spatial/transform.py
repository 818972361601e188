"""`jax.scipy.spatial.transform`: rotations in three dimensions, and interpolation between them.

A rotation is a unit quaternion (x, y, z, w): by the angle t around the unit vector u it is (u sin(t/2), cos(t/2)), and -q is the
same rotation as q. Conversions: M. D. Shuster, "A survey of attitude representations", J. Astronautical Sciences 41 (1993). Euler
angles: E. Bernardes and S. Viollet, "Quaternion to Euler angles conversion", PLoS ONE 17 (2022). The last axes of an array hold one
rotation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike, DTypeLike
from ...numpy.util import convert, promote_args_inexact

# Below this angle, quotients of sines are power series.
SMALL = 1e-3


def _axes(seq: str, fewest: int) -> tuple[list[int], bool]:
    """(the axes of a sequence such as "zyx", whether they turn with the body, as capital letters say)."""
    if not fewest <= len(seq) <= 3:
        raise ValueError(f"Expected axis specification to be a string of {fewest} to 3 characters, got {seq}")
    if not re.fullmatch("[xyz]+|[XYZ]+", seq):
        raise ValueError(f"Expected axes from `seq` to be from ['x', 'y', 'z'] or ['X', 'Y', 'Z'], got {seq}")
    if any(a == b for a, b in zip(seq, seq[1:])):
        raise ValueError(f"Expected consecutive axes to be different, got {seq}")
    return ["xyz".index(letter) for letter in seq.lower()], seq.isupper()


def _dot(x, y):
    return (x * y).sum(-1, keepdims=True)


def _norm(x):
    return jnp.sqrt(_dot(x, x))


def _normalized(quat: Array) -> Array:
    return quat / _norm(quat)


def _product(p: Array, q: Array) -> Array:
    """The rotation q, and then p: a quaternion of the norm 1, where both have it."""
    (u, s), (v, t) = ((x[..., :3], x[..., 3:]) for x in (p, q))
    return jnp.concatenate([s * v + t * u + jnp.cross(u, v), s * t - _dot(u, v)], -1)


def _canonical(quat: Array) -> Array:
    """Of q and -q the one whose last component that is not 0, from w on, is positive."""
    x, y, z, w = (quat[..., i : i + 1] for i in range(4))
    tied = (w == 0, (w == 0) & (x == 0), (w == 0) & (x == 0) & (y == 0))
    negative = (w < 0) | tied[0] & (x < 0) | tied[1] & (y < 0) | tied[2] & (z < 0)
    return jnp.where(negative, -quat, quat)


def _upwards(quat: Array) -> Array:
    """Of q and -q the one with w >= 0: the angle then is at most pi."""
    return jnp.where(quat[..., 3:] < 0, -quat, quat)


def _in_degrees(angle: Array, degrees) -> Array:
    return jnp.rad2deg(angle) if degrees else angle


def _in_radians(angle: Array, degrees) -> Array:
    return jnp.deg2rad(angle) if degrees else angle


class Rotation(NamedTuple):
    """Rotations in three dimensions (`jax.scipy.spatial.transform.Rotation`). `quat`: (..., 4), quaternions (x, y, z, w).

    >>> import minijax.numpy as jnp
    >>> quarter = Rotation.from_euler("z", 90, degrees=True)
    >>> (quarter * quarter).apply(jnp.array([1.0, 2.0, 3.0])).round(3)
    Array([-1., -2.,  3.], dtype=float32)
    """

    quat: Array

    @classmethod
    def concatenate(cls, rotations: Sequence[Rotation]) -> Rotation:
        """The rotations of several objects, one after the other.

        >>> len(Rotation.concatenate([Rotation.from_euler("x", [[1.0], [2.0]])] * 2))
        4
        """
        return cls(jnp.concatenate([rotation.quat for rotation in rotations]))

    @classmethod
    def from_euler(cls, seq: str, angles: ArrayLike, degrees: bool = False) -> Rotation:
        """Rotations around the axes of `seq` in turn: capital letters stand for axes that turn with the body.

        angles: (n,) for the n axes, (m, n) for m rotations, or a number. Raises ValueError for a sequence that is none.

        >>> Rotation.from_euler("xz", [90.0, 90.0], degrees=True).quat.round(3)
        Array([0.5, 0.5, 0.5, 0.5], dtype=float32)
        """
        axes, intrinsic = _axes(seq, 1)
        (angles,) = promote_args_inexact("from_euler", jnp.atleast_1d(jnp.asarray(angles)))
        # As in JAX, the result of numbers is not weak.
        angles = _in_radians(convert(angles, angles.dtype, False), degrees)
        quat = None
        for i, axis in enumerate(axes):
            half = angles[..., i] / 2
            parts = [jnp.sin(half) if k == axis else jnp.zeros_like(half) for k in range(3)]
            turn = jnp.stack([*parts, jnp.cos(half)], -1)
            quat = turn if quat is None else _product(quat, turn) if intrinsic else _product(turn, quat)
        return cls(quat)

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> Rotation:
        """Rotations of matrices (..., 3, 3), which are orthogonal.

        >>> Rotation.from_matrix([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]).as_rotvec().round(3)
        Array([0.   , 0.   , 1.571], dtype=float32)
        """
        m = jnp.asarray(matrix)
        trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
        differences = [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]]
        # Four formulas for one quaternion; the one with the greatest denominator has the most digits.
        found = []
        for i in range(3):
            parts: list[Any] = [m[..., k, i] + m[..., i, k] for k in range(3)]
            parts[i] = 1 - trace + 2 * m[..., i, i]
            found.append(jnp.stack([*parts, differences[i]], -1))
        found.append(jnp.stack([*differences, 1 + trace], -1))
        choice = jnp.argmax(jnp.stack([m[..., 0, 0], m[..., 1, 1], m[..., 2, 2], trace], -1), -1)[..., None]
        quat = found[3]
        for i in range(3):
            quat = jnp.where(choice == i, found[i], quat)
        return cls(_normalized(quat))

    @classmethod
    def from_mrp(cls, mrp: ArrayLike) -> Rotation:
        """Rotations of modified Rodrigues parameters (..., 3): u tan(t/4).

        >>> Rotation.from_mrp([0.0, 0.0, 1.0]).quat
        Array([0., 0., 1., 0.], dtype=float32)
        """
        mrp = jnp.asarray(mrp)
        square = _dot(mrp, mrp)
        return cls(jnp.concatenate([2 * mrp, 1 - square], -1) / (square + 1))

    @classmethod
    def from_quat(cls, quat: ArrayLike) -> Rotation:
        """Rotations of quaternions (..., 4), which are divided by their norms.

        >>> Rotation.from_quat([0.0, 0.0, 0.0, 2.0]).quat
        Array([0., 0., 0., 1.], dtype=float32)
        """
        return cls(_normalized(jnp.asarray(quat)))

    @classmethod
    def from_rotvec(cls, rotvec: ArrayLike, degrees: bool = False) -> Rotation:
        """Rotations of vectors (..., 3) along the axes, as long as the angles.

        >>> Rotation.from_rotvec([180.0, 0.0, 0.0], degrees=True).quat.round(3)
        Array([ 1.,  0.,  0., -0.], dtype=float32)
        """
        rotvec = _in_radians(jnp.asarray(rotvec), degrees)
        angle = _norm(rotvec)
        square = angle * angle
        series = 0.5 - square / 48 + square * square / 3840
        scale = jnp.where(angle <= SMALL, series, jnp.sin(angle / 2) / angle)
        return cls(jnp.concatenate([scale * rotvec, jnp.cos(angle / 2)], -1))

    @classmethod
    def identity(cls, num: int | None = None, dtype: DTypeLike = float) -> Rotation:
        """The rotation that changes nothing. Raises AssertionError for a `num`, as JAX does.

        >>> Rotation.identity().magnitude()
        Array(0., dtype=float32)
        """
        assert num is None, "Rotation.identity makes one rotation"
        return cls(jnp.array([0.0, 0.0, 0.0, 1.0], dtype=dtype))

    @classmethod
    def random(cls, random_key: Any, num: int | None = None) -> Rotation:
        """Raises NotImplementedError, as in JAX."""
        raise NotImplementedError(
            "Rotation.random is not implemented, as in JAX: from_quat(random.normal(key, (n, 4))) is uniformly distributed."
        )

    def __getitem__(self, indexer: Any) -> Rotation:  # type: ignore[override]
        if self.single:
            raise TypeError("Single rotation is not subscriptable.")
        return Rotation(self.quat[indexer])

    def __len__(self) -> int:
        if self.single:
            raise TypeError("Single rotation has no len().")
        return self.quat.shape[0]

    def __mul__(self, other: Rotation) -> Rotation:  # type: ignore[override]
        return Rotation.from_quat(_product(self.quat, other.quat))

    def apply(self, vectors: ArrayLike, inverse: bool = False) -> Array:
        """The vectors (..., 3), rotated; with `inverse`, rotated back.

        >>> Rotation.from_euler("z", 90, degrees=True).apply(np.float32([1, 0, 0]), inverse=True).round(3)
        Array([ 0., -1.,  0.], dtype=float32)
        """
        matrix = self.as_matrix()
        rotated = jnp.where(jnp.asarray(inverse)[..., None, None], jnp.swapaxes(matrix, -1, -2), matrix)
        return (rotated @ jnp.asarray(vectors)[..., None])[..., 0]

    def as_euler(self, seq: str, degrees: bool = False) -> Array:
        """The angles (..., 3) around the axes of `seq`, between -pi and pi; the third one is 0 where two are one turn.

        Raises ValueError for a sequence that is none of three axes.

        >>> Rotation.from_euler("xyz", [0.1, 0.2, 0.3]).as_euler("xyz").round(3)
        Array([0.1, 0.2, 0.3], dtype=float32)
        """
        axes, intrinsic = _axes(seq, 3)
        return _in_degrees(_euler_angles(self.quat, axes[::-1] if intrinsic else axes, intrinsic), degrees)

    def as_matrix(self) -> Array:
        """Matrices (..., 3, 3).

        >>> Rotation.identity().as_matrix()
        Array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.]], dtype=float32)
        """
        x, y, z, w = (self.quat[..., i] for i in range(4))
        x2, y2, z2, w2 = x * x, y * y, z * z, w * w
        rows = [
            [x2 - y2 - z2 + w2, 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), y2 - x2 - z2 + w2, 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), z2 - x2 - y2 + w2],
        ]
        return jnp.stack([jnp.stack(row, -1) for row in rows], -2)

    def as_mrp(self) -> Array:
        """Modified Rodrigues parameters (..., 3), no longer than 1.

        >>> Rotation.from_mrp([0.0, 0.5, 0.0]).as_mrp()
        Array([0. , 0.5, 0. ], dtype=float32)
        """
        quat = _upwards(self.quat)
        return quat[..., :3] / (1 + quat[..., 3:])

    def as_rotvec(self, degrees: bool = False) -> Array:
        """Vectors (..., 3) along the axes, as long as the angles, which are at most pi.

        >>> Rotation.from_euler("y", 90, degrees=True).as_rotvec(degrees=True).round(3)
        Array([ 0., 90.,  0.], dtype=float32)
        """
        quat = _upwards(self.quat)
        axis = quat[..., :3]
        angle = 2 * jnp.arctan2(_norm(axis), quat[..., 3:])
        square = angle * angle
        series = 2 + square / 12 + 7 * square * square / 2880
        return _in_degrees(jnp.where(angle <= SMALL, series, angle / jnp.sin(angle / 2)), degrees) * axis

    def as_quat(self, canonical: bool = False, scalar_first: bool = False) -> Array:
        """Quaternions (..., 4). canonical: of q and -q the one with w > 0. scalar_first: (w, x, y, z).

        >>> Rotation.identity().as_quat(scalar_first=True)
        Array([1., 0., 0., 0.], dtype=float32)
        """
        quat = _canonical(self.quat) if canonical else self.quat
        return jnp.roll(quat, 1, axis=-1) if scalar_first else quat

    def inv(self) -> Rotation:
        """The rotations back.

        >>> Rotation.from_euler("z", 0.5).inv().as_euler("zyx").round(3)[0]
        Array(-0.5, dtype=float32)
        """
        return Rotation(self.quat * np.array([-1, -1, -1, 1], self.quat.dtype))

    def magnitude(self) -> Array:
        """The angles, between 0 and pi.

        >>> Rotation.from_rotvec([0.0, 3.0, 4.0]).magnitude().round(3)
        Array(1.283, dtype=float32)
        """
        quat = self.quat
        return (2 * jnp.arctan2(_norm(quat[..., :3]), jnp.abs(quat[..., 3:])))[..., 0]

    def mean(self, weights: ArrayLike | None = None) -> Rotation:
        """The rotation with the least sum of squares of the distances to all (F. L. Markley et al., J. Guidance 30 (2007)).

        Raises ValueError for weights that are not one for each rotation.

        >>> Rotation.from_euler("z", [[0.0], [1.0]]).mean().magnitude().round(3)
        Array(0.5, dtype=float32)
        """
        dtype = self.quat.dtype
        w = jnp.ones(self.quat.shape[0], dtype) if weights is None else jnp.asarray(weights, dtype=dtype)
        if w.ndim != 1:
            raise ValueError(f"Expected `weights` to be 1 dimensional, got shape {w.shape}.")
        if w.shape[0] != len(self):
            raise ValueError(
                "Expected `weights` to have number of values equal to number of rotations, got"
                f" {w.shape[0]} values and {len(self)} rotations."
            )
        _, vectors = jnp.linalg.eigh((w * self.quat.T) @ self.quat)
        return Rotation(vectors[:, -1])

    @property
    def single(self) -> bool:
        """Whether the object holds one rotation.

        >>> Rotation.identity().single
        True
        """
        return self.quat.ndim == 1


def _euler_angles(quat: Array, axes: list[int], intrinsic: bool) -> Array:
    """The angles around axes that are fixed; those of a body's axes are the same ones in the opposite order."""
    i, j, k = axes
    symmetric = i == k
    k = 3 - i - j if symmetric else k
    # 1 if the axes follow each other as x, y, z do, else -1.
    sign = (i - j) * (j - k) * (k - i) // 2
    x = [quat[..., n] for n in range(4)]
    a, b, c, d = x[3], x[i], x[j], x[k] * sign
    if not symmetric:
        a, b, c, d = a - c, b + d, c + a, d - b
    middle = 2 * jnp.arctan2(jnp.hypot(c, d), jnp.hypot(a, b))
    half_sum, half_difference = jnp.arctan2(b, a), jnp.arctan2(d, c)
    # At 0 and pi of the middle angle, only a sum or a difference of the others is known.
    at_zero, at_pi = jnp.abs(middle) <= 1e-7, jnp.abs(middle - np.pi) <= 1e-7
    of_first = jnp.where(at_zero, 2 * half_sum, 2 * half_difference * (1 if intrinsic else -1))
    degenerate = at_zero | at_pi
    first, third = half_sum - half_difference, half_sum + half_difference
    first, third = (third, first) if intrinsic else (first, third)
    angles = [jnp.where(degenerate, of_first, first), middle, jnp.where(degenerate, 0, third)]
    if not symmetric:
        last = 0 if intrinsic else 2
        angles[last] = angles[last] * sign
        angles[1] = middle - np.pi / 2
    return (jnp.stack(angles, -1) + np.pi) % (2 * np.pi) - np.pi


class Slerp(NamedTuple):
    """Interpolation between rotations at a constant speed (`jax.scipy.spatial.transform.Slerp`).

    K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985.

    >>> turns = Rotation.from_euler("z", [[0.0], [90.0]], degrees=True)
    >>> Slerp.init([0, 1], turns)(0.5).magnitude().round(3)
    Array(0.785, dtype=float32)
    """

    times: Array
    timedelta: Array
    rotations: Rotation
    rotvecs: Array

    @classmethod
    def init(cls, times: ArrayLike, rotations: Rotation) -> Slerp:
        """The interpolation of rotations at increasing times. Raises TypeError if they are no `Rotation`, ValueError if there
        are fewer than two, or not one for each time.

        >>> Slerp.init([0, 2], Rotation.from_euler("x", [[0.0], [1.0]])).timedelta
        Array([2.], dtype=float32)
        """
        if not isinstance(rotations, Rotation):
            raise TypeError("`rotations` must be a `Rotation` instance.")
        if rotations.single or len(rotations) == 1:
            raise ValueError("`rotations` must be a sequence of at least 2 rotations.")
        times = jnp.asarray(times, dtype=rotations.quat.dtype)
        if times.ndim != 1:
            raise ValueError(f"Expected times to be specified in a 1 dimensional array, got {times.ndim} dimensions.")
        if times.shape[0] != len(rotations):
            raise ValueError(
                "Expected number of rotations to be equal to number of timestamps given, got"
                f" {len(rotations)} rotations and {times.shape[0]} timestamps."
            )
        first, second = Rotation(rotations.quat[:-1]), Rotation(rotations.quat[1:])
        return cls(times, jnp.diff(times), first, (first.inv() * second).as_rotvec())

    def __call__(self, times: ArrayLike) -> Rotation:
        """The rotations at `times`, a number or (n,); before the first and behind the last time the turn goes on."""
        asked = jnp.asarray(times, dtype=self.times.dtype)
        if asked.ndim > 1:
            raise ValueError("`times` must be at most 1-dimensional.")
        at = jnp.atleast_1d(jnp.asarray(asked))
        i = jnp.maximum(jnp.searchsorted(self.times, at) - 1, 0)
        part = (at - self.times[i]) / self.timedelta[i]
        result = self.rotations[i] * Rotation.from_rotvec(self.rotvecs[i] * part[:, None])
        return result[0] if asked.ndim == 0 else result


__all__ = ["Rotation", "Slerp"]
