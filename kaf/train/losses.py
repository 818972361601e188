"""Losses: means over a batch. They take logits, not probabilities, so that no exponential overflows."""

from __future__ import annotations

from typing import Any

import numpy

from ..backend import Array, get_backend, get_tree_backend


def cross_entropy(logits: Array, labels: Array) -> Array:
    """The mean of -log softmax(logits)[label], a scalar, for logits [..., classes] and integer labels [...].

    The mean is NaN if a label is not the number of a class, and for an empty batch (0/0). Raises ValueError if the shapes do
    not fit, and TypeError for labels that are not integers.

    >>> round(float(cross_entropy([[0.0, 0.0]], [1])), 4)
    0.6931
    """
    backend = get_backend(logits, labels)
    xp = backend.np
    logits, labels = xp.asarray(logits), xp.asarray(labels)
    if not xp.issubdtype(labels.dtype, xp.integer):
        raise TypeError(
            f"cross_entropy: labels must be integers, the numbers of the classes; their dtype is {labels.dtype}."
        )
    if logits.shape[:-1] != labels.shape or not logits.shape:
        raise ValueError(
            "cross_entropy: logits must be [..., classes] for labels [...]; "
            f"logits have shape {logits.shape}, labels {labels.shape}."
        )
    is_label = labels[..., None] == xp.arange(logits.shape[-1])
    # `where` and a sum instead of indexing: the gradient of `where` is another `where`, the gradient of indexing is a
    # scatter, which is slower.
    at_label = xp.where(is_label, logits, 0).sum(-1)
    at_label = xp.where(is_label.any(-1), at_label, xp.nan)
    return (backend.nn.logsumexp(logits, -1) - at_label).mean()


def binary_cross_entropy(logits: Array, labels: Array) -> Array:
    """The mean of -log sigmoid(logit) for labels 1 and of -log sigmoid(-logit) for labels 0, a scalar.

    Logits and labels have the same shape, or the logits have an additional last axis of size 1, as the outputs of a network
    with one output unit. Labels may lie between 0 and 1. Raises ValueError for other shapes.

    >>> round(float(binary_cross_entropy([[0.0], [0.0]], [0, 1])), 4)
    0.6931
    """
    backend = get_backend(logits, labels)
    logits, labels = _same_shape("binary_cross_entropy", "logits", backend.np, logits, labels)
    # -log sigmoid(x) = softplus(-x) = softplus(x) - x.
    return (backend.nn.softplus(logits) - logits * labels).mean()


def mean_squared_error(predictions: Array, targets: Array) -> Array:
    """The mean of (prediction - target)^2, a scalar. The shapes are as in `binary_cross_entropy`.

    >>> float(mean_squared_error([1.0, 2.0], [1.0, 4.0]))
    2.0
    """
    xp = get_backend(predictions, targets).np
    predictions, targets = _same_shape("mean_squared_error", "predictions", xp, predictions, targets)
    return ((predictions - targets) ** 2).mean()


def _same_shape(function: str, name: str, xp, outputs, targets):
    outputs, targets = xp.asarray(outputs), xp.asarray(targets)
    if outputs.shape == (*targets.shape, 1):
        outputs = outputs[..., 0]
    # Without this check [n, 1] and [n] would broadcast to [n, n], and the loss would be a wrong number.
    if outputs.shape != targets.shape:
        raise ValueError(
            f"{function}: {name} have shape {outputs.shape}, the targets {targets.shape}; they must be equal."
        )
    return outputs, targets


def accuracy(logits: Array, labels: Array) -> Array:
    """The share of examples whose predicted label is right, a float32 scalar; NaN for an empty batch.

    For logits [..., classes] the predicted label is the class with the largest logit. For logits with the shape of the
    labels, or with an additional last axis of size 1, it is 1 for positive logits and 0 for others. Raises ValueError for
    other shapes.

    >>> float(accuracy([[1.0, 0.0], [2.0, 0.0]], [0, 1]))
    0.5
    """
    xp = get_backend(logits, labels).np
    logits, labels = xp.asarray(logits), xp.asarray(labels)
    if logits.shape in (labels.shape, (*labels.shape, 1)):
        predicted = logits.reshape(labels.shape) > 0
    elif logits.shape[:-1] == labels.shape:
        predicted = logits.argmax(-1)
    else:
        raise ValueError(
            "accuracy: logits must be [..., classes] for labels [...], or have the labels' shape; "
            f"logits have shape {logits.shape}, labels {labels.shape}."
        )
    return (predicted == labels).mean()


def l2_alpha(model: Any) -> Array | float:
    """The sum of the squares of all coefficients alpha of a model, a scalar; 0.0 for a model without KAFs.

    >>> from kaf.layers import KAF
    >>> float(l2_alpha(KAF([[1.0, 2.0]])))
    5.0
    """
    tree_util = get_tree_backend(model).tree_util
    nodes = filter(has_alpha, tree_util.tree_leaves(model, is_leaf=has_alpha))
    # An alpha may be a tree itself: in a Flax module it is a node that holds the array.
    alphas = [leaf for node in nodes for leaf in tree_util.tree_leaves(node.alpha)]
    return sum(((get_backend(alpha).np.asarray(alpha) ** 2).sum() for alpha in alphas), 0.0)


def sparsity(model: Any, entropy: float = 1.0) -> Array | float:
    """A penalty under which few edges of a KAN stay strong, a scalar; 0.0 for a model without KAN layers.

    The strength of an edge is the mean of |alpha|, plus |base|. A layer's penalty is the sum of the strengths of its edges (L1),
    plus `entropy` times the entropy of their shares of the sum. Source: Liu et al., arXiv 2404.19756, section 2.5.1, with
    coefficients in place of outputs, so no array has a value for each example and edge. For `penalty` of `kaf.fit`.

    >>> from kaf.layers import KAN
    >>> net = KAN.init(0, [2, 3, 1])
    >>> bool(sparsity(net) > sparsity(net, entropy=0.0) > 0)
    True
    """
    tree_util = get_tree_backend(model).tree_util
    total: Array | float = 0.0
    for node in filter(has_alpha, tree_util.tree_leaves(model, is_leaf=has_alpha)):
        node = node.to_layer() if hasattr(node, "to_layer") else node
        if not hasattr(node, "bases"):
            continue
        xp = get_backend(node.alpha).np
        strengths = xp.abs(xp.asarray(node.alpha)).mean(-1)
        if node.base is not None:
            strengths = strengths + xp.abs(xp.asarray(node.base))
        if node.mask is not None:
            strengths = xp.where(numpy.asarray(node.mask), strengths, 0)
        whole = strengths.sum()
        shares = strengths / (whole + 1e-12)
        total = total + whole - entropy * (shares * xp.log(shares + 1e-12)).sum()
    return total


def has_alpha(node: Any) -> bool:
    """Whether a node of a model is a layer with coefficients alpha. Its class says so by the attribute `has_alpha`.

    >>> from kaf.layers import KAF, Linear
    >>> has_alpha(KAF.init(0, 3)), has_alpha(Linear.init(0, 3, 2))
    (True, False)
    """
    return getattr(type(node), "has_alpha", False)
