"""A transformer of one layer learns to turn words round: from "abcdef>" it goes on with "fedcba".

Each place looks at all places before it, and takes from each as much as its question fits the other's key. The loss asks each place
for the next letter, so one pass teaches all of them. What the heads look at can be seen: the letter that is the mirror image.
(Vaswani and others, Attention is all you need, 2017.)
"""

from typing import Any

import minijax as jax
import minijax.numpy as jnp

LETTERS, LENGTH, WIDTH, HEADS = 8, 6, 32, 4
PLACES = 2 * LENGTH  # The word, the mark, and the word turned round but for its last letter.
Params = dict[str, jax.Array]


def data(key: jax.Array, count: int) -> jax.Array:
    """Words, the mark, and the words turned round: integers [count, 13]."""
    words = jax.random.randint(key, (count, LENGTH), 0, LETTERS)
    return jnp.concatenate([words, jnp.full((count, 1), LETTERS), words[:, ::-1]], axis=1)


def init(key: jax.Array) -> Params:
    shapes = {
        "letter": (LETTERS + 1, WIDTH),
        "place": (PLACES, WIDTH),
        "question": (WIDTH, HEADS, WIDTH // HEADS),
        "key": (WIDTH, HEADS, WIDTH // HEADS),
        "value": (WIDTH, HEADS, WIDTH // HEADS),
        "mixed": (HEADS, WIDTH // HEADS, WIDTH),
        "hidden": (WIDTH, 4 * WIDTH),
        "output": (4 * WIDTH, WIDTH),
        "next": (WIDTH, LETTERS + 1),
    }
    keys = jax.random.split(key, len(shapes))
    return {n: jax.random.normal(k, shape) * WIDTH**-0.5 for k, (n, shape) in zip(keys, shapes.items())}


def logits(params: Params, letters: jax.Array) -> jax.Array:
    """[examples, places] -> [examples, places, letters]"""
    x = params["letter"][letters] + params["place"]
    parts = (jnp.einsum("npw,whd->nphd", jax.nn.standardize(x), params[n]) for n in ("question", "key", "value"))
    x = x + jnp.einsum("nphd,hdw->npw", jax.nn.dot_product_attention(*parts, is_causal=True), params["mixed"])
    x = x + jax.nn.gelu(jax.nn.standardize(x) @ params["hidden"]) @ params["output"]
    return jax.nn.standardize(x) @ params["next"]


def loss(params: Params, texts: jax.Array) -> jax.Array:
    """Mean cross entropy of the letters behind the mark; the word itself cannot be known."""
    log_p = jax.nn.log_softmax(logits(params, texts[:, :-1]))
    right = jnp.take_along_axis(log_p, texts[:, 1:, None], axis=-1)[..., 0]
    return -jnp.mean(right[:, LENGTH:])


@jax.jit
def step(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
    """A step of Adam on new words."""
    params, first, second, count = state
    value, slope = jax.value_and_grad(loss)(params, data(key, 64))
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slope)
    second = jax.tree.map(lambda m, g: 0.98 * m + 0.02 * g**2, second, slope)
    rate = 0.005 * jnp.minimum(1.0, (count + 1) / 50)
    params = jax.tree.map(
        lambda p, m, s: p - rate * m / (jnp.sqrt(s / (1 - 0.98 ** (count + 1))) + 1e-6), params, first, second
    )
    return (params, first, second, count + 1), value


def train(updates: int) -> tuple[Params, jax.Array]:
    """(the parameters, the loss at each step)"""
    weights, words = jax.random.split(jax.random.key(0))
    params = init(weights)
    zeros = jax.tree.map(jnp.zeros_like, params)
    state, values = (params, zeros, zeros, 0.0), []
    for key in jax.random.split(words, updates):
        state, value = step(state, key)
        values.append(value)
    return state[0], jnp.stack(values)


def turned(params: Params, words: jax.Array) -> jax.Array:
    """What the transformer writes behind words [count, 6], a letter after the other."""
    empty = jnp.zeros((len(words), LENGTH - 1), words.dtype)
    texts = jnp.concatenate([words, jnp.full((len(words), 1), LETTERS), empty], axis=1)

    def write(i: jax.Array, texts: jax.Array) -> jax.Array:
        letter = jnp.argmax(logits(params, texts)[:, LENGTH + i], axis=-1)
        return texts.at[:, LENGTH + 1 + i].set(letter, mode="drop")

    texts = jax.lax.fori_loop(0, LENGTH - 1, write, texts)
    last = jnp.argmax(logits(params, texts)[:, -1], axis=-1)
    return jnp.concatenate([texts[:, LENGTH + 1 :], last[:, None]], axis=1)


def main() -> None:
    params, values = train(200)
    for update in (0, 50, 100, 199):
        print(f"update {update:3}   loss {values[update]:.3f}")
    words = data(jax.random.key(9), 200)[:, :LENGTH]
    found = turned(params, words)
    print(f"{100 * jnp.mean(jnp.all(found == words[:, ::-1], axis=1)):.0f} % of 200 new words are turned round")
    for word, other in zip(words[:3].tolist(), found[:3].tolist()):
        print(" ", *("".join("abcdefgh>"[i] for i in letters) for letters in (word, other)))


if __name__ == "__main__":
    main()
